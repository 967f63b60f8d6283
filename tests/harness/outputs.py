"""Records as the two applications write them, with fields that a test may set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tidings_streams.records import (
    Alternative,
    DeadLetter,
    Reason,
    RoutedMessage,
    ScoredMessage,
    Source,
    TrendState,
    TrendWindow,
    TriagedMessage,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENT_AGE = timedelta(milliseconds=250)


def customer_source(offset: int, partition: int = 0) -> Source:
    return Source(topic="customer-messages", partition=partition, offset=offset)


def routed(offset: int = 0, *, at: datetime = NOON, **fields: Any) -> RoutedMessage:
    return RoutedMessage(**_intent_fields(offset, at, fields))


def triaged(
    offset: int = 0, *, at: datetime = NOON, because: str = "unsure", **fields: Any
) -> TriagedMessage:
    return TriagedMessage(abstained_because=because, **_intent_fields(offset, at, fields))


def _intent_fields(offset: int, at: datetime, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "message_id": f"m-{offset}",
        "text": "where is my new card?",
        "customer_id": "C-1",
        "channel": "chat",
        "sent_at": at - EVENT_AGE,
        "intent": "card_arrival",
        "probability": 0.91,
        "alternatives": [
            Alternative(intent="card_arrival", probability=0.91),
            Alternative(intent="lost_card", probability=0.05),
        ],
        "queue": "cards",
        "priority": "normal",
        "bundle": "intents-test",
        "decided_at": at,
        "source": customer_source(offset),
    } | fields


def scored(
    offset: int = 0, *, ticker: str | None = "NGLB", at: datetime = NOON, **fields: Any
) -> ScoredMessage:
    values: dict[str, Any] = {
        "message_id": f"n-{offset}",
        "text": "Northgale Bank raises its forecast",
        "ticker": ticker,
        "entity": None if ticker is None else f"{ticker} Company",
        "label": "positive",
        "probabilities": {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
        "net_sentiment": 0.6,
        "published_at": at - EVENT_AGE,
        "bundle": "sentiment-test",
        "decided_at": at,
        "source": Source(topic="news-messages", partition=0, offset=offset),
    }
    return ScoredMessage(**(values | fields))


def trend(
    ticker: str = "NGLB",
    *,
    start: datetime = NOON,
    mean: float = 0.3,
    messages: int = 4,
    window_seconds: int = 60,
) -> TrendWindow:
    return TrendWindow(
        ticker=ticker,
        window_start=start,
        window_seconds=window_seconds,
        messages=messages,
        mean=mean,
        low=max(-1.0, mean - 0.2),
        high=min(1.0, mean + 0.2),
        share_positive=0.5,
        share_negative=0.25,
        state=TrendState(
            total=mean * messages,
            total_squares=mean * mean * messages,
            positive=messages // 2,
            negative=messages // 4,
            latest_published_at=start,
            counted={"0": messages},
        ),
    )


def dead_letter(
    offset: int = 0, *, at: datetime = NOON, reason: Reason = Reason.NOT_JSON
) -> DeadLetter:
    return DeadLetter(
        reason=reason,
        detail="JSON is malformed: invalid character (byte 0)",
        source=customer_source(offset),
        failed_at=at,
    )
