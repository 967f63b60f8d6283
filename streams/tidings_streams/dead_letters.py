"""Records that could not be processed: the reason, the provenance, never a silence.

A dead letter's original can be replayed; the replayed record then tells by its headers of which
record it is a replay, and so do its outputs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.records import (
    REPLAY_COUNT,
    REPLAY_LETTER,
    REPLAY_OF,
    DeadLetter,
    InvalidRecord,
    Source,
    encode_value,
    event_headers,
)
from tidings_streams.topics import DEAD_LETTERS

PLACE = re.compile(rb"([a-zA-Z0-9._-]{1,249})/(\d{1,10})/(\d{1,19})")
COUNT = re.compile(rb"\d{1,9}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replayed record and its outputs tell of where they come from.

    `origin` is where the first original stood, `letter` the dead letter that was replayed, `count`
    how often the record was replayed by then: 2 where a replay died and was replayed.
    """

    origin: Source
    letter: Source
    count: int

    def headers(self) -> dict[str, bytes]:
        """The headers that say so."""
        return {
            REPLAY_OF: place_text(self.origin).encode(),
            REPLAY_LETTER: place_text(self.letter).encode(),
            REPLAY_COUNT: str(self.count).encode(),
        }


def replay_of(headers: Mapping[str, bytes | None]) -> Replay | None:
    """What a record's headers tell of its replay; None where it is none, or they are malformed."""
    origin = _parse_place(headers.get(REPLAY_OF))
    letter = _parse_place(headers.get(REPLAY_LETTER))
    count = COUNT.fullmatch(headers.get(REPLAY_COUNT) or b"")
    if origin is None or letter is None or count is None:
        return None
    return Replay(origin=origin, letter=letter, count=int(count[0]))


def next_replay(letter: Source, *, died: Source, headers: Mapping[str, bytes | None]) -> Replay:
    """The replay of a dead letter, given where the record died and the letter's own headers."""
    before = replay_of(headers)
    if before is None:
        return Replay(origin=died, letter=letter, count=1)
    return Replay(origin=before.origin, letter=letter, count=before.count + 1)


def place_text(place: Source) -> str:
    """A place as `topic/partition/offset`; a topic's name has no slash."""
    return f"{place.topic}/{place.partition}/{place.offset}"


def _parse_place(text: bytes | None) -> Source | None:
    found = PLACE.fullmatch(text or b"")
    if found is None:
        return None
    return Source(topic=found[1].decode(), partition=int(found[2]), offset=int(found[3]))
