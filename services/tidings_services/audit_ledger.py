"""The ledger of an audit: which inputs there are, and in which places each of them ended.

It takes a byte for every offset between the first and the last input of a partition (two, four or
eight where there are more than 7, 15 or 31 output topics), and eight bytes for every output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from tidings_services.audit_report import AuditReport
from tidings_services.audit_tracks import Identities, Track
from tidings_streams.records import InvalidRecord, Value, decode_value
from tidings_streams.topics import ROUTED_MESSAGES, queue_topic

Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
RawOutput: TypeAlias = tuple[bytes | None, bytes | None]
"""An output's value, and its `ce_id`."""

MOST_OUTPUT_TOPICS = 63


class InputPlace(Value, frozen=True, kw_only=True):
    """The input that an output names."""

    topic: str
    partition: Offset
    offset: Offset


class AnyOutput(Value, frozen=True, kw_only=True):
    """What every output has in its value."""

    source: InputPlace


def output_place(topic: str) -> str:
    """The place that a topic of outputs stands for: a queue's holds copies of the routed ones."""
    return ROUTED_MESSAGES if topic.startswith(queue_topic("")) else topic


class Ledger:
    """Takes all inputs first, then all outputs, in any order, and makes the report."""

    def __init__(self, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """`inputs` and `outputs` are topics; at most MOST_OUTPUT_TOPICS of the latter."""
        places = list(dict.fromkeys(output_place(topic) for topic in outputs))
        self._bits = {topic: places.index(output_place(topic)) + 1 for topic in outputs}
        self._dtype: np.dtype[Any] = np.min_scalar_type(1 << len(places))
        self._inputs = frozenset(inputs)
        self._tracks: dict[tuple[str, int], Track] = {}
        self._identities = Identities()
        self._outputs = self._unreadable = self._gone = self._newer = 0

    def add_inputs(self, topic: str, partition: int, offsets: Sequence[int]) -> None:
        """Note the offsets of inputs of a partition, in their order."""
        self._track(topic, partition).add(np.asarray(offsets, np.int64))

    def end_inputs(self, topic: str, partition: int, end: int) -> None:
        """Note where a partition ended: an output of an input at or behind it is too new."""
        self._track(topic, partition).end = end

    def add_outputs(self, topic: str, outputs: Sequence[RawOutput]) -> None:
        """Note the outputs of a topic; those of other inputs than the audited are passed over."""
        named: dict[tuple[str, int], list[int]] = {}
        identities: list[bytes] = []
        for value, identity in outputs:
            try:
                source = decode_value(value, AnyOutput).source
            except InvalidRecord:
                self._unreadable += 1
                self._outputs += 1
                continue
            if source.topic in self._inputs:
                named.setdefault((source.topic, source.partition), []).append(source.offset)
                if identity is not None:
                    identities.append(identity)
        self._identities.add(identities)
        for place, offsets in named.items():
            self._outputs += len(offsets)
            self._mark(place, np.array(offsets, np.int64), self._bits[topic])

    def report(self, committed: Mapping[tuple[str, int], int]) -> AuditReport:
        """The report; inputs at or behind the `committed` offset of their partition may wait.

        All inputs of a partition that is not in `committed` should have ended.
        """
        partitions = tuple(
            track.report(topic=place[0], partition=place[1], committed=committed.get(place))
            for place, track in sorted(self._tracks.items())
        )
        return AuditReport(
            partitions=partitions,
            outputs=self._outputs,
            repeated=self._identities.repeated(),
            gone=self._gone,
            newer=self._newer,
            unreadable=self._unreadable,
        )

    def _track(self, topic: str, partition: int) -> Track:
        return self._tracks.setdefault((topic, partition), Track(self._dtype))

    def _mark(self, place: tuple[str, int], offsets: NDArray[np.int64], bit: int) -> None:
        track = self._tracks.get(place)
        gone, newer = (len(offsets), 0) if track is None else track.mark(offsets, place=bit)
        self._gone += gone
        self._newer += newer
