from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from harness.fake_broker import FakeBroker
from harness.fake_group_client import TOPIC, FakeConsumerClient, member, place
from tidings_streams.metrics import Metrics
from tidings_streams.progress import Progress, ProgressWatch


@dataclass
class Clock:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_nothing_is_stalled_at_first() -> None:
    assert Progress(Clock()).stalled_seconds == 0.0


def test_partition_with_lag_that_does_not_move_is_stalled_since_it_was_seen_first() -> None:
    progress = Progress(clock := Clock())
    for _ in range(4):
        progress.update({0: 5}, {0: 10})
        clock.seconds += 10

    assert progress.stalled_seconds == 40.0


def test_partition_that_moves_is_not_stalled_however_far_behind_it_is() -> None:
    progress = Progress(clock := Clock())
    for offset in range(5):
        clock.seconds += 10
        progress.update({0: 1000 + offset}, {0: offset})

    assert progress.stalled_seconds == 0.0


def test_partition_without_lag_is_not_stalled() -> None:
    progress = Progress(clock := Clock())
    progress.update({0: 5}, {0: 10})
    clock.seconds += 50
    progress.update({0: 0}, {0: 10})
    clock.seconds += 50

    assert progress.stalled_seconds == 0.0


def test_the_partition_that_waits_longest_counts() -> None:
    progress = Progress(clock := Clock())
    progress.update({0: 5, 1: 5}, {0: 10, 1: 10})
    clock.seconds += 30
    progress.update({0: 5, 1: 4}, {0: 10, 1: 11})
    clock.seconds += 10

    assert progress.stalled_seconds == 40.0


def test_partition_that_was_given_away_no_longer_counts() -> None:
    progress = Progress(clock := Clock())
    progress.update({0: 5}, {0: 10})
    clock.seconds += 30
    progress.update({1: 5}, {})
    clock.seconds += 10

    assert progress.stalled_seconds == 10.0


def test_rebalance_that_gives_the_same_partition_again_is_no_progress() -> None:
    progress = Progress(clock := Clock())
    for done in ({0: 10}, {}, {0: 10}, {}, {0: 8}, {0: 10}):
        progress.update({0: 5}, done)
        clock.seconds += 10

    assert progress.stalled_seconds == 60.0


def test_brokers_that_do_not_say_how_far_they_are_are_a_stall_until_they_do() -> None:
    progress = Progress(clock := Clock())
    progress.unknown()
    clock.seconds += 10
    progress.unknown()
    assert progress.stalled_seconds == 10.0

    progress.update({0: 0}, {})
    assert progress.stalled_seconds == 0.0


def test_brokers_that_are_away_are_no_stall() -> None:
    progress = Progress(clock := Clock())
    progress.update({0: 5}, {0: 10})
    progress.unknown()
    clock.seconds += 30
    progress.forget()

    assert progress.stalled_seconds == 0.0


@asynccontextmanager
async def watching(
    client: FakeConsumerClient, servers: str = "127.0.0.1:9"
) -> AsyncIterator[tuple[ProgressWatch, CollectorRegistry]]:
    registry = CollectorRegistry()
    consumer = member(client)
    await consumer.start()
    await client.rebalance(sorted(client.records))
    watch = ProgressWatch(
        consumer,
        bootstrap_servers=servers,
        lag=Metrics(registry).lag,
        interval_seconds=0.02,
    )
    await watch.start()
    try:
        yield watch, registry
    finally:
        await watch.stop()
        await consumer.stop()


def lag(registry: CollectorRegistry, partition: int) -> float | None:
    labels = {"topic": TOPIC, "partition": str(partition)}
    return registry.get_sample_value("tidings_consumer_lag_records", labels)


async def test_lag_of_each_own_partition_is_told_and_of_no_other() -> None:
    client = FakeConsumerClient(FakeBroker(offsets={place(1): 4}), {0: 7, 1: 6})
    async with watching(client) as (watch, registry):
        await asyncio.sleep(0.1)
        assert (lag(registry, 0), lag(registry, 1)) == (7, 2)
        assert watch.stalled_seconds > 0

        await client.rebalance([1])
        await asyncio.sleep(0.1)
        assert (lag(registry, 0), lag(registry, 1)) == (None, 2)


async def test_broker_that_listens_and_does_not_say_the_lag_is_a_stall() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 0})
    client.ends_error = KafkaConnectionError("no answer")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, watching(client, f"127.0.0.1:1,127.0.0.1:{port}") as (watch, _):
        await asyncio.sleep(0.15)
        assert watch.stalled_seconds > 0


async def test_brokers_to_which_nobody_can_connect_are_no_stall() -> None:
    client = FakeConsumerClient(FakeBroker(), {0: 7})
    async with watching(client, "127.0.0.1:1") as (watch, _):
        await asyncio.sleep(0.1)
        assert watch.stalled_seconds > 0
        client.ends_error = KafkaConnectionError("no answer")
        await asyncio.sleep(0.1)
        assert watch.stalled_seconds == 0.0
