"""The trend agent's step: scored messages in, changed windows out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import InputRecord
from tidings_streams.outcomes import Outcome
from tidings_streams.records import InvalidRecord, ScoredMessage, TrendWindow, decode_value
from tidings_streams.trends import PartitionTrends, WindowKey, window_record


class WindowReader(Protocol):
    """Reads back the windows that were written."""

    async def read(self, partition: int) -> Sequence[TrendWindow]:
        """Every window in a partition of `sentiment-trends`, in the order written."""


@dataclass(slots=True, kw_only=True)
class TrendAgent:
    """Folds scored messages into windows; the state of a partition is read back on first use."""

    reader: WindowReader
    dead_letters: DeadLetterPolicy
    lateness_seconds: float
    _partitions: dict[int, PartitionTrends] = field(default_factory=dict)

    @property
    def open_windows(self) -> int:
        """How many windows are held in memory."""
        return sum(len(trends) for trends in self._partitions.values())

    def forget(self) -> None:
        """Drop all state: the partitions may be another worker's now."""
        self._partitions = {}

    async def step(self, batch: Sequence[InputRecord]) -> AsyncIterator[list[Outcome]]:
        """One outcome per record; a window's record goes with the last message that changed it."""
        partitions = self._partitions  # as they are now: `forget` may come meanwhile
        needed = {record.partition for record in batch}
        while missing := needed - partitions.keys():
            partition = missing.pop()
            trends = PartitionTrends(partition=partition, lateness_seconds=self.lateness_seconds)
            trends.restore(await self.reader.read(partition))
            partitions[partition] = trends

        outcomes: list[Outcome] = []
        last: dict[tuple[int, WindowKey], int] = {}
        for index, record in enumerate(batch):
            try:
                scored = decode_value(record.value, ScoredMessage)
            except InvalidRecord as fault:
                outcomes.append(self.dead_letters.outcome(record, fault))
                continue
            kind, changed = partitions[record.partition].add(scored)
            outcomes.append(Outcome(kind=kind, outputs=()))
            last |= {(record.partition, key): index for key in changed}

        for (partition, key), index in last.items():
            window = partitions[partition].describe(key)
            output = window_record(window, partition=partition)
            outcome = outcomes[index]
            outcomes[index] = replace(outcome, outputs=(*outcome.outputs, output))
        for trends in partitions.values():
            trends.close_windows()
        yield outcomes
