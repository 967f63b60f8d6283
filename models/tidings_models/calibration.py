"""Logits to probabilities that mean what they say, and when to abstain; numpy only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_LOG_TEMPERATURES = (math.log(0.05), math.log(20.0))


def softmax(logits: Floats, *, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities, same shape, each in 0..1, adding up to 1 over the last axis.

    softmax(z / T), Guo et al. 2017, "On Calibration of Modern Neural Networks"; T > 0.
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def energy(logits: Floats) -> NDArray[np.float64]:
    """Return -log(sum_k exp(z_k)) over the last axis (Liu et al. 2020); higher is stranger."""
    values = np.asarray(logits, dtype=np.float64)
    highest = values.max(axis=-1, keepdims=True)
    total = np.log(np.exp(values - highest).sum(axis=-1))
    return np.asarray(-(highest[..., 0] + total), dtype=np.float64)


def negative_log_likelihood(
    logits: Floats, truth: NDArray[np.integer[Any]], *, temperature: float
) -> float:
    """Return the mean of -log p(truth) for logits (rows, classes) and class indices (rows)."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    return float(np.mean(-energy(scaled) - scaled[np.arange(len(scaled)), truth]))


def fit_temperature(logits: Floats, truth: NDArray[np.integer[Any]]) -> float:
    """Return the temperature in 0.05..20 with the least negative log-likelihood.

    The likelihood is concave in 1 / T, hence unimodal in log T: golden-section search.
    Raises ValueError without rows.
    """
    if len(logits) == 0:
        raise ValueError("a temperature needs rows to be fitted to")
    return math.exp(
        _golden_section(
            lambda log_t: negative_log_likelihood(logits, truth, temperature=math.exp(log_t)),
            *_LOG_TEMPERATURES,
        )
    )


def expected_calibration_error(
    probabilities: Floats, correct: NDArray[np.bool_], *, bins: int = 15
) -> float:
    """Return the mean gap, 0..1, between the top probability and how often it is right.

    Equal-width bins, weighted by their rows (Guo et al. 2017, equation 3); both inputs (rows).
    """
    if len(probabilities) == 0:
        return 0.0
    bin_of = np.clip((np.asarray(probabilities) * bins).astype(int), 0, bins - 1)
    gaps = np.bincount(
        bin_of, weights=np.asarray(probabilities, dtype=np.float64) - correct, minlength=bins
    )
    return float(np.abs(gaps).sum() / len(probabilities))


def choose_abstention(
    probabilities: Floats, correct: NDArray[np.bool_], *, max_error: float
) -> float:
    """Return the lowest threshold at which at most `max_error` of the decided rows is wrong.

    A row is decided where its top probability is at least the threshold.  0 where every row may
    be decided, 1 where no threshold is enough.  Both inputs (rows).
    """
    order = np.argsort(-np.asarray(probabilities), kind="stable")
    ranked = np.asarray(probabilities, dtype=np.float64)[order]
    errors = np.cumsum(~np.asarray(correct)[order]) / np.arange(1, len(order) + 1)
    # Equal probabilities are decided together: only the last of them is a threshold.
    is_last = np.append(ranked[1:] < ranked[:-1], True)[: len(ranked)]
    allowed = np.flatnonzero((errors <= max_error) & is_last)
    if len(allowed) == 0:
        return 1.0
    return 0.0 if allowed[-1] == len(ranked) - 1 else float(ranked[allowed[-1]])


def choose_energy_bound(energies: Floats, *, kept: float) -> float:
    """Return the lowest of the given energies (rows) that at least `kept` of them do not exceed."""
    return float(np.quantile(np.asarray(energies, dtype=np.float64), kept, method="inverted_cdf"))


def _golden_section(
    function: Callable[[float], float], low: float, high: float, *, within: float = 1e-6
) -> float:
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > within:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2.0
