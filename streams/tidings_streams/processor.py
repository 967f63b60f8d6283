"""The batch loop: the promise to the user, once, for every application.

1. Read: take records as they come, in each partition's order, no more than are soon needed.
2. Compute: take whatever waits, turn each record into its outcome (decode, redact, classify,
   decide, encode): never an exception.
3. Write: send every output, wait until the brokers acknowledged it, and only then commit.

The three overlap, each on its own records, and every stage keeps the order: what is committed is
always behind what was acknowledged.  An exception in any of them ends all: the worker stops, and
another repeats what was not committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from tidings_streams.backlog import Backlog
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import InputRecord, Kafka, OutputRefused, Outputs
from tidings_streams.metrics import ApplicationMetrics
from tidings_streams.outcomes import Outcome
from tidings_streams.records import InvalidRecord, Reason

Step = Callable[[Sequence[InputRecord]], AsyncIterator[Sequence[Outcome]]]
"""Yields the outcomes of the records, in order, in as many parts as it likes."""


def off_the_loop(
    process: Callable[[Sequence[InputRecord]], Iterator[Sequence[Outcome]]], executor: Executor
) -> Step:
    """A step that runs in a thread, so that heartbeats and timers go on during inference.

    The executor should have one thread: parts are then processed one after the other.
    """

    async def step(batch: Sequence[InputRecord]) -> AsyncIterator[Sequence[Outcome]]:
        loop = asyncio.get_running_loop()
        parts = process(batch)
        while (part := await loop.run_in_executor(executor, next, parts, None)) is not None:
            yield part

    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How many records are taken together, and how long the first waits for others."""

    max_messages: int
    linger_seconds: float = 0.0


class Processor:
    """Moves records from Kafka through a step and back to Kafka."""

    def __init__(
        self,
        *,
        step: Step,
        intake: Intake,
        dead_letters: DeadLetterPolicy,
        metrics: ApplicationMetrics,
    ) -> None:
        self._step = step
        self._intake = intake
        self._dead_letters = dead_letters
        self._bare_letters = replace(dead_letters, keep_original=False)
        self._metrics = metrics
        self._read: Backlog[InputRecord] = Backlog(intake.max_messages)
        self._computed: Backlog[tuple[InputRecord, Outcome]] = Backlog(intake.max_messages)
        self._begun = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, kafka: Kafka) -> None:
        """Process records until reading ends; raises what must stop the worker."""
        try:
            async with asyncio.TaskGroup() as stages:
                for stage in (self._read_from(kafka), self._compute(), self._write_to(kafka)):
                    stages.create_task(_loudly(stage))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def release(self) -> None:
        """Drop what was read and not begun, and wait until what was begun is delivered."""
        self._read.clear()
        await self._idle.wait()

    @property
    def in_flight(self) -> int:
        """How many records were begun and are not delivered."""
        return self._begun

    async def _read_from(self, kafka: Kafka) -> None:
        batches = kafka.batches()
        while True:
            await self._read.room()
            batch = await anext(batches, None)
            if batch is None:
                break
            self._read.extend(batch)
        self._read.close()

    async def _compute(self) -> None:
        intake = self._intake
        while records := await self._read.take(
            intake.max_messages, linger_seconds=intake.linger_seconds
        ):
            self._begin(len(records))
            self._metrics.taken(len(records))
            done = 0
            async for outcomes in self._step(records):
                part = records[done : done + len(outcomes)]
                done += len(outcomes)
                if len(part) != len(outcomes):
                    break
                self._computed.extend(zip(part, outcomes, strict=True))
                await self._computed.room()
            if done != len(records):
                raise RuntimeError(f"{len(records)} records had {done} outcomes")
        self._computed.close()

    async def _write_to(self, kafka: Kafka) -> None:
        while finished := await self._computed.take(self._intake.max_messages):
            records, outcomes = zip(*finished, strict=True)
            await self._deliver(kafka, records, list(outcomes))
            self._end(len(finished))

    async def _deliver(
        self, kafka: Kafka, records: Sequence[InputRecord], outcomes: list[Outcome]
    ) -> None:
        """Deliver the outcomes; one with a refused output becomes a dead letter, and says so."""
        bare: set[int] = set()

        def substitute(index: int, refusal: OutputRefused) -> Outputs:
            if index in bare:
                raise refusal
            refused = outcomes[index]
            if refused.reason is None:
                fault = InvalidRecord(Reason.OUTPUT_REFUSED, str(refusal))
                outcomes[index] = self._dead_letters.outcome(records[index], fault)
            else:  # It is the letter that is refused: the original bytes make it large.
                bare.add(index)
                fault = InvalidRecord(refused.reason, f"original left out: {refusal}")
                outcomes[index] = self._bare_letters.outcome(records[index], fault)
            return outcomes[index].outputs

        outputs = [outcome.outputs for outcome in outcomes]
        delivered = await kafka.deliver(records, outputs, substitute)
        self._metrics.processed(
            [outcome for outcome, done in zip(outcomes, delivered, strict=True) if done]
        )

    def _begin(self, count: int) -> None:
        self._begun += count
        self._idle.clear()

    def _end(self, count: int) -> None:
        self._begun -= count
        if self._begun == 0:
            self._idle.set()


async def _loudly(stage: Coroutine[None, None, None]) -> None:
    """Run a stage; a cancellation that comes out of it, and was not asked for, is an error.

    A task group takes no notice of a task that ends cancelled, and the other stages would wait.
    """
    try:
        await stage
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            raise RuntimeError("a stage was cancelled from inside") from error
        raise
