from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError

from harness.fake_broker import FakeBroker
from harness.fake_group_client import (
    CONNECTION,
    FakeConsumerClient,
    hooks,
    member,
    place,
    settings,
)
from tidings_streams.kafka import InputRecord, OutputRecord, OutputRefused, Outputs
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.transactional_stream import ExactlyOnceStream


@dataclass
class Running:
    """A stream that has its partitions."""

    broker: FakeBroker
    client: FakeConsumerClient
    consumer: GroupConsumer
    stream: ExactlyOnceStream
    retries: list[int] = field(default_factory=list)

    @property
    def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        return self.stream.batches()

    async def read(self) -> Sequence[InputRecord]:
        return await asyncio.wait_for(anext(self.batches), 5)


@asynccontextmanager
async def running(
    broker: FakeBroker, records: dict[int, int], **some: Any
) -> AsyncIterator[Running]:
    client = FakeConsumerClient(broker, records)
    consumer = member(client, **some)
    retries: list[int] = []
    stream = ExactlyOnceStream(
        consumer, CONNECTION, on_retry=lambda: retries.append(1), connect=broker.producer
    )
    await stream.start()
    await client.rebalance(sorted(records))
    try:
        yield Running(broker, client, consumer, stream, retries)
    finally:
        await stream.stop()


def echo(records: Sequence[InputRecord]) -> list[Outputs]:
    return [
        [OutputRecord(topic="out", key=b"k", value=each.value or b"", headers={})]
        for each in records
    ]


def never(index: int, refusal: OutputRefused) -> Outputs:
    raise refusal


async def test_outputs_and_offset_are_one_transaction() -> None:
    async with running(FakeBroker(), {0: 3}) as run:
        records = await run.read()
        assert await run.stream.deliver(records, echo(records), never) == [True] * 3

        assert run.broker.written("out") == [b"0", b"1", b"2"]
        assert run.broker.offsets == {place(): 3}
        assert run.consumer.next_offsets == {0: 3}
        assert run.client.commits == [], "nothing is committed beside the transaction"


async def test_former_owners_are_fenced_and_reading_begins_where_they_came_to() -> None:
    broker = FakeBroker(offsets={place(0): 4}, epochs={"group-in-0": 1})
    former = broker.producer(transactional_id="group-in-0")
    former.epoch = 1

    async with running(broker, {0: 6}) as run:
        assert [record.offset for record in await run.read()] == [4, 5]

        assert broker.epochs["group-in-0"] == 2
        with pytest.raises(KafkaError):
            await former.begin_transaction()


async def test_transaction_that_did_not_take_place_is_made_again() -> None:
    async with running(FakeBroker(), {0: 2}) as run:
        records = await run.read()
        run.broker.failures = [KafkaConnectionError()]

        assert await run.stream.deliver(records, echo(records), never) == [True, True]

        assert run.broker.written("out") == [b"0", b"1"]
        assert len(run.retries) == 1


async def test_transaction_that_took_place_unheard_is_not_made_again() -> None:
    async with running(FakeBroker(), {0: 2}) as run:
        records = await run.read()
        run.broker.commit_failures = [KafkaConnectionError()]

        assert await run.stream.deliver(records, echo(records), never) == [True, True]

        assert run.broker.written("out") == [b"0", b"1"]


async def test_producer_beyond_repair_is_replaced_also_where_no_broker_answers_at_first() -> None:
    async with running(FakeBroker(), {0: 2}) as run:
        records = await run.read()
        run.broker.clients[-1].broken = KafkaError("the sender died")
        run.broker.down = 1

        assert await run.stream.deliver(records, echo(records), never) == [True, True]

        assert run.broker.written("out") == [b"0", b"1"]
        assert len(run.retries) == 2


async def test_only_the_record_whose_output_is_refused_is_substituted() -> None:
    def refuse(topic: str, values: Sequence[bytes]) -> Exception | None:
        return MessageSizeTooLargeError() if topic == "out" and b"1" in values else None

    async with running(FakeBroker(refuse=refuse), {0: 3}) as run:
        records = await run.read()
        asked: list[int] = []

        def substitute(index: int, _: OutputRefused) -> Outputs:
            asked.append(index)
            return [OutputRecord(topic="letters", key=None, value=b"letter", headers={})]

        assert await run.stream.deliver(records, echo(records), substitute) == [True] * 3

        assert asked == [1]
        assert run.broker.written("out") == [b"0", b"2"]
        assert run.broker.written("letters") == [b"letter"]
        assert run.broker.offsets == {place(): 3}


async def test_records_of_a_former_assignment_are_not_written() -> None:
    async with running(FakeBroker(), {0: 2}) as run:
        records = await run.read()
        await run.client.rebalance([0])

        assert await run.stream.deliver(records, echo(records), never) == [False, False]

        assert run.broker.written("out") == []


async def test_new_partitions_are_taken_over_where_a_poll_outlasts_the_rebalance() -> None:
    async with running(FakeBroker(), {0: 1}) as run:
        records = await run.read()
        await run.stream.deliver(records, echo(records), never)
        run.client.records = {3: 1}
        reading = asyncio.ensure_future(run.read())
        await run.client.rebalance([3], joining_seconds=0.2)
        records = await reading

        assert await run.stream.deliver(records, echo(records), never) == [True]

        assert run.broker.offsets == {place(0): 1, place(3): 1}
        assert run.broker.epochs == {"group-in-0": 1, "group-in-3": 1}


async def test_partition_that_has_another_owner_does_not_hold_up_the_rebalance() -> None:
    delivering: list[asyncio.Task[Sequence[bool]]] = []

    async def release() -> None:
        await asyncio.wait(delivering)

    some = {"hooks": hooks(release=release), "settings": settings(release_seconds=5.0)}
    async with running(FakeBroker(), {0: 2}, **some) as run:
        records = await run.read()
        run.broker.fence("group-in-0")
        run.broker.offsets[place()] = 1
        delivering.append(asyncio.ensure_future(run.stream.deliver(records, echo(records), never)))
        await asyncio.sleep(0.3)
        assert not delivering[0].done()

        await asyncio.wait_for(run.client.rebalance([]), 1)

        assert await delivering[0] == [False, False]
        assert run.broker.written("out") == []
