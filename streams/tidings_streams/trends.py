"""Event-time windows of net sentiment per ticker.

A window belongs to one partition of `scored-messages`, in which all of a ticker's records are; its
state travels in the record that is written to the same partition of `sentiment-trends`, so that
whoever gets the partition next goes on from there.  See `TrendState` for how repeats are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from tidings_streams.intervals import mean_interval
from tidings_streams.kafka import OutputRecord
from tidings_streams.outcomes import OutcomeKind
from tidings_streams.records import (
    ScoredMessage,
    TrendState,
    TrendWindow,
    encode_value,
    event_headers,
)
from tidings_streams.sentiment import NEGATIVE, POSITIVE
from tidings_streams.topics import DAY_SECONDS, SENTIMENT_TRENDS

NAME = "trends"
WINDOW_SECONDS = (60, 3600, DAY_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WindowKey:
    """A ticker's window; `start` is in seconds since the epoch, a multiple of `seconds`."""

    ticker: str
    seconds: int
    start: int

    @property
    def end(self) -> int:
        """The first second after the window."""
        return self.start + self.seconds


def window_keys(ticker: str, published_at: datetime) -> list[WindowKey]:
    """The windows, one of each length, into which a message of that time falls."""
    second = int(published_at.timestamp() // 1)
    return [
        WindowKey(ticker=ticker, seconds=seconds, start=second - second % seconds)
        for seconds in WINDOW_SECONDS
    ]


EMPTY = TrendState(
    total=0.0,
    total_squares=0.0,
    positive=0,
    negative=0,
    latest_published_at=datetime.min.replace(tzinfo=UTC),
    counted={},
)


def is_counted(state: TrendState, scored: ScoredMessage) -> bool:
    """Whether this message, or a later one of its partition, is already in the window."""
    return state.counted.get(str(scored.source.partition), -1) >= scored.source.offset


def add_message(state: TrendState, scored: ScoredMessage) -> TrendState:
    """The window's state with one message more."""
    net = scored.net_sentiment
    return TrendState(
        total=state.total + net,
        total_squares=state.total_squares + net * net,
        positive=state.positive + (scored.label == POSITIVE),
        negative=state.negative + (scored.label == NEGATIVE),
        latest_published_at=max(state.latest_published_at, scored.published_at),
        counted={**state.counted, str(scored.source.partition): scored.source.offset},
    )


def describe_window(key: WindowKey, messages: int, state: TrendState) -> TrendWindow:
    """What readers see of a window with at least one message."""
    mean, low, high = mean_interval(
        count=messages, total=state.total, total_squares=state.total_squares
    )
    return TrendWindow(
        ticker=key.ticker,
        window_start=datetime.fromtimestamp(key.start, UTC),
        window_seconds=key.seconds,
        messages=messages,
        mean=mean,
        low=low,
        high=high,
        share_positive=state.positive / messages,
        share_negative=state.negative / messages,
        state=state,
    )


@dataclass(slots=True, kw_only=True)
class PartitionTrends:
    """The open windows of one partition of `scored-messages`.

    A window closes `lateness_seconds` after its end, by the latest event time of its partition;
    a message for a closed window is late.
    """

    partition: int
    lateness_seconds: float
    _windows: dict[WindowKey, tuple[int, TrendState]] = field(default_factory=dict)
    _watermark: float = float("-inf")

    def __len__(self) -> int:
        return len(self._windows)

    def restore(self, windows: Iterable[TrendWindow]) -> None:
        """Go on from the windows that were written to the partition, in the order written."""
        for window in windows:
            key = WindowKey(
                ticker=window.ticker,
                seconds=window.window_seconds,
                start=int(window.window_start.timestamp()),
            )
            self._windows[key] = (window.messages, window.state)
            self._advance(window.state.latest_published_at)
        self.close_windows()

    def add(self, scored: ScoredMessage) -> tuple[OutcomeKind, list[WindowKey]]:
        """Count a message in its open windows; what became of it, and the windows it changed.

        A message is late only where every one of its windows is closed.
        """
        if scored.ticker is None:
            return OutcomeKind.WITHOUT_TICKER, []
        self._advance(scored.published_at)
        keys = [key for key in window_keys(scored.ticker, scored.published_at) if self._open(key)]
        changed = []
        for key in keys:
            messages, state = self._windows.get(key, (0, EMPTY))
            if not is_counted(state, scored):
                self._windows[key] = (messages + 1, add_message(state, scored))
                changed.append(key)
        if changed:
            return OutcomeKind.COUNTED, changed
        return (OutcomeKind.REPEATED if keys else OutcomeKind.LATE), []

    def describe(self, key: WindowKey) -> TrendWindow:
        """What readers see of an open window."""
        return describe_window(key, *self._windows[key])

    def close_windows(self) -> int:
        """Forget the windows that can not change any more; how many there were."""
        closed = [key for key in self._windows if not self._open(key)]
        for key in closed:
            del self._windows[key]
        return len(closed)

    def _open(self, key: WindowKey) -> bool:
        return key.end + self.lateness_seconds > self._watermark

    def _advance(self, published_at: datetime) -> None:
        self._watermark = max(self._watermark, published_at.timestamp())


def window_record(window: TrendWindow, *, partition: int) -> OutputRecord:
    """The record of a window; the newest of a key is what compaction keeps."""
    start = msgspec.json.encode(window.window_start).decode().strip('"')
    key = f"{window.ticker}|{window.window_seconds}|{start}"
    return OutputRecord(
        topic=SENTIMENT_TRENDS,
        key=key.encode(),
        value=encode_value(window),
        headers=event_headers(
            kind="tidings.trend.updated",
            source=f"/tidings/{NAME}",
            identity=f"{key}/{window.messages}",
            received={},
        ),
        partition=partition,
    )
