"""The batch loop: the promise to the user, once, for every application.

1. Take records in each partition's order.
2. Turn each into its outcome (decode, redact, classify, decide, encode): never an exception.
3. Send every output, and wait until the broker acknowledged it.
4. Only then commit.

An exception in between leaves the batch uncommitted: the worker stops, and another repeats it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import Input, InputRecord, Output, OutputRecord, OutputRefused
from tidings_streams.metrics import ApplicationMetrics
from tidings_streams.outcomes import Outcome
from tidings_streams.records import InvalidRecord, Reason

Step = Callable[[Sequence[InputRecord]], Awaitable[list[Outcome]]]


def off_the_loop(
    process: Callable[[Sequence[InputRecord]], list[Outcome]], executor: Executor
) -> Step:
    """A step that runs in a thread, so that heartbeats and timers go on during inference.

    The executor should have one thread: batches are then processed one after the other.
    """

    async def step(batch: Sequence[InputRecord]) -> list[Outcome]:
        return await asyncio.get_running_loop().run_in_executor(executor, process, batch)

    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """Moves records from an input through a step to an output, and commits behind them."""

    output: Output
    step: Step
    dead_letters: DeadLetterPolicy
    metrics: ApplicationMetrics
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, source: Input) -> None:
        """Process batches until the input ends; raises what must stop the worker."""
        async for batch in source.batches():
            async with self._busy:
                await self._process(batch, source)

    async def between_batches(self, action: Callable[[], None]) -> None:
        """Wait until no batch is in flight, then act before the next one begins."""
        async with self._busy:
            action()

    async def _process(self, batch: Sequence[InputRecord], source: Input) -> None:
        """Take one batch all the way: outcomes, outputs, acknowledgements, commit."""
        outcomes = await self.step(batch)
        if len(outcomes) != len(batch):
            raise RuntimeError(f"{len(batch)} records had {len(outcomes)} outcomes")
        outcomes = await self._deliver(batch, outcomes)
        await source.commit(batch)
        self.metrics.processed(outcomes)

    async def _deliver(
        self, batch: Sequence[InputRecord], outcomes: Sequence[Outcome]
    ) -> list[Outcome]:
        """Send all outputs; a record with a refused output becomes a dead letter, and says so."""
        delivered = list(outcomes)
        refusals = await self._send(outcomes)
        replaced = []
        for index, refusal in refusals.items():
            fault = InvalidRecord(Reason.OUTPUT_REFUSED, str(refusal))
            delivered[index] = self.dead_letters.outcome(batch[index], fault)
            replaced.append(delivered[index])
        for index, refusal in (await self._send(replaced)).items():
            # The letter itself is too large: its original bytes are what makes it so.
            bare = replace(self.dead_letters, keep_original=False)
            record = batch[list(refusals)[index]]
            fault = InvalidRecord(Reason.OUTPUT_REFUSED, f"original left out: {refusal}")
            last = await self._send([bare.outcome(record, fault)])
            if last:
                raise refusal
        return delivered

    async def _send(self, outcomes: Sequence[Outcome]) -> dict[int, OutputRefused]:
        """Send the outputs of some outcomes; the first refusal by the outcome's index."""
        outputs: list[OutputRecord] = []
        owners: list[int] = []
        for index, outcome in enumerate(outcomes):
            outputs.extend(outcome.outputs)
            owners.extend([index] * len(outcome.outputs))
        refusals: dict[int, OutputRefused] = {}
        if outputs:
            for owner, refusal in zip(owners, await self.output.send(outputs), strict=True):
                if refusal is not None:
                    refusals.setdefault(owner, refusal)
        return refusals
