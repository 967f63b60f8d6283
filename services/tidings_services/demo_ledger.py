"""What went into the demo and what came out: nothing may be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidings_streams.outcomes import OutcomeKind
from tidings_streams.topics import (
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    TRIAGE_MESSAGES,
)

OUTCOME_TOPICS = {
    ROUTED_MESSAGES: OutcomeKind.ROUTED,
    TRIAGE_MESSAGES: OutcomeKind.TRIAGED,
    SCORED_MESSAGES: OutcomeKind.SCORED,
    DEAD_LETTERS: OutcomeKind.DEAD_LETTERED,
}
OUT_OF_SCOPE = "out_of_scope"

Place = tuple[str, int, int]
"""Topic, partition and offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How many of some decisions were right."""

    right: int
    of: int

    @property
    def share(self) -> float | None:
        """The share that was right, 0..1; None where there was no decision."""
        return self.right / self.of if self.of else None


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Accounts for every record; a record is known by its place in its input topic."""

    _inputs: set[Place] = field(default_factory=set)
    _ended: dict[Place, OutcomeKind] = field(default_factory=dict)
    _seen: set[tuple[Place, OutcomeKind, str | None]] = field(default_factory=set)
    _labels: dict[str, str] = field(default_factory=dict)
    _right: Counter[str] = field(default_factory=Counter)
    _judged: Counter[str] = field(default_factory=Counter)
    contradictions: int = 0

    def expect(self, message_id: str, label: str) -> None:
        """A message was sent, and this is what its author means by it."""
        self._labels[message_id] = label

    def take_in(self, place: Place) -> None:
        """The broker acknowledged an input record."""
        self._inputs.add(place)

    def take_out(self, topic: str, value: Mapping[str, Any]) -> None:
        """An output record was read; a repeat counts once."""
        kind = OUTCOME_TOPICS[topic]
        source = value["source"]
        place = (source["topic"], source["partition"], source["offset"])
        entry = (place, kind, value.get("ticker"))
        if entry in self._seen:
            return
        self._seen.add(entry)
        if self._ended.setdefault(place, kind) is not kind:
            self.contradictions += 1
        if kind is not OutcomeKind.DEAD_LETTERED:
            self._judge(kind, value)

    def _judge(self, kind: OutcomeKind, value: Mapping[str, Any]) -> None:
        label = self._labels.get(value["message_id"])
        if label is None:
            return
        if kind is OutcomeKind.SCORED:
            expected = dict(part.rsplit(":", 1) for part in label.split("|"))
            wanted = expected.get(value["ticker"] or "-")
            self._count("sentiment", value["label"] == wanted)
        elif label == OUT_OF_SCOPE:
            self._count("out_of_scope", kind is OutcomeKind.TRIAGED)
        elif kind is OutcomeKind.ROUTED:
            self._count("intent", value["intent"] == label)

    def _count(self, question: str, right: bool) -> None:
        self._judged[question] += 1
        self._right[question] += right

    def accuracy(self, question: str) -> Accuracy:
        """Of `intent` (messages routed), `out_of_scope` (handed to a person) or `sentiment`."""
        return Accuracy(right=self._right[question], of=self._judged[question])

    @property
    def inputs(self) -> int:
        """Input records that the broker acknowledged."""
        return len(self._inputs)

    @property
    def missing(self) -> int:
        """Input records of which nothing came out yet."""
        return len(self._inputs - self._ended.keys())

    def ended(self, kind: OutcomeKind) -> int:
        """Input records that ended so."""
        return sum(1 for ended in self._ended.values() if ended is kind)
