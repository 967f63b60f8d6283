"""What a worker needs before it starts: a Kafka that answers, and its topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tidings_services.kafka_clients import KafkaUnreachable, new_admin
from tidings_services.settings import Settings
from tidings_streams.routing import read_routing_file
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    NEWS_MESSAGES,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
    TRIAGE_MESSAGES,
    queue_topic,
)

PATIENCE_SECONDS = 30.0


class TopicsMissing(Exception):  # noqa: N818 - the fact is the name
    """Topics that a worker needs are not there; the message names them and the remedy."""


def intents_topics(settings: Settings) -> set[str]:
    """What the intent router reads and writes; raises RoutingTableError."""
    queues = read_routing_file(settings.routing_table).queues
    fixed = {CUSTOMER_MESSAGES, ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS}
    return fixed | {queue_topic(queue) for queue in queues}


def sentiment_topics(_: Settings) -> set[str]:
    """What the sentiment monitor and its trend agent read and write."""
    return {NEWS_MESSAGES, SCORED_MESSAGES, SENTIMENT_TRENDS, DEAD_LETTERS}


def require_topics(
    settings: Settings,
    needed: set[str],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once every topic is there; a broker that does not answer is tried again for a while.

    Raises KafkaUnreachable after `patience_seconds`, and TopicsMissing at once.
    """
    end = time.monotonic() + patience_seconds
    wait = 0.5
    while True:
        try:
            partitions = _partitions(settings, needed)
            break
        except KafkaUnreachable:
            if time.monotonic() + wait > end:
                raise
        sleep(wait)
        wait = min(2 * wait, 5.0)
    missing = sorted(needed - partitions.keys())
    if missing:
        raise TopicsMissing(
            f"{settings.bootstrap_servers} has no topic {', '.join(missing)}; "
            "make them with `tidings topics create`"
        )
    scored, trends = partitions.get(SCORED_MESSAGES, 0), partitions.get(SENTIMENT_TRENDS, 0)
    if trends < scored:
        raise TopicsMissing(
            f"{SENTIMENT_TRENDS} has {trends} partitions and {SCORED_MESSAGES} {scored}; "
            f"a window is written to its messages' partition: give {SENTIMENT_TRENDS} {scored}"
        )


def _partitions(settings: Settings, needed: set[str]) -> Mapping[str, int]:
    """The number of partitions of each topic that is there."""
    admin = new_admin(settings)
    try:
        there = sorted(needed & set(admin.list_topics()))
        described = admin.describe_topics(there) if there else []
        return {topic["name"]: len(topic["partitions"]) for topic in described}
    finally:
        admin.close()
