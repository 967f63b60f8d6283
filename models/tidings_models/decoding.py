"""From logits to predictions: calibrated, most likely first, many rows at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidings_models.prediction import Prediction

_VECTOR = 8
"""float64 values in the widest vector register."""


class Decoder:
    """Turns logits (rows, labels) into predictions; a row's is bit-identical in any company.

    What rounds is the exponential, the sum over a row and the logarithm.  Rows are padded to whole
    vectors, so that no value of a row is ever computed in a vector's tail or with another row's;
    the sum runs within a row; the logarithm is taken value by value.
    """

    def __init__(self, labels: Sequence[str], *, temperature: float) -> None:
        self._labels = np.array(labels, dtype=object)
        self._temperature = temperature
        self._width = -(-len(labels) // _VECTOR) * _VECTOR

    def decode(self, logits: NDArray[np.float32]) -> list[Prediction]:
        """Return the prediction of each row of logits (rows, labels), in order.

        Probabilities are softmax(z / T) (Guo et al. 2017), equal ones in the labels' order.
        """
        rows, classes = logits.shape
        values = np.full((rows, self._width), -np.inf)
        values[:, :classes] = logits
        values -= (highest := values.max(axis=1, keepdims=True))
        totals = np.exp(values).sum(axis=1)
        powers = np.exp(values / self._temperature)
        shares = powers[:, :classes] / powers.sum(axis=1, keepdims=True)
        order = np.argsort(-shares, axis=1, kind="stable")
        return [
            Prediction(
                labels=tuple(labels), probabilities=tuple(probabilities), energy=-(top + log_total)
            )
            for labels, probabilities, top, log_total in zip(
                self._labels[order].tolist(),
                np.take_along_axis(shares, order, axis=1).tolist(),
                highest[:, 0].tolist(),
                map(math.log, totals.tolist()),
                strict=True,
            )
        ]
