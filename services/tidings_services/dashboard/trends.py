"""The sentiment trend of each ticker: its newest one-minute windows."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tidings_streams.records import TrendWindow

WINDOW_SECONDS = 60
MOST_WINDOWS = 120
MOST_TICKERS = 500
SHOWN_TICKERS = 24


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One window: `start` in Unix seconds; `mean`, `low` and `high` are -1..1, shares 0..1."""

    start: int
    mean: float
    low: float
    high: float
    messages: int
    share_positive: float
    share_negative: float


class TickerTrend(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows of a ticker; means and shares weigh each window by its messages."""

    ticker: str
    entity: str | None
    messages: int
    last: float
    mean: float
    share_positive: float
    share_negative: float
    points: list[TrendPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendsView:
    """The busiest tickers, most messages first, and how many there are in all."""

    tickers: list[TickerTrend]
    known: int


class Trends:
    """Windows by ticker, at most `MOST_WINDOWS` of each and `MOST_TICKERS` tickers."""

    def __init__(self) -> None:
        self._windows: dict[str, dict[int, TrendPoint]] = {}
        self._entities: dict[str, str] = {}

    def add(self, window: TrendWindow) -> None:
        """Take in a window; a later record of the same window replaces the earlier."""
        if window.window_seconds != WINDOW_SECONDS:
            return
        if window.ticker not in self._windows and len(self._windows) >= MOST_TICKERS:
            self._forget_stalest()
        points = self._windows.setdefault(window.ticker, {})
        start = int(window.window_start.timestamp())
        points[start] = TrendPoint(
            start=start,
            mean=round(window.mean, 4),
            low=round(window.low, 4),
            high=round(window.high, 4),
            messages=window.messages,
            share_positive=round(window.share_positive, 4),
            share_negative=round(window.share_negative, 4),
        )
        if len(points) > MOST_WINDOWS:
            del points[min(points)]

    def name(self, ticker: str, entity: str) -> None:
        """Remember what company a ticker stands for."""
        if ticker in self._windows:
            self._entities[ticker] = entity

    def view(self) -> TrendsView:
        """Give the `SHOWN_TICKERS` busiest over the last `MOST_WINDOWS` minutes of events."""
        newest = max((max(points) for points in self._windows.values()), default=0)
        since = newest - MOST_WINDOWS * WINDOW_SECONDS
        trends = [
            _summarize(ticker, self._entities.get(ticker), shown)
            for ticker, points in self._windows.items()
            if (shown := [points[start] for start in sorted(points) if start > since])
        ]
        trends.sort(key=lambda trend: (-trend.messages, trend.ticker))
        return TrendsView(tickers=trends[:SHOWN_TICKERS], known=len(trends))

    def __len__(self) -> int:
        return len(self._windows)

    def _forget_stalest(self) -> None:
        stalest = min(self._windows, key=lambda ticker: max(self._windows[ticker]))
        del self._windows[stalest]
        self._entities.pop(stalest, None)


def _summarize(ticker: str, entity: str | None, points: list[TrendPoint]) -> TickerTrend:
    messages = sum(point.messages for point in points)

    def weighted(values: list[float]) -> float:
        weights = (point.messages for point in points)
        products = (weight * value for weight, value in zip(weights, values, strict=True))
        return round(sum(products) / messages, 4) if messages else 0.0

    return TickerTrend(
        ticker=ticker,
        entity=entity,
        messages=messages,
        last=points[-1].mean,
        mean=weighted([point.mean for point in points]),
        share_positive=weighted([point.share_positive for point in points]),
        share_negative=weighted([point.share_negative for point in points]),
        points=points,
    )
