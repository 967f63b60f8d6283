"""The sentiment trend of each ticker: its newest one-minute windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from tidings_streams.records import TrendWindow

WINDOW_SECONDS = 60
MOST_WINDOWS = 120
MOST_TICKERS = 500
SHOWN_TICKERS = 24
RECENT_WINDOWS = 5


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
    """What the page shows of a ticker; means and shares weigh each window by its messages.

    `last` is the newest window's mean, `recent` that of the newest `RECENT_WINDOWS` minutes: a
    window that has only begun says little.
    """

    ticker: str
    entity: str | None
    messages: int
    last: float
    recent: float
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
        self._entities.pop(ticker, None)  # the newest last
        self._entities[ticker] = entity
        if len(self._entities) > MOST_TICKERS:
            del self._entities[next(iter(self._entities))]

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


def _summarize(ticker: str, entity: str | None, points: list[TrendPoint]) -> TickerTrend:
    newest = points[-1].start
    recent = [p for p in points if p.start > newest - RECENT_WINDOWS * WINDOW_SECONDS]
    return TickerTrend(
        ticker=ticker,
        entity=entity,
        messages=sum(point.messages for point in points),
        last=points[-1].mean,
        recent=_weighted((p.messages, p.mean) for p in recent),
        mean=_weighted((p.messages, p.mean) for p in points),
        share_positive=_weighted((p.messages, p.share_positive) for p in points),
        share_negative=_weighted((p.messages, p.share_negative) for p in points),
        points=points,
    )


def _weighted(pairs: Iterable[tuple[int, float]]) -> float:
    """Average the values of (weight, value) pairs; 0 where nothing weighs."""
    together = list(pairs)
    weight = sum(weight for weight, _ in together)
    return round(sum(w * value for w, value in together) / weight, 4) if weight else 0.0
