"""A dead letter as it stands in its topic, and which of them are meant."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from tidings_streams.dead_letters import Replay, replay_of
from tidings_streams.records import DeadLetter, InvalidRecord, Reason, Source, decode_value

PLACE = re.compile(r"(\d{1,9}):(\d{1,18})")

LetterPlace = tuple[int, int]
"""Partition and offset in the topic of dead letters."""


class InvalidPlace(ValueError):  # noqa: N818 - the fact is the name
    """The text is no place of a dead letter; the message says what is."""


def parse_letter_place(text: str) -> LetterPlace:
    """The place that `PARTITION:OFFSET` names; raises InvalidPlace."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise InvalidPlace(f"{text!r} is not PARTITION:OFFSET of a dead letter, such as 0:17")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter.

    `source` is where it stands, `written_at` its record's timestamp, `original` the bytes that it
    keeps, where it keeps them.
    """

    source: Source
    written_at: datetime
    key: bytes | None
    headers: Mapping[str, bytes | None]
    content: DeadLetter
    original: bytes | None

    @property
    def place(self) -> LetterPlace:
        """Partition and offset of the letter."""
        return self.source.partition, self.source.offset

    @property
    def application(self) -> str:
        """The application whose record it was, by the header `ce_source`."""
        source = self.headers.get("ce_source") or b""
        return source.decode(errors="backslashreplace").removeprefix("/tidings/")

    @property
    def replay(self) -> Replay | None:
        """Of what the record that died was a replay."""
        return replay_of(self.headers)


def read_letter(record: ConsumerRecord) -> Letter | None:
    """The letter in a record; None where the record is none."""
    try:
        content = decode_value(record.value, DeadLetter)
        original = content.original
        kept = None if original is None else base64.b64decode(original, validate=True)
    except (InvalidRecord, binascii.Error):
        return None
    return Letter(
        source=Source(topic=record.topic, partition=record.partition, offset=record.offset),
        written_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key,
        headers=dict(record.headers),
        content=content,
        original=kept,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are meant; what is empty or None accepts all.  `until` is excluded."""

    reasons: frozenset[Reason] = frozenset()
    source_topics: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    places: frozenset[LetterPlace] = frozenset()

    @property
    def accepts_all(self) -> bool:
        """Whether nothing is filtered."""
        return self == LetterFilter()

    def accepts(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        content = letter.content
        return (
            (not self.reasons or content.reason in self.reasons)
            and (not self.source_topics or content.source.topic in self.source_topics)
            and (not self.applications or letter.application in self.applications)
            and (self.since is None or content.failed_at >= self.since)
            and (self.until is None or content.failed_at < self.until)
            and (not self.places or letter.place in self.places)
        )
