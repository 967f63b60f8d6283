"""What the loop needs of Kafka: records in, records out, and a commit.  Faust stands behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from tidings_streams.records import Source

NO_HEADERS: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """A record as it was read: bytes, and where it stood.  Nothing is decoded yet."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=lambda: NO_HEADERS)

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


class Input(Protocol):
    """Where records come from."""

    def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """Yield records in each partition's order, until the worker stops; no batch is empty."""

    async def commit(self, batch: Sequence[InputRecord]) -> None:
        """Record that every output of these records, and of all before them, is acknowledged."""


class Output(Protocol):
    """Where records go."""

    async def send(self, records: Sequence[OutputRecord]) -> list[OutputRefused | None]:
        """Write the records and wait until the broker acknowledged each, on all in-sync replicas.

        One entry per record, in order: None where it was acknowledged, the refusal where it never
        will be.  Raises where a record may or may not have arrived: nothing may be committed then.
        """
