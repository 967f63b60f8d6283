"""What an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionReport:
    """What became of one partition's inputs.

    `decided` have an output, `in_several` have outputs in more than one place, `missing` have none
    though they should, `pending` have none yet.  `first_missing` are at most MOST_EXAMPLES offsets.
    """

    topic: str
    partition: int
    inputs: int
    decided: int
    in_several: int
    missing: int
    pending: int
    first_missing: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What became of all inputs, by topic and partition.

    `outputs` are the records read, less those of other inputs than the audited; `repeated` those
    whose event id was seen before; `gone` those whose input is no more in its topic, `newer` those
    whose input came after the audit began; `unreadable` those that name no input.
    """

    partitions: tuple[PartitionReport, ...]
    outputs: int
    repeated: int
    gone: int
    newer: int
    unreadable: int

    @property
    def inputs(self) -> int:
        """Inputs that are there."""
        return sum(each.inputs for each in self.partitions)

    @property
    def decided(self) -> int:
        """Inputs that have an output."""
        return sum(each.decided for each in self.partitions)

    @property
    def in_several(self) -> int:
        """Inputs that ended in more than one place."""
        return sum(each.in_several for each in self.partitions)

    @property
    def missing(self) -> int:
        """Inputs that should have an output and have none."""
        return sum(each.missing for each in self.partitions)

    @property
    def pending(self) -> int:
        """Inputs without an output that the consumer group has not committed yet."""
        return sum(each.pending for each in self.partitions)

    @property
    def expired(self) -> int:
        """Outputs of inputs outside of the audit."""
        return self.gone + self.newer

    def as_json(self) -> dict[str, Any]:
        """The report as `tidings audit --json` prints it."""
        examples = [
            {"topic": each.topic, "partition": each.partition, "offset": offset}
            for each in self.partitions
            for offset in each.first_missing
        ]
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "missing": self.missing,
            "pending": self.pending,
            "repeated": self.repeated,
            "in_several": self.in_several,
            "expired": self.expired,
            "unreadable": self.unreadable,
            "missing_examples": examples[:MOST_EXAMPLES],
        }
