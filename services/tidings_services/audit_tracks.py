"""The two large parts of an audit's memory: marks by offset, and hashes of event ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidings_services.audit_report import MOST_EXAMPLES, PartitionReport

Offsets = NDArray[np.int64]

PRESENT = 1
STRIDE = 1 << 20


class Track:
    """Marks of one partition's inputs: bit 0 says that there is one, bit n that place n has it.

    `end` is where the partition ended when it was read.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.end = 0
        self._first = 0
        self._length = 0
        self._marks = np.zeros(0, dtype)

    def add(self, offsets: Offsets) -> None:
        """Note inputs at these offsets, which ascend and follow those of the last call."""
        if not len(offsets):
            return
        if not self._length:
            self._first = int(offsets[0])
        self._length = int(offsets[-1]) - self._first + 1
        self.end = max(self.end, int(offsets[-1]) + 1)
        if self._length > len(self._marks):
            grown = np.zeros(max(self._length, 2 * len(self._marks)), self._marks.dtype)
            grown[: len(self._marks)] = self._marks
            self._marks = grown
        self._marks[offsets - self._first] |= self._marks.dtype.type(PRESENT)

    def mark(self, offsets: Offsets, *, place: int) -> tuple[int, int]:
        """Note outputs of these inputs in place 1, 2, ...

        Returns how many name an input that is not there, and how many one at or behind the end.
        """
        newer = int(np.count_nonzero(offsets >= self.end))
        index = offsets - self._first
        index = index[(index >= 0) & (index < self._length)]
        index = index[self._marks[index] != 0]
        self._marks[index] |= self._marks.dtype.type(1 << place)
        return len(offsets) - newer - len(index), newer

    def report(self, *, topic: str, partition: int, committed: int | None) -> PartitionReport:
        """Count the marks; without an output an input at or behind `committed` is pending."""
        inputs = decided = several = missing = pending = 0
        examples: list[int] = []
        for start in range(0, self._length, STRIDE):
            marks = self._marks[start : min(start + STRIDE, self._length)]
            places = marks >> 1
            open_ones = np.flatnonzero(marks == PRESENT) + (self._first + start)
            inputs += int(np.count_nonzero(marks))
            decided += int(np.count_nonzero(places))
            several += int(np.count_nonzero(places & (places - 1)))  # a bit besides the lowest
            due = len(open_ones) if committed is None else int(open_ones.searchsorted(committed))
            missing += due
            pending += len(open_ones) - due
            examples += open_ones[: min(due, MOST_EXAMPLES - len(examples))].tolist()
        return PartitionReport(
            topic=topic,
            partition=partition,
            inputs=inputs,
            decided=decided,
            in_several=several,
            missing=missing,
            pending=pending,
            first_missing=tuple(examples),
        )


class Identities:
    """Counts repeated event ids by their 64-bit hashes (Python's own, keyed by the process).

    Among n ids, two different ones are taken for one with a probability of about n^2 / 2^65:
    3 in 10,000 for a hundred million.
    """

    def __init__(self) -> None:
        self._count = 0
        self._hashes = np.empty(1024, np.int64)

    def add(self, identities: Sequence[bytes]) -> None:
        """Note event ids."""
        total = self._count + len(identities)
        if total > len(self._hashes):
            self._hashes.resize(max(total, 2 * len(self._hashes)), refcheck=False)
        self._hashes[self._count : total] = np.fromiter(
            map(hash, identities), np.int64, len(identities)
        )
        self._count = total

    def repeated(self) -> int:
        """How many of the ids were there before."""
        hashes = self._hashes[: self._count]
        hashes.sort()
        pairs = range(0, self._count - 1, STRIDE)
        return sum(
            int(np.count_nonzero(hashes[at:-1][:STRIDE] == hashes[at + 1 :][:STRIDE]))
            for at in pairs
        )
