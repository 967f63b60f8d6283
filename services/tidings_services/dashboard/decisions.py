"""The latest decisions, as the page's table shows them."""

from __future__ import annotations

from bisect import insort

import msgspec

from tidings_services.dashboard.rates import OUTCOMES, Outcome
from tidings_streams.records import (
    DeadLetter,
    RoutedMessage,
    ScoredMessage,
    Source,
    TriagedMessage,
)

KEPT = 50
MOST_CHARACTERS = 600


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was considered, with its probability (0..1)."""

    label: str
    probability: float


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One row.  `at` is when it was decided, Unix seconds; `text` is redacted, and cut if long.

    `destination` is the queue, or the ticker of a scored message.  `because` says why a message
    was not decided: why the model abstained, or why the record is a dead letter.
    """

    id: str
    outcome: Outcome
    at: float
    text: str
    source: str
    message_id: str | None = None
    label: str | None = None
    probability: float | None = None
    destination: str | None = None
    entity: str | None = None
    channel: str | None = None
    priority: str | None = None
    because: str | None = None
    bundle: str | None = None
    considered: list[Considered] = []


class LatestDecisions:
    """The `KEPT` newest decisions of each outcome, so that a busy one does not hide the others."""

    def __init__(self) -> None:
        self._kept: dict[Outcome, list[Decision]] = {outcome: [] for outcome in OUTCOMES}

    def add(self, decision: Decision) -> None:
        """Keep a decision where it is among the newest."""
        kept = self._kept[decision.outcome]
        if len(kept) == KEPT and decision.at < kept[0].at:
            return
        insort(kept, decision, key=lambda other: other.at)
        if len(kept) > KEPT:
            del kept[0]

    def view(self) -> list[Decision]:
        """All that are kept, newest first."""
        together = [decision for kept in self._kept.values() for decision in kept]
        return sorted(together, key=lambda decision: decision.at, reverse=True)


def intent_decision(message: RoutedMessage) -> Decision:
    """Make the row of a routed or triaged message."""
    triaged = isinstance(message, TriagedMessage)
    outcome = Outcome.TRIAGED if triaged else Outcome.ROUTED
    return Decision(
        id=_identity(outcome, message.source),
        outcome=outcome,
        at=message.decided_at.timestamp(),
        text=_cut(message.text),
        source=_place(message.source),
        message_id=message.message_id,
        label=message.intent,
        probability=message.probability,
        destination=message.queue,
        channel=message.channel,
        priority=message.priority,
        because=message.abstained_because if isinstance(message, TriagedMessage) else None,
        bundle=message.bundle,
        considered=[
            Considered(label=alternative.intent, probability=alternative.probability)
            for alternative in message.alternatives
        ],
    )


def sentiment_decision(message: ScoredMessage) -> Decision:
    """Make the row of a scored message."""
    ranked = sorted(message.probabilities.items(), key=lambda item: -item[1])
    return Decision(
        id=_identity(Outcome.SCORED, message.source, message.ticker or ""),
        outcome=Outcome.SCORED,
        at=message.decided_at.timestamp(),
        text=_cut(message.text),
        source=_place(message.source),
        message_id=message.message_id,
        label=message.label,
        probability=message.probabilities.get(message.label),
        destination=message.ticker,
        entity=message.entity,
        bundle=message.bundle,
        considered=[Considered(label=label, probability=p) for label, p in ranked],
    )


def failure(letter: DeadLetter) -> Decision:
    """Make the row of a dead letter; its detail quotes no content."""
    return Decision(
        id=_identity(Outcome.DEAD, letter.source),
        outcome=Outcome.DEAD,
        at=letter.failed_at.timestamp(),
        text=_cut(letter.detail),
        source=_place(letter.source),
        because=letter.reason.value,
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _place(source: Source) -> str:
    return f"{source.topic}, partition {source.partition}, offset {source.offset}"


def _identity(outcome: Outcome, source: Source, *more: str) -> str:
    return "/".join((outcome, source.topic, str(source.partition), str(source.offset), *more))
