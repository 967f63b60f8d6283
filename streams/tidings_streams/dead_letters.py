"""Records that could not be processed: the reason, the provenance, never a silence."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.records import DeadLetter, InvalidRecord, encode_value, event_headers
from tidings_streams.topics import DEAD_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPolicy:
    """Makes dead letters of one application's records.

    `keep_original` adds the original bytes, with whatever personal data is in them.
    """

    application: str
    keep_original: bool
    now: Callable[[], datetime]

    def outcome(self, record: InputRecord, fault: InvalidRecord) -> Outcome:
        """The outcome of a record that can not be processed: one dead letter, and the reason."""
        original = record.value if self.keep_original else None
        letter = DeadLetter(
            reason=fault.reason,
            detail=fault.detail,
            source=record.source,
            failed_at=self.now(),
            original=None if original is None else base64.b64encode(original).decode(),
        )
        output = OutputRecord(
            topic=DEAD_LETTERS,
            key=record.key,
            value=encode_value(letter),
            headers=event_headers(
                kind="tidings.dead_letter",
                source=f"/tidings/{self.application}",
                identity=f"{record.topic}/{record.partition}/{record.offset}/dead",
                received=record.headers,
            ),
        )
        return Outcome(kind=OutcomeKind.DEAD_LETTERED, outputs=(output,), reason=fault.reason)
