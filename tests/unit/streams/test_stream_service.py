from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

from prometheus_client import CollectorRegistry

from harness.fake_broker import FakeBroker
from harness.fake_group_client import CONNECTION, FakeConsumerClient, hooks, member, place
from harness.fakes import policy
from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_stream import AtLeastOnceStream
from tidings_streams.metrics import ApplicationMetrics, Metrics
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.processor import Intake, Processor, Step
from tidings_streams.stream_service import Stream, StreamService


def outcome(record: InputRecord) -> Outcome:
    output = OutputRecord(topic="out", key=None, value=record.value or b"", headers={})
    return Outcome(kind=OutcomeKind.COUNTED, outputs=(output,))


class Started:
    """A stream on 400 records, which are read by 100, and what became of it."""

    def __init__(self, step: Step, *, drain_seconds: float = 60.0) -> None:
        self.broker = FakeBroker()
        self.client = FakeConsumerClient(self.broker, {0: 400})
        self.closed = threading.Event()
        self.processor = Processor(
            step=step,
            intake=Intake(max_messages=200),
            dead_letters=policy(),
            metrics=ApplicationMetrics(metrics=Metrics(CollectorRegistry()), application="test"),
        )
        self.consumer = member(self.client, hooks=hooks(release=self.processor.release))
        producer = Producer(CONNECTION, connect=self.broker.producer)
        kafka = AtLeastOnceStream(self.consumer, producer, on_retry=lambda: None)
        self.stream = Stream(
            kafka=kafka, consumer=self.consumer, processor=self.processor, close=self.closed.set
        )
        self.drain_seconds = drain_seconds
        self.crashes: asyncio.Queue[BaseException] = asyncio.Queue()

    async def __aenter__(self) -> Started:
        await self.stream.start(self.crashes.put)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        await self.stream.stop(self.drain_seconds)

    @property
    def delivered(self) -> list[int]:
        return [int(value) for value in self.broker.written("out")]


async def echo(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
    yield [outcome(each) for each in batch]


def gated(gate: asyncio.Event) -> Step:
    """A step that is at work on the first records until the gate opens."""

    async def step(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        if batch[0].offset == 0:
            await gate.wait()
        yield [outcome(each) for each in batch]

    return step


async def boom(_: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
    yield []
    raise ZeroDivisionError("a programming error")


async def test_all_records_are_delivered_and_committed() -> None:
    async with Started(echo) as started:
        await started.client.rebalance([0])
        await asyncio.sleep(0.1)

    assert started.delivered == list(range(400))
    assert started.broker.offsets == {place(): 400}


async def test_batch_that_is_fetched_as_a_rebalance_begins_leaves_no_gap() -> None:
    """0..99 are in the model, 100..199 are read, 200..299 on their way as the rebalance begins."""
    gate = asyncio.Event()
    async with Started(gated(gate)) as started:
        rebalances: list[asyncio.Task[None]] = []

        def begin_rebalance(fetched: object) -> None:
            if started.client.positions[place()] == 300 and not rebalances:
                rebalances.append(asyncio.ensure_future(started.client.rebalance([0])))

        started.client.fetched = begin_rebalance
        await started.client.rebalance([0])
        await asyncio.sleep(0.1)
        gate.set()
        await asyncio.wait_for(rebalances[0], 5)
        assert started.client.commits == [{place(): 100}]
        await asyncio.sleep(0.1)

    assert started.delivered == list(range(400)), "each once, in order"
    assert started.broker.offsets == {place(): 400}


async def test_batch_that_is_fetched_as_a_rebalance_begins_is_not_delivered_under_the_next() -> (
    None
):
    async with Started(echo) as started:
        rebalances: list[asyncio.Task[None]] = []

        def begin_rebalance(fetched: object) -> None:
            if not rebalances:
                rebalances.append(asyncio.ensure_future(started.client.rebalance([1])))

        started.client.fetched = begin_rebalance
        await started.client.rebalance([0])
        await asyncio.sleep(0.1)

    assert started.delivered == []
    assert started.broker.offsets == {}


async def test_error_of_a_step_crashes_the_worker() -> None:
    async with Started(boom) as started:
        await started.client.rebalance([0])

        assert isinstance(await asyncio.wait_for(started.crashes.get(), 5), ZeroDivisionError)

    assert started.broker.offsets == {}


async def test_stopping_after_a_crash_waits_for_nothing() -> None:
    started = Started(boom)
    await started.stream.start(started.crashes.put)
    await started.client.rebalance([0])
    await asyncio.wait_for(started.crashes.get(), 5)
    await asyncio.sleep(0.01)
    assert started.processor.in_flight == 100

    await asyncio.wait_for(started.stop(), 2)

    assert started.closed.is_set()


async def test_stopping_delivers_and_commits_what_was_begun_and_no_more() -> None:
    gate = asyncio.Event()
    started = Started(gated(gate))
    await started.stream.start(started.crashes.put)
    await started.client.rebalance([0])
    await asyncio.sleep(0.1)
    stopping = asyncio.ensure_future(started.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()

    gate.set()
    await asyncio.wait_for(stopping, 5)

    assert started.delivered == list(range(100))
    assert started.broker.offsets == {place(): 100}
    assert started.client.commits, "committed before the group is left"


async def test_stopping_waits_no_longer_than_the_drain() -> None:
    started = Started(gated(asyncio.Event()), drain_seconds=0.1)
    await started.stream.start(started.crashes.put)
    await started.client.rebalance([0])
    await asyncio.sleep(0.05)

    await asyncio.wait_for(started.stop(), 2)

    assert started.broker.offsets == {}
    assert started.closed.is_set()


async def test_streams_drain_at_the_same_time() -> None:
    streams = [Started(gated(asyncio.Event())) for _ in range(3)]
    service = StreamService([each.stream for each in streams], drain_seconds=0.4)
    await service.on_start()
    for each in streams:
        await each.client.rebalance([0])
    await asyncio.sleep(0.05)

    await asyncio.wait_for(service.on_stop(), 1.0)

    assert all(each.closed.is_set() for each in streams)
