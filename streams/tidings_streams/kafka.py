"""What the loop needs of Kafka: records in, and their outputs out with a commit behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from tidings_streams.records import Source

NO_HEADERS: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """A record as it was read: bytes, and where it stood.  Nothing is decoded yet.

    `assignment` counts the assignments of partitions that this worker has had: a record that was
    read under an earlier one belongs to another worker now, or will be read again.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=lambda: NO_HEADERS)
    assignment: int = 0

    @property
    def source(self) -> Source:
        """Where the record stood, as outputs name it."""
        return Source(topic=self.topic, partition=self.partition, offset=self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """A record to be written; without a `partition`, the key's hash chooses one."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Mapping[str, bytes]
    partition: int | None = None


class OutputRefused(Exception):  # noqa: N818 - the design's word for it
    """The broker will never take this record (too large, say); sending it again is useless."""


Outputs = Sequence[OutputRecord]
"""All outputs of one input record.  The last one's topic is where the record's decision is kept."""

Substitute = Callable[[int, OutputRefused], Outputs]
"""Other outputs for the record with this index, since one of its own was refused."""


class Kafka(Protocol):
    """One input topic, and whatever is written because of its records."""

    def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """Yield what is there, in each partition's order, until reading ends; never nothing."""

    async def deliver(
        self, records: Sequence[InputRecord], outputs: Sequence[Outputs], substitute: Substitute
    ) -> Sequence[bool]:
        """Write all outputs, wait until all in-sync replicas have them, then commit the records.

        `records` are the next ones of those that `batches` yielded, in that order; `outputs` has an
        entry for each.  In every output partition the outputs stand in the order of the records.  A
        record of which the broker refuses an output gets the outputs that `substitute` gives
        instead.  One entry per record: whether it was delivered, or left to whoever has its
        partition now.  Raises where it is not known whether an output arrived: the worker must end
        then, and another repeats the records.
        """
