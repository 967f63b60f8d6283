from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from harness.fakes import FakeInput, FakeOutput, policy, record
from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.metrics import ApplicationMetrics, Metrics
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.processor import Processor, Step, off_the_loop


async def echo(batch: Sequence[InputRecord]) -> list[Outcome]:
    return [
        Outcome(
            kind=OutcomeKind.ROUTED,
            outputs=(OutputRecord(topic="out", key=each.key, value=each.value or b"", headers={}),),
        )
        for each in batch
    ]


def processor(
    output: FakeOutput, step: Step = echo, *, keep_original: bool = False
) -> tuple[Processor, CollectorRegistry]:
    registry = CollectorRegistry()
    metrics = ApplicationMetrics(metrics=Metrics(registry), application="test")
    letters = policy(keep_original=keep_original)
    return Processor(output=output, step=step, dead_letters=letters, metrics=metrics), registry


def counted(registry: CollectorRegistry, outcome: str) -> float | None:
    labels = {"application": "test", "outcome": outcome}
    return registry.get_sample_value("tidings_messages_total", labels)


async def test_outputs_are_sent_before_the_commit() -> None:
    source = FakeInput([[record(b"a", offset=0), record(b"b", offset=1)]])
    output = FakeOutput()
    run, registry = processor(output)

    await run.run(source)

    assert [sent.value for sent in output.sent] == [b"a", b"b"]
    assert source.committed == [0, 1]
    assert counted(registry, "routed") == 2


async def test_nothing_is_committed_or_counted_where_a_send_breaks() -> None:
    source = FakeInput([[record(b"a")]])
    run, registry = processor(FakeOutput(broken=True))

    with pytest.raises(ConnectionError):
        await run.run(source)

    assert source.committed == []
    assert counted(registry, "routed") is None


async def test_nothing_is_committed_where_the_step_fails() -> None:
    async def fail(_: Sequence[InputRecord]) -> list[Outcome]:
        raise ZeroDivisionError

    source = FakeInput([[record(b"a")]])
    output = FakeOutput()
    run, _ = processor(output, fail)

    with pytest.raises(ZeroDivisionError):
        await run.run(source)

    assert (source.committed, output.sent) == ([], [])


async def test_a_step_that_forgets_a_record_stops_the_worker() -> None:
    async def forget(_: Sequence[InputRecord]) -> list[Outcome]:
        return []

    source = FakeInput([[record(b"a")]])
    run, _ = processor(FakeOutput(), forget)

    with pytest.raises(RuntimeError, match="1 records had 0 outcomes"):
        await run.run(source)

    assert source.committed == []


async def test_refused_output_becomes_a_dead_letter() -> None:
    source = FakeInput([[record(b"too large", offset=4), record(b"fine", offset=5)]])
    output = FakeOutput(refuse=lambda sent: sent.value == b"too large")
    run, registry = processor(output)

    await run.run(source)

    letter = json.loads(output.sent[-1].value)
    assert output.sent[-1].topic == "dead-letters"
    assert letter["reason"] == "output_refused"
    assert letter["source"]["offset"] == 4
    assert source.committed == [4, 5]
    assert (counted(registry, "routed"), counted(registry, "dead_lettered")) == (1, 1)


async def test_dead_letter_that_is_refused_too_goes_without_the_original() -> None:
    source = FakeInput([[record(b"x" * 100)]])
    output = FakeOutput(refuse=lambda sent: sent.topic == "out" or b'"original":"' in sent.value)
    run, _ = processor(output, keep_original=True)

    await run.run(source)

    (letter,) = [json.loads(sent.value) for sent in output.sent]
    assert "original left out" in letter["detail"]
    assert source.committed == [0]


async def test_event_loop_goes_on_while_a_step_computes() -> None:
    release = threading.Event()

    def compute(batch: Sequence[InputRecord]) -> list[Outcome]:
        assert release.wait(5), "the event loop stood still"
        return [Outcome(kind=OutcomeKind.ROUTED, outputs=()) for _ in batch]

    with ThreadPoolExecutor(1) as executor:
        step = asyncio.ensure_future(off_the_loop(compute, executor)([record(b"a")]))
        await asyncio.sleep(0)
        release.set()
        assert len(await step) == 1


async def test_action_waits_for_the_batch_in_flight() -> None:
    go_on = asyncio.Event()
    order: list[str] = []

    async def slow(batch: Sequence[InputRecord]) -> list[Outcome]:
        await go_on.wait()
        order.append("batch")
        return await echo(batch)

    run, _ = processor(FakeOutput(), slow)
    running = asyncio.ensure_future(run.run(FakeInput([[record(b"a")]])))
    await asyncio.sleep(0)
    acting = asyncio.ensure_future(run.between_batches(lambda: order.append("action")))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(running, acting)

    assert order == ["batch", "action"]
