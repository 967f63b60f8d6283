"""What became of one input record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidings_streams.kafka import OutputRecord
from tidings_streams.records import Reason


class OutcomeKind(StrEnum):
    """The one place in which an input record ended."""

    ROUTED = "routed"
    TRIAGED = "triaged"
    SCORED = "scored"
    DEAD_LETTERED = "dead_lettered"
    COUNTED = "counted"
    LATE = "late"
    REPEATED = "repeated"
    WITHOUT_TICKER = "without_ticker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outputs of one input record, and what the metrics say of it.

    `labels` are the labels decided for it, one per decision; `event_age_seconds` is how old the
    message was when it was decided; `abstained_because` is why a person decides instead;
    `reason` is why it is a dead letter.
    """

    kind: OutcomeKind
    outputs: tuple[OutputRecord, ...]
    labels: tuple[str, ...] = ()
    event_age_seconds: float | None = None
    abstained_because: str | None = None
    reason: Reason | None = None
