"""What is kept of the trend windows."""

from __future__ import annotations

from datetime import timedelta

from harness.outputs import NOON, trend
from tidings_services.dashboard.trends import (
    MOST_TICKERS,
    MOST_WINDOWS,
    SHOWN_TICKERS,
    Trends,
)
from tidings_streams.records import TrendWindow


def trends_of(*windows: TrendWindow) -> Trends:
    trends = Trends()
    for window in windows:
        trends.add(window)
    return trends


def test_later_record_of_a_window_replaces_the_earlier() -> None:
    shown = trends_of(trend(mean=0.1, messages=1), trend(mean=0.4, messages=3)).view().tickers[0]

    assert [(point.mean, point.messages) for point in shown.points] == [(0.4, 3)]
    assert shown.last == 0.4


def test_mean_weighs_each_window_by_its_messages() -> None:
    minute = timedelta(minutes=1)
    shown = trends_of(
        trend(mean=1.0, messages=1), trend(mean=-0.5, messages=3, start=NOON + minute)
    ).view()

    assert shown.tickers[0].mean == -0.125


def test_recent_mean_is_of_the_last_five_minutes() -> None:
    old = trend(mean=-1.0, start=NOON)
    new = [trend(mean=0.5, start=NOON + timedelta(minutes=5 + n)) for n in range(5)]

    assert trends_of(old, *new).view().tickers[0].recent == 0.5


def test_windows_are_in_order_of_time_however_they_came() -> None:
    starts = [NOON + timedelta(minutes=n) for n in (2, 0, 1)]
    shown = trends_of(*(trend(start=start) for start in starts)).view().tickers[0]

    assert [point.start for point in shown.points] == sorted(point.start for point in shown.points)


def test_hours_and_days_are_not_in_the_series() -> None:
    assert not trends_of(trend(window_seconds=3600), trend(window_seconds=86_400)).view().tickers


def test_busiest_ticker_comes_first() -> None:
    view = trends_of(trend("A", messages=2), trend("B", messages=9), trend("C", messages=2)).view()

    assert [shown.ticker for shown in view.tickers] == ["B", "A", "C"]


def test_ticker_that_went_silent_is_no_longer_shown() -> None:
    view = trends_of(trend("OLD", start=NOON - timedelta(days=2)), trend("NEW")).view()

    assert [shown.ticker for shown in view.tickers] == ["NEW"]


def test_one_ticker_keeps_a_bounded_number_of_windows() -> None:
    trends = trends_of(*(trend(start=NOON + timedelta(minutes=n)) for n in range(500)))

    points = trends.view().tickers[0].points

    assert len(points) == MOST_WINDOWS
    assert points[-1].start == (NOON + timedelta(minutes=499)).timestamp()


def test_number_of_tickers_is_bounded() -> None:
    trends = trends_of(*(trend(f"T{n}") for n in range(2 * MOST_TICKERS)))

    assert len(trends) == MOST_TICKERS
    assert len(trends.view().tickers) == SHOWN_TICKERS


def test_stalest_ticker_makes_room() -> None:
    crowd = [trend(f"T{n}", start=NOON + timedelta(minutes=1)) for n in range(MOST_TICKERS - 1)]
    trends = trends_of(trend("STALE", messages=99), *crowd, trend("FRESH", messages=50))

    shown = [each.ticker for each in trends.view().tickers]

    assert "STALE" not in shown
    assert shown[0] == "FRESH"
