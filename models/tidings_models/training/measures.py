"""What a classifier is judged by: plain functions of arrays; numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.integer[Any]]


def accuracy(truth: Indices, chosen: Indices) -> float:
    """Return the share of rows, 0..1, whose chosen class is the true one; 0 without rows."""
    return float(np.mean(truth == chosen)) if len(truth) else 0.0


def macro_f1(truth: Indices, chosen: Indices) -> float:
    """Return the unweighted mean of F1, 0..1, over the classes in either input (rows)."""
    scores = []
    for label in np.union1d(truth, chosen):
        hits = float(np.sum((truth == label) & (chosen == label)))
        scores.append(2.0 * hits / float(np.sum(truth == label) + np.sum(chosen == label)))
    return float(np.mean(scores)) if scores else 0.0


def auroc(inside: NDArray[np.floating[Any]], outside: NDArray[np.floating[Any]]) -> float:
    """Return the chance, 0..1, that an outside value is above an inside one, ties half.

    The area under the ROC curve by Mann and Whitney's U; both inputs (rows), neither empty.
    """
    ranked = np.sort(inside)
    below = np.searchsorted(ranked, outside, side="left")
    not_above = np.searchsorted(ranked, outside, side="right")
    return float(np.mean((below + not_above) / 2.0) / len(inside))


def false_positives_at(
    inside: NDArray[np.floating[Any]], outside: NDArray[np.floating[Any]], *, kept: float
) -> float:
    """Return the share of outside values that pass where a share `kept` of the inside ones does."""
    bound = np.quantile(inside, kept, method="inverted_cdf")
    return float(np.mean(outside <= bound))
