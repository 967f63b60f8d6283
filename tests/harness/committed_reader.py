"""Reads whole topics as a careful consumer does: only what transactions committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from harness.kafka_topics import Record
from harness.waiting import wait_for


def read_committed(bootstrap_servers: str, topics: Iterable[str]) -> dict[str, list[Record]]:
    """Every committed record of the topics, each topic's in the order of partition and offset."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
        max_poll_records=5_000,
    )
    found: dict[str, list[Record]] = {topic: [] for topic in topics}
    try:
        places = [
            TopicPartition(topic, number)
            for topic in found
            for number in consumer.partitions_for_topic(topic)
        ]
        ends = consumer.end_offsets(places)
        consumer.assign(places)
        consumer.seek_to_beginning(*places)

        def unread() -> list[TopicPartition]:
            for batch in consumer.poll(timeout_ms=200).values():
                for each in batch:
                    found[each.topic].append(_record(each))
            return [place for place in places if consumer.position(place) < ends[place]]

        wait_for(unread, lambda left: not left, what="the topics to be read", interval=0)
    finally:
        consumer.close()
    return {topic: sorted(records, key=lambda each: each.place) for topic, records in found.items()}


def wait_until_no_transaction_is_open(
    bootstrap_servers: str, topics: Iterable[str], *, timeout: float
) -> None:
    """Wait until nothing in the topics is still undecided; a killed worker's times out."""
    readers = {
        level: KafkaConsumer(bootstrap_servers=bootstrap_servers, isolation_level=level)
        for level in ("read_committed", "read_uncommitted")
    }
    try:
        places = [
            TopicPartition(topic, number)
            for topic in topics
            for number in readers["read_committed"].partitions_for_topic(topic)
        ]
        wait_for(
            lambda: [reader.end_offsets(places) for reader in readers.values()],
            lambda ends: ends[0] == ends[1],
            what="every transaction to be committed or aborted",
            timeout=timeout,
        )
    finally:
        for reader in readers.values():
            reader.close()


def _record(each: Any) -> Record:
    return Record(
        topic=each.topic,
        partition=each.partition,
        offset=each.offset,
        key=each.key,
        value=each.value,
        headers=dict(each.headers),
    )
