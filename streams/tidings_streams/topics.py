"""Topic names, and how each topic is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CUSTOMER_MESSAGES = "customer-messages"
ROUTED_MESSAGES = "routed-messages"
TRIAGE_MESSAGES = "triage-messages"
NEWS_MESSAGES = "news-messages"
SCORED_MESSAGES = "scored-messages"
SENTIMENT_TRENDS = "sentiment-trends"
DEAD_LETTERS = "dead-letters"

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """How a topic is made: `retention_seconds` bounds the age of its records."""

    name: str
    partitions: int
    retention_seconds: int
    compacted: bool = False

    def configuration(self) -> dict[str, str]:
        """Kafka's topic settings."""
        return {
            "cleanup.policy": "compact,delete" if self.compacted else "delete",
            "retention.ms": str(self.retention_seconds * 1000),
        }


def queue_topic(queue: str) -> str:
    """Name of the topic that a queue's team reads."""
    return f"queue-{queue}"


def topic_specs(*, queues: Iterable[str], partitions: int) -> list[TopicSpec]:
    """Every topic that the two applications read or write.

    `sentiment-trends` has as many partitions as `scored-messages`: a window is written to the
    partition from which its records came.
    """
    week = 7 * DAY_SECONDS
    names = (CUSTOMER_MESSAGES, ROUTED_MESSAGES, TRIAGE_MESSAGES, NEWS_MESSAGES, SCORED_MESSAGES)
    streams = [*names, *(queue_topic(queue) for queue in sorted(set(queues)))]
    return [
        *(TopicSpec(name=name, partitions=partitions, retention_seconds=week) for name in streams),
        TopicSpec(
            name=SENTIMENT_TRENDS,
            partitions=partitions,
            retention_seconds=30 * DAY_SECONDS,
            compacted=True,
        ),
        TopicSpec(name=DEAD_LETTERS, partitions=partitions, retention_seconds=30 * DAY_SECONDS),
    ]
