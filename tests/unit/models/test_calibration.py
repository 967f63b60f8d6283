from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tidings_models.calibration import (
    choose_abstention,
    choose_energy_bound,
    energy,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    softmax,
)

LOGITS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12),
    elements=st.floats(-60, 60, width=32),
)


@given(LOGITS, st.floats(0.05, 20))
def test_probabilities_add_up_to_one_and_keep_the_order(
    logits: np.ndarray, temperature: float
) -> None:
    probabilities = softmax(logits, temperature=temperature)

    assert np.all((probabilities >= 0) & (probabilities <= 1))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-12)
    for row, chosen in zip(logits, probabilities, strict=True):
        assert chosen[row.argmax()] == chosen.max()


@given(LOGITS, st.floats(-1000, 1000))
def test_shifting_logits_leaves_probabilities_and_moves_energy(
    logits: np.ndarray, shift: float
) -> None:
    exact = logits.astype(np.float64)

    np.testing.assert_allclose(softmax(exact + shift), softmax(exact), atol=1e-9)
    np.testing.assert_allclose(energy(exact + shift), energy(exact) - shift, atol=1e-9)


def test_energy_is_minus_log_of_the_summed_powers() -> None:
    logits = np.array([[0.0, 0.0], [math.log(3.0), 0.0]])

    np.testing.assert_allclose(energy(logits), [-math.log(2.0), -math.log(4.0)])


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([1e4, 0.0])

    assert softmax(logits).tolist() == [1.0, 0.0]
    assert float(energy(logits)) == -1e4


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_fit_finds_the_temperature_that_drew_the_labels(temperature: float) -> None:
    chance = np.random.default_rng(7)
    logits = chance.normal(size=(20_000, 4)) * 3
    cumulated = softmax(logits, temperature=temperature).cumsum(axis=1)
    truth = (chance.random((20_000, 1)) > cumulated).sum(axis=1).clip(max=3)

    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.05)


@given(LOGITS, st.randoms(use_true_random=False))
def test_fit_is_no_worse_than_temperature_one(logits: np.ndarray, chance: object) -> None:
    truth = np.array([chance.randrange(logits.shape[1]) for _ in logits])  # type: ignore[attr-defined]
    fitted = fit_temperature(logits, truth)

    assert 0.05 <= fitted <= 20
    assert negative_log_likelihood(logits, truth, temperature=fitted) <= (
        negative_log_likelihood(logits, truth, temperature=1.0) + 1e-6
    )


def test_fit_without_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="rows"):
        fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int))


def test_certain_and_right_has_no_calibration_error() -> None:
    assert expected_calibration_error(np.ones(5), np.ones(5, dtype=bool)) == 0


def test_calibration_error_is_the_gap_weighted_by_rows() -> None:
    probabilities = np.array([0.9, 0.9, 0.3, 0.3])
    correct = np.array([True, False, False, False])

    # Bin of 0.9: 0.9 - 0.5; bin of 0.3: 0.3 - 0; half of the rows each.
    assert expected_calibration_error(probabilities, correct) == pytest.approx(0.35)


def test_calibration_error_without_rows_is_zero() -> None:
    assert expected_calibration_error(np.empty(0), np.empty(0, dtype=bool)) == 0


def test_abstention_decides_as_much_as_the_error_allows() -> None:
    probabilities = np.array([0.9, 0.8, 0.7, 0.6])
    correct = np.array([True, True, False, True])

    assert choose_abstention(probabilities, correct, max_error=0.3) == 0.0
    assert choose_abstention(probabilities, correct, max_error=0.1) == 0.8


def test_abstention_from_everything_where_nothing_is_good_enough() -> None:
    assert choose_abstention(np.array([0.9]), np.array([False]), max_error=0.5) == 1.0


@given(
    st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.9]), st.booleans()), min_size=1),
    st.floats(0.01, 0.99),
)
def test_abstention_keeps_its_bound_on_the_rows_it_was_chosen_on(
    rows: list[tuple[float, bool]], max_error: float
) -> None:
    probabilities = np.array([probability for probability, _ in rows])
    correct = np.array([right for _, right in rows])

    decided = probabilities >= choose_abstention(probabilities, correct, max_error=max_error)

    if decided.any():
        assert np.mean(~correct[decided]) <= max_error


@given(st.lists(st.floats(-50, 50), min_size=1), st.floats(0.01, 0.99))
def test_energy_bound_keeps_its_share(energies: list[float], kept: float) -> None:
    values = np.array(energies)

    bound = choose_energy_bound(values, kept=kept)

    assert np.mean(values <= bound) >= kept - 1e-9
    assert bound in values
