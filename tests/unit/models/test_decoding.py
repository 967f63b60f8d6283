from __future__ import annotations

import numpy as np
import pytest

from tidings_models.calibration import energy, softmax
from tidings_models.decoding import Decoder
from tidings_models.prediction import Prediction


def decode(logits: np.ndarray, *, temperature: float = 1.0) -> list[Prediction]:
    names = [f"label {index}" for index in range(logits.shape[1])]
    return Decoder(names, temperature=temperature).decode(logits)


def make_logits(rows: int, labels: int) -> np.ndarray:
    return (np.random.default_rng(labels).standard_normal((rows, labels)) * 5).astype(np.float32)


@pytest.mark.parametrize("labels", [2, 3, 7, 8, 9, 77, 150, 1000])
def test_row_is_bit_identical_alone_and_in_any_company(labels: int) -> None:
    logits = make_logits(61, labels)
    alone = [decode(row[None], temperature=0.84)[0] for row in logits]

    for size in (61, 16, 7, 2):
        together = [
            prediction
            for start in range(0, 61, size)
            for prediction in decode(logits[start : start + size], temperature=0.84)
        ]
        assert together == alone


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_are_the_calibrated_softmax(temperature: float) -> None:
    logits = make_logits(20, 77)

    for row, prediction in zip(logits, decode(logits, temperature=temperature), strict=True):
        expected = softmax(row, temperature=temperature)
        assert prediction.label == f"label {row.argmax()}"
        assert prediction.probabilities == pytest.approx(sorted(expected, reverse=True), abs=1e-12)
        assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-12)


def test_energy_is_of_the_uncalibrated_logits() -> None:
    logits = make_logits(20, 77)

    found = [prediction.energy for prediction in decode(logits, temperature=0.3)]

    assert found == pytest.approx(energy(logits).tolist(), abs=1e-12)


def test_equally_likely_labels_keep_the_models_order() -> None:
    (prediction,) = decode(np.array([[1, 2, 1, 2]], dtype=np.float32))

    assert prediction.labels == ("label 1", "label 3", "label 0", "label 2")


def test_huge_logits_overflow_nothing() -> None:
    (prediction,) = decode(np.array([[3e38, -3e38]], dtype=np.float32))

    assert prediction.probabilities == (1.0, 0.0)


def test_no_row_is_no_prediction() -> None:
    assert decode(np.empty((0, 3), dtype=np.float32)) == []
