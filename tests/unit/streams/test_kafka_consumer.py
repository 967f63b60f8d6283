from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError

from harness.fake_broker import FakeBroker
from harness.fake_group_client import FakeConsumerClient, hooks, member, nothing, place, settings
from tidings_streams.kafka import InputRecord
from tidings_streams.kafka_consumer import GroupConsumer


def offsets(records: Sequence[InputRecord]) -> list[int]:
    return [record.offset for record in records]


async def joined(
    client: FakeConsumerClient, partitions: Sequence[int], **some: Any
) -> GroupConsumer:
    consumer = member(client, **some)
    await consumer.start()
    await client.rebalance(partitions)
    return consumer


async def test_member_is_assigned_once_the_group_has_answered_also_with_nothing() -> None:
    client = FakeConsumerClient(FakeBroker(), {})
    consumer = member(client)
    await consumer.start()
    assert not consumer.assigned

    await client.rebalance([])

    assert consumer.assigned
    assert await consumer.lags() == {}
    await consumer.stop()


async def test_records_are_read_in_order_and_bear_their_assignment() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 250})
    consumer = await joined(client, [0])
    batches = consumer.batches()

    records = [*await anext(batches), *await anext(batches), *await anext(batches)]

    assert offsets(records) == list(range(250))
    assert all(consumer.is_current(record) for record in records)
    await client.rebalance([0])
    assert not any(consumer.is_current(record) for record in records)
    await consumer.stop()


async def test_batch_that_was_on_its_way_when_a_rebalance_began_is_not_yielded() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 400})
    releasing, go_on = asyncio.Event(), asyncio.Event()

    async def release() -> None:
        releasing.set()
        await go_on.wait()

    consumer = await joined(client, [0], hooks=hooks(release=release))
    rebalances: list[asyncio.Task[None]] = []

    def begin_rebalance(_: Any) -> None:
        client.fetched = lambda _: None
        rebalances.append(asyncio.ensure_future(client.rebalance([0])))

    client.fetched = begin_rebalance
    reading = asyncio.ensure_future(anext(consumer.batches()))
    await asyncio.wait_for(releasing.wait(), 5)
    await asyncio.sleep(0.05)
    assert not reading.done()

    go_on.set()
    records = await asyncio.wait_for(reading, 5)

    assert offsets(records)[0] == 0
    assert consumer.is_current(records[0])
    await consumer.stop()


async def test_only_the_new_partitions_are_prepared_however_long_the_group_takes_to_assign() -> (
    None
):
    client = FakeConsumerClient(FakeBroker(), {3: 1})
    prepared: list[list[int]] = []
    begun = asyncio.Event()

    async def prepare(places: Sequence[TopicPartition]) -> None:
        assert not client.rebalancing
        prepared.append([each.partition for each in places])
        begun.set()
        for each in places:
            await consumer.read_from(each, None)

    consumer = member(client)
    await consumer.start(prepare)
    await client.rebalance([0, 1, 2])
    reading = asyncio.ensure_future(anext(consumer.batches()))
    await asyncio.wait_for(begun.wait(), 5)
    await client.rebalance([3, 4], joining_seconds=0.2)

    assert [record.partition for record in await asyncio.wait_for(reading, 5)] == [3]
    assert prepared == [[0, 1, 2], [3, 4]]
    await consumer.stop()


async def test_partitions_are_prepared_again_where_a_rebalance_came_meanwhile() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 1, 1: 1})
    prepared: list[list[int]] = []

    async def prepare(places: Sequence[TopicPartition]) -> None:
        prepared.append([each.partition for each in places])
        if len(prepared) == 1:
            await client.rebalance([1])
        else:
            await consumer.read_from(place(1), None)

    consumer = member(client)
    await consumer.start(prepare)
    await client.rebalance([0])

    assert [record.partition for record in await anext(consumer.batches())] == [1]
    assert prepared == [[0], [1]]
    await consumer.stop()


async def test_what_was_delivered_is_committed_before_the_partitions_go() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 10})
    order: list[str] = []

    async def release() -> None:
        consumer.commit_soon({place(): 7})
        order.append("released")

    def forget() -> None:
        order.append(f"forgotten, committed {broker.offsets[place()]}")

    consumer = await joined(client, [0])
    consumer._hooks = hooks(release=release, forget=forget)
    await client.rebalance([0])

    assert order == ["released", "forgotten, committed 7"]
    await consumer.stop()


async def test_rebalance_waits_for_what_is_in_flight_no_longer_than_allowed() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    client = FakeConsumerClient(FakeBroker(), {0: 10})
    some = {"hooks": hooks(release=hang), "settings": settings(release_seconds=0.05)}
    consumer = await joined(client, [0], **some)

    await asyncio.wait_for(client.rebalance([1]), 1)

    assert not consumer.revoking
    await consumer.stop()


async def test_offsets_that_were_not_committed_in_time_are_not_committed_later() -> None:
    """The partition may be another member's then, and a late commit would take it back."""
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 10})
    consumer = await joined(client, [0])
    client.commit_failures = [CommitFailedError()]
    consumer.commit_soon({place(): 5})

    await client.rebalance([1])
    await consumer.stop()

    assert broker.offsets == {}


async def test_commit_that_hangs_when_the_partitions_go_is_given_up() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 10})
    consumer = await joined(client, [0], settings=settings(session_timeout_seconds=0.05))
    client.commit_answered.clear()
    consumer.commit_soon({place(): 5})
    await asyncio.sleep(0.01)

    await asyncio.wait_for(client.rebalance([1]), 1)
    client.commit_answered.set()
    await asyncio.sleep(0.01)
    assert broker.offsets == {}

    consumer.commit_soon({place(1): 3})
    await consumer.stop()
    assert broker.offsets == {place(1): 3}


async def test_commit_that_failed_is_made_again() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 10})
    consumer = await joined(client, [0], settings=settings(commit_interval_seconds=0.01))
    client.commit_failures = [KafkaConnectionError()]

    consumer.commit_soon({place(): 5})
    await asyncio.sleep(1.6)  # the first wait is of 1 s, give or take a half

    assert broker.offsets == {place(): 5}
    await consumer.stop()


async def test_offsets_are_committed_once_an_interval() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 100})
    consumer = await joined(client, [0], settings=settings(commit_interval_seconds=0.1))

    for offset in range(1, 51):
        consumer.commit_soon({place(): offset})
        await asyncio.sleep(0)
    assert len(client.commits) == 1
    await consumer.stop()

    assert broker.offsets == {place(): 50}, "the rest is committed at the end"


async def test_reading_is_tried_again_after_an_error() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 1})
    consumer = await joined(client, [0])
    client.failures = [KafkaConnectionError()]

    assert offsets(await anext(consumer.batches())) == [0]
    await consumer.stop()


@pytest.mark.parametrize("task", ["committer", "fetcher"])
async def test_task_that_ended_stops_the_worker_and_tells_its_error(task: str) -> None:
    client = FakeConsumerClient(FakeBroker(), {})
    consumer = await joined(client, [0])
    cause = ZeroDivisionError("a bug")
    if task == "fetcher":
        client._fetcher.error_future.set_exception(cause)
    else:
        client.commit_failures = [cause]  # type: ignore[list-item]
        consumer.commit_soon({place(): 1})

    with pytest.raises(RuntimeError, match="a task of the consumer of in ended") as raised:
        await asyncio.wait_for(anext(consumer.batches()), 5)

    assert raised.value.__cause__ is cause


async def test_reading_ends_soon_when_told_also_while_nothing_comes() -> None:
    client = FakeConsumerClient(FakeBroker(), {})
    consumer = await joined(client, [0])
    reading = asyncio.ensure_future(anext(consumer.batches(), None))
    await asyncio.sleep(0.01)
    consumer.end()

    assert await asyncio.wait_for(reading, 1) is None
    await consumer.stop()


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KafkaError("no coordinator")])
async def test_client_that_fails_to_stop_holds_up_nobody(error: BaseException) -> None:
    client = FakeConsumerClient(FakeBroker(), {})
    consumer = await joined(client, [0])
    client.stop_error = error

    await asyncio.wait_for(consumer.stop(), 1)


async def test_lag_is_what_is_not_delivered_whatever_was_read() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 50, 1: 7})
    consumer = await joined(client, [0, 1])
    batches = consumer.batches()
    await anext(batches)
    assert await consumer.lags() == {0: 50, 1: 7}

    consumer.commit_soon({place(): 20})
    assert await consumer.lags() == {0: 30, 1: 7}

    consumer.commit_soon({place(): 50})
    assert await consumer.lags() == {0: 0, 1: 7}
    await consumer.stop()


async def test_partition_is_read_from_an_offset_or_its_beginning() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 10, 1: 10})
    consumer = await joined(client, [0, 1])
    client.positions = {place(0): 3, place(1): 3}

    await consumer.read_from(place(0), 8)
    await consumer.read_from(place(1), None)

    assert client.positions == {place(0): 8, place(1): 0}
    await consumer.stop()


async def test_client_commits_nothing_by_itself_and_reads_what_is_committed() -> None:
    client = FakeConsumerClient(FakeBroker(), {})
    consumer = await joined(client, [0])

    assert client.options["enable_auto_commit"] is False
    assert client.options["isolation_level"] == "read_committed"
    assert client.options["auto_offset_reset"] == "earliest"
    await consumer.stop()


async def test_rebalance_of_nothing_releases_nothing() -> None:
    released: list[int] = []

    async def release() -> None:
        released.append(1)
        await nothing()

    client = FakeConsumerClient(FakeBroker(), {})
    consumer = await joined(client, [], hooks=hooks(release=release))
    await client.rebalance([0])

    assert released == []
    assert consumer.assignment == 2
    await consumer.stop()
