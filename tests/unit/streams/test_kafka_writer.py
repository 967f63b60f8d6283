from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from harness.fake_broker import FakeBroker
from harness.fake_group_client import CONNECTION
from tidings_streams.backoff import Backoff
from tidings_streams.kafka import OutputRecord
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_writer import BatchRefused, OutputWriter


def output(value: bytes, *, key: bytes | None = b"k", partition: int | None = None) -> OutputRecord:
    return OutputRecord(topic="out", key=key, value=value, headers={}, partition=partition)


def too_large(_topic: str, values: Sequence[bytes]) -> Exception | None:
    """As a broker whose batches may hold 10 bytes."""
    return MessageSizeTooLargeError() if sum(map(len, values)) > 10 else None


async def again(_error: Exception, _client: Any, _backoff: Backoff) -> None:
    await asyncio.sleep(0.01)


async def make_writer(
    broker: FakeBroker, *, on_error: Any = again, in_transactions: bool = False
) -> OutputWriter:
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    return OutputWriter(producer, on_error=on_error, in_transactions=in_transactions)


async def test_each_partition_holds_its_records_in_the_order_given() -> None:
    broker = FakeBroker(partitions=3, batch_records=4)
    writer = await make_writer(broker)
    records = [output(b"%d" % n, partition=n % 3) for n in range(60)]

    assert await writer.write(records) == [None] * 60

    for partition in range(3):
        assert broker.logs["out", partition] == [b"%d" % n for n in range(partition, 60, 3)]


async def test_records_of_one_key_are_in_one_partition_and_of_many_keys_in_all() -> None:
    broker = FakeBroker(partitions=3)
    writer = await make_writer(broker)

    await writer.write([output(b"same") for _ in range(20)])
    assert len(broker.logs) == 1

    await writer.write([output(b"other", key=b"%d" % n) for n in range(50)])
    assert len(broker.logs) == 3


async def test_records_without_key_share_a_partition_and_a_batch() -> None:
    broker = FakeBroker(partitions=50)
    writer = await make_writer(broker)

    await writer.write([output(b"%d" % n, key=None) for n in range(20)])

    assert len(broker.attempts) == 1


@pytest.mark.parametrize(
    "error", [KafkaConnectionError(), KafkaError("unexpected"), AssertionError()]
)
async def test_batch_that_failed_is_sent_again_before_the_next_one(error: Exception) -> None:
    broker = FakeBroker(batch_records=2, failures=[error, error])
    told: list[Exception] = []

    async def on_error(each: Exception, _client: Any, _backoff: Backoff) -> None:
        told.append(each)

    writer = await make_writer(broker, on_error=on_error)

    assert await writer.write([output(b"%d" % n) for n in range(6)]) == [None] * 6

    assert broker.logs["out", 0] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert told == [error, error]


async def test_batch_is_not_sent_again_where_the_error_is_not_answered() -> None:
    broker = FakeBroker(failures=[KafkaConnectionError("gone")])

    async def give_up(error: Exception, _client: Any, _backoff: Backoff) -> None:
        raise error

    writer = await make_writer(broker, on_error=give_up)

    with pytest.raises(KafkaConnectionError, match="gone"):
        await writer.write([output(b"a")])

    assert broker.written("out") == []


async def test_batch_that_is_too_large_is_split_and_none_is_refused() -> None:
    broker = FakeBroker(refuse=too_large)
    writer = await make_writer(broker)

    assert await writer.write([output(b"%04d" % n) for n in range(5)]) == [None] * 5

    assert broker.written("out") == [b"%04d" % n for n in range(5)]


async def test_only_the_record_that_is_too_large_is_refused() -> None:
    broker = FakeBroker(refuse=too_large)
    writer = await make_writer(broker)

    replies = await writer.write([output(b"a"), output(b"x" * 11), output(b"c")])

    assert [reply is None for reply in replies] == [True, False, True]
    assert str(replies[1]) == "out refused a record of 11 bytes: MessageSizeTooLargeError"
    assert broker.written("out") == [b"a", b"c"]


async def test_records_of_a_topic_that_may_not_be_written_are_refused_one_by_one() -> None:
    def forbid(_topic: str, values: Sequence[bytes]) -> Exception | None:
        return TopicAuthorizationFailedError() if b"secret" in values else None

    broker = FakeBroker(batch_records=1, refuse=forbid)
    writer = await make_writer(broker)

    replies = await writer.write([output(b"a"), output(b"secret"), output(b"c")])

    assert [reply is None for reply in replies] == [True, False, True]
    assert "TopicAuthorizationFailedError" in str(replies[1])


async def test_records_are_refused_where_the_topic_may_not_even_be_described() -> None:
    broker = FakeBroker()
    writer = await make_writer(broker)
    broker.clients[0].broken = TopicAuthorizationFailedError()

    writing = writer.write([output(b"a"), output(b"b")])
    replies = await asyncio.wait_for(writing, 1)

    assert [str(reply) for reply in replies] == [
        "out refused a record: TopicAuthorizationFailedError"
    ] * 2


async def test_topic_that_can_not_be_described_now_is_asked_for_again() -> None:
    broker = FakeBroker()

    async def repair(_error: Exception, client: Any, _backoff: Backoff) -> None:
        client.broken = None

    writer = await make_writer(broker, on_error=repair)
    broker.clients[0].broken = KafkaConnectionError()

    assert await writer.write([output(b"a")]) == [None]


async def test_refusal_in_a_transaction_ends_the_writing_and_names_the_batch() -> None:
    broker = FakeBroker(partitions=2, refuse=too_large)
    writer = await make_writer(broker, in_transactions=True)
    records = [output(b"fine", partition=0), output(b"x" * 6, partition=1)] * 2

    with pytest.raises(BatchRefused, match="MessageSizeTooLarge") as refused:
        await writer.write(records)

    assert refused.value.indices == [1, 3]


async def test_one_by_one_each_record_is_a_batch() -> None:
    broker = FakeBroker()
    writer = await make_writer(broker)

    await writer.write([output(b"a"), output(b"b")], one_by_one=True)

    assert [values for _, _, values in broker.attempts] == [[b"a"], [b"b"]]
