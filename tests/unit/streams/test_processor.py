from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from harness.fakes import FakeKafka, policy, record
from tidings_streams.kafka import InputRecord, OutputRecord, OutputRefused
from tidings_streams.metrics import ApplicationMetrics, Metrics
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.processor import Intake, Processor, Step, off_the_loop


def outcome(each: InputRecord) -> Outcome:
    output = OutputRecord(topic="out", key=each.key, value=each.value or b"", headers={})
    return Outcome(kind=OutcomeKind.ROUTED, outputs=(output,))


async def echo(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
    yield [outcome(each) for each in batch]


async def echo_one_by_one(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
    for each in batch:
        yield [outcome(each)]


def processor(
    step: Step = echo, *, keep_original: bool = False, max_messages: int = 100
) -> tuple[Processor, CollectorRegistry]:
    registry = CollectorRegistry()
    made = Processor(
        step=step,
        intake=Intake(max_messages=max_messages),
        dead_letters=policy(keep_original=keep_original),
        metrics=ApplicationMetrics(metrics=Metrics(registry), application="test"),
    )
    return made, registry


def counted(registry: CollectorRegistry, outcome: str) -> float | None:
    labels = {"application": "test", "outcome": outcome}
    return registry.get_sample_value("tidings_messages_total", labels)


@pytest.mark.parametrize("step", [echo, echo_one_by_one])
async def test_all_records_are_delivered_in_order_and_counted(step: Step) -> None:
    batches = [[record(b"%d" % n, offset=n) for n in range(at, at + 7)] for at in range(0, 70, 7)]
    kafka = FakeKafka(batches)
    run, registry = processor(step, max_messages=10)

    await run.run(kafka)

    assert [sent.value for sent in kafka.sent] == [b"%d" % n for n in range(70)]
    assert kafka.committed == list(range(70))
    assert counted(registry, "routed") == 70
    assert run.in_flight == 0


async def test_reading_goes_on_while_a_batch_is_computed_and_another_is_written() -> None:
    writing, computing = asyncio.Event(), asyncio.Event()

    async def step(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        if batch[0].offset == 1:
            computing.set()
            await asyncio.wait_for(writing.wait(), 5)
        yield [outcome(each) for each in batch]

    async def delivering() -> None:
        writing.set()
        await asyncio.wait_for(computing.wait(), 5)

    batches = [[record(b"a", offset=0)], [record(b"b", offset=1)], [record(b"c", offset=2)]]
    kafka = FakeKafka(batches, delivering=delivering)
    run, _ = processor(step, max_messages=1)

    await run.run(kafka)

    assert kafka.committed == [0, 1, 2]


async def test_no_more_is_read_than_is_soon_needed() -> None:
    taken: list[int] = []

    class Endless(FakeKafka):
        async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
            for offset in range(10_000):
                taken.append(offset)
                yield [record(b"a", offset=offset)]

    async def stuck() -> None:
        await asyncio.Event().wait()

    run, _ = processor(max_messages=10)
    running = asyncio.ensure_future(run.run(Endless(delivering=stuck)))
    await asyncio.sleep(0.1)
    running.cancel()

    assert 10 <= len(taken) <= 50
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nothing_is_committed_or_counted_where_a_send_breaks() -> None:
    kafka = FakeKafka([[record(b"a")]], broken=True)
    run, registry = processor()

    with pytest.raises(ConnectionError):
        await run.run(kafka)

    assert kafka.committed == []
    assert counted(registry, "routed") is None


async def test_nothing_is_committed_where_the_step_fails() -> None:
    async def fail(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        yield []
        raise ZeroDivisionError

    kafka = FakeKafka([[record(b"a")]])
    run, _ = processor(fail)

    with pytest.raises(ZeroDivisionError):
        await run.run(kafka)

    assert (kafka.committed, kafka.sent) == ([], [])


@pytest.mark.parametrize(("too", "given"), [("few", 0), ("many", 2)])
async def test_step_with_another_number_of_outcomes_stops_the_worker(too: str, given: int) -> None:
    async def miscount(batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        yield [outcome(batch[0])] * given

    kafka = FakeKafka([[record(b"a")]])
    run, _ = processor(miscount)

    with pytest.raises(RuntimeError, match=f"1 records had {given} outcomes"):
        await run.run(kafka)

    assert kafka.committed == []


async def test_refused_output_becomes_a_dead_letter() -> None:
    kafka = FakeKafka(
        [[record(b"too large", offset=4), record(b"fine", offset=5)]],
        refuse=lambda sent: sent.value == b"too large",
    )
    run, registry = processor()

    await run.run(kafka)

    letter = json.loads(kafka.sent[0].value)
    assert kafka.sent[0].topic == "dead-letters"
    assert letter["reason"] == "output_refused"
    assert letter["source"]["offset"] == 4
    assert kafka.committed == [4, 5]
    assert (counted(registry, "routed"), counted(registry, "dead_lettered")) == (1, 1)


async def test_dead_letter_that_is_refused_too_goes_without_the_original() -> None:
    kafka = FakeKafka(
        [[record(b"x" * 100)]],
        refuse=lambda sent: sent.topic == "out" or b'"original":"' in sent.value,
    )
    run, _ = processor(keep_original=True)

    await run.run(kafka)

    (letter,) = [json.loads(sent.value) for sent in kafka.sent]
    assert letter["reason"] == "output_refused"
    assert "original left out" in letter["detail"]
    assert kafka.committed == [0]


async def test_dead_letters_that_can_not_be_written_stop_the_worker() -> None:
    kafka = FakeKafka([[record(b"x")]], refuse=lambda _: True)
    run, _ = processor()

    with pytest.raises(OutputRefused):
        await run.run(kafka)

    assert kafka.committed == []


async def test_event_loop_goes_on_while_a_step_computes() -> None:
    release = threading.Event()

    def compute(batch: Sequence[InputRecord]) -> Iterator[list[Outcome]]:
        assert release.wait(5), "the event loop stood still"
        yield [outcome(each) for each in batch]

    async def consume() -> int:
        return sum([len(part) async for part in off_the_loop(compute, executor)([record(b"a")])])

    with ThreadPoolExecutor(1) as executor:
        step = asyncio.ensure_future(consume())
        await asyncio.sleep(0)
        release.set()
        assert await step == 1


async def test_release_drops_what_was_not_begun_and_waits_for_what_was() -> None:
    go_on = asyncio.Event()
    order: list[str] = []

    async def delivering() -> None:
        await go_on.wait()
        order.append("delivered")

    class Waiting(FakeKafka):
        async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
            yield [record(b"a", offset=0)]
            await asyncio.sleep(0.01)
            yield [record(b"b", offset=1)]
            yield [record(b"c", offset=2)]
            await go_on.wait()

    kafka = Waiting(delivering=delivering)
    run, _ = processor(max_messages=1)
    running = asyncio.ensure_future(run.run(kafka))
    await asyncio.sleep(0.05)

    async def release() -> None:
        await run.release()
        order.append("released")

    releasing = asyncio.ensure_future(release())
    await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(releasing, running)

    assert order[-1] == "released"
    assert run.in_flight == 0
    assert kafka.committed == [0, 1], "what was read and not begun is dropped"


async def test_records_that_lingered_when_they_were_dropped_end_nothing() -> None:
    """A rebalance while the first record waits for others: what is read after it is processed."""
    queue: asyncio.Queue[list[InputRecord] | None] = asyncio.Queue()

    class Queued(FakeKafka):
        async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
            while (batch := await queue.get()) is not None:
                yield batch

    kafka = Queued()
    run = Processor(
        step=echo,
        intake=Intake(max_messages=10, linger_seconds=0.1),
        dead_letters=policy(),
        metrics=ApplicationMetrics(metrics=Metrics(CollectorRegistry()), application="test"),
    )
    running = asyncio.ensure_future(run.run(kafka))
    queue.put_nowait([record(b"dropped", offset=1)])
    await asyncio.sleep(0.02)
    await run.release()
    await asyncio.sleep(0.2)
    queue.put_nowait([record(b"again", offset=1)])
    queue.put_nowait(None)
    await asyncio.wait_for(running, 2)

    assert [sent.value for sent in kafka.sent] == [b"again"]


async def test_cancellation_that_comes_out_of_a_step_stops_the_worker() -> None:
    """As `await` of a task that was cancelled does; a task group alone would wait for ever."""

    async def cancelled(_: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        raise asyncio.CancelledError
        yield []

    class Endless(FakeKafka):
        async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
            yield [record(b"a")]
            await asyncio.Event().wait()

    kafka = Endless()
    run, _ = processor(cancelled)

    with pytest.raises(RuntimeError, match="a stage was cancelled from inside"):
        await asyncio.wait_for(run.run(kafka), 2)

    assert kafka.committed == []


async def test_record_that_was_left_to_another_worker_is_not_counted() -> None:
    class Left(FakeKafka):
        async def deliver(self, records: Sequence[InputRecord], *_: object) -> Sequence[bool]:
            return [each.offset == 0 for each in records]

    run, registry = processor()

    await run.run(Left([[record(b"a", offset=0), record(b"b", offset=1)]]))

    assert counted(registry, "routed") == 1
