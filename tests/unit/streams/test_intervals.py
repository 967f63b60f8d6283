from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tidings_streams.intervals import mean_interval, t_quantile

VALUES = st.lists(st.floats(-1, 1), min_size=1, max_size=50)


def interval(values: list[float]) -> tuple[float, float, float]:
    return mean_interval(
        count=len(values), total=sum(values), total_squares=sum(v * v for v in values)
    )


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 11, 12, 20, 30, 100, 10_000])
def test_quantile_is_student_s(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=5e-4)


def test_one_message_tells_nothing() -> None:
    assert interval([0.9]) == (pytest.approx(0.9), -1.0, 1.0)


def test_interval_is_student_s() -> None:
    values = [0.1, 0.3, -0.2, 0.4, 0.2]
    low, high = stats.t.interval(0.95, 4, loc=0.16, scale=stats.sem(values))

    assert interval(values) == pytest.approx((0.16, low, high), abs=1e-3)


@given(VALUES)
def test_interval_holds_the_mean_and_stays_in_range(values: list[float]) -> None:
    mean, low, high = interval(values)

    assert -1 <= low <= mean <= high <= 1
