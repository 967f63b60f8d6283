"""The tests' own Kafka: what is written is read back, also after a restart."""

from __future__ import annotations

import pytest

from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics

pytestmark = pytest.mark.kafka


def test_produced_record_is_read_back(topics: Topics) -> None:
    places = topics.produce("customer-messages", [(b"ada", "Grüezi".encode(), {"trace": b"1"})])

    (record,) = topics.read_all("customer-messages")
    assert (record.key, record.value, record.headers) == (
        b"ada",
        "Grüezi".encode(),
        {"trace": b"1"},
    )
    assert [record.place] == places


def test_null_key_or_null_value_is_read_back(topics: Topics) -> None:
    topics.produce("customer-messages", [(b"ada", None, {}), (None, b"hello", {})])

    records = topics.read_all("customer-messages")
    assert {(record.key, record.value) for record in records} == {(b"ada", None), (None, b"hello")}


def test_every_record_of_every_partition_is_read_in_order(topics: Topics) -> None:
    places = topics.produce(
        "news-messages", [(None if n % 2 else b"%d" % n, b"%d" % n, {}) for n in range(2_000)]
    )

    records = topics.read_all("news-messages")
    assert [record.place for record in records] == sorted(places)
    assert {record.value for record in records} == {b"%d" % n for n in range(2_000)}
    assert len({record.partition for record in records}) == 3


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_records_outlive_the_broker(kafka: KafkaBroker, topics: Topics, way: str) -> None:
    topics.produce("customer-messages", [(b"ada", b"still here", {})])

    kafka.stop() if way == "stopped" else kafka.kill()
    kafka.start()

    assert [record.value for record in topics.read_all("customer-messages")] == [b"still here"]


@pytest.mark.parametrize("run", [1, 2])
def test_topics_are_empty_at_the_start_of_a_test(topics: Topics, run: int) -> None:
    assert topics.read_all("customer-messages") == []

    topics.produce("customer-messages", [(None, b"left behind", {})])


def test_committed_offsets_of_an_unknown_group_are_none(topics: Topics) -> None:
    assert topics.committed_offsets("nobody") == {}
