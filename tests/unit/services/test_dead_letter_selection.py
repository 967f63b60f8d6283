"""Reading a letter, choosing letters, and telling its original from another record."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from tidings_services.dead_letter_originals import choose_original
from tidings_services.dead_letter_reading import newest_letters
from tidings_services.dead_letter_selection import (
    InvalidPlace,
    Letter,
    LetterFilter,
    parse_letter_place,
    read_letter,
)
from tidings_services.dead_letter_view import printable, readable
from tidings_streams.records import Reason

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TRACE = b"00-1-2-01"


def consumed(
    value: bytes | None,
    *,
    topic: str = "dead-letters",
    offset: int = 3,
    key: bytes | None = b"ada",
    headers: Sequence[tuple[str, bytes | None]] = (),
    written_at: datetime = NOON,
) -> ConsumerRecord:
    return ConsumerRecord(
        topic=topic,
        partition=0,
        offset=offset,
        timestamp=int(written_at.timestamp() * 1000),
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=tuple(headers),
    )


def letter_value(**changes: Any) -> bytes:
    value = {
        "reason": "not_json",
        "detail": "malformed",
        "source": {"topic": "customer-messages", "partition": 0, "offset": 7},
        "failed_at": "2026-11-23T12:00:00Z",
        "original": None,
        **changes,
    }
    return json.dumps(value).encode()


def letter(*, original: bytes | None = None, offset: int = 3, **changes: Any) -> Letter:
    kept = None if original is None else base64.b64encode(original).decode()
    headers = (("ce_source", b"/tidings/intents"), ("traceparent", TRACE))
    made = read_letter(
        consumed(letter_value(original=kept, **changes), headers=headers, offset=offset)
    )
    assert made is not None
    return made


def test_letter_is_read_with_its_place_application_and_original() -> None:
    made = letter(original=b"\xff")

    assert made.place == (0, 3)
    assert made.application == "intents"
    assert made.original == b"\xff"
    assert made.content.reason is Reason.NOT_JSON
    assert made.replay is None


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{}", letter_value(original="not base64!"), letter_value(reason="bad luck")],
)
def test_record_that_is_no_letter_is_none(value: bytes | None) -> None:
    assert read_letter(consumed(value)) is None


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        (LetterFilter(), True),
        (LetterFilter(reasons=frozenset({Reason.NOT_JSON, Reason.NULL_VALUE})), True),
        (LetterFilter(reasons=frozenset({Reason.NULL_VALUE})), False),
        (LetterFilter(source_topics=frozenset({"news-messages"})), False),
        (LetterFilter(applications=frozenset({"intents"})), True),
        (LetterFilter(applications=frozenset({"sentiment"})), False),
        (LetterFilter(since=NOON), True),
        (LetterFilter(since=NOON + timedelta(seconds=1)), False),
        (LetterFilter(until=NOON), False),
        (LetterFilter(until=NOON + timedelta(seconds=1)), True),
        (LetterFilter(places=frozenset({(0, 3)})), True),
        (LetterFilter(places=frozenset({(1, 3)})), False),
    ],
)
def test_filter_accepts_what_meets_all_of_it(wanted: LetterFilter, accepted: bool) -> None:
    assert wanted.accepts(letter()) is accepted
    assert wanted.accepts_all is (wanted == LetterFilter())


@pytest.mark.parametrize("text", ["", "3", "0:", ":3", "-1:3", "0:-3", "a:b", "0:3:4", "0: 3"])
def test_what_is_no_place_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidPlace, match="PARTITION:OFFSET") as caught:
        parse_letter_place(text)
    assert repr(text) in str(caught.value)


def test_original_comes_from_the_topic_with_all_its_headers() -> None:
    found = consumed(b"bytes", topic="customer-messages", offset=7, headers=[("tenant", b"acme")])

    original = choose_original(letter(), found)

    assert original is not None
    assert (original.key, original.value) == (b"ada", b"bytes")
    assert original.headers == (("tenant", b"acme"),)
    assert (original.value_from, original.headers_from) == ("topic", "topic")


def test_original_in_the_letter_has_the_headers_of_the_topic_where_that_has_it() -> None:
    kept = letter(original=b"bytes")

    both = choose_original(kept, consumed(b"bytes", headers=[("tenant", b"acme")]))
    alone = choose_original(kept, None)

    assert both is not None
    assert (both.value_from, both.headers_from) == ("letter", "topic")
    assert alone is not None
    assert (alone.value, alone.key, alone.headers) == (b"bytes", b"ada", (("traceparent", TRACE),))
    assert (alone.value_from, alone.headers_from) == ("letter", "letter")


@pytest.mark.parametrize(
    "other",
    [
        consumed(b"bytes", key=b"bob"),
        consumed(b"bytes", key=None),
        consumed(b"bytes", written_at=NOON + timedelta(hours=2)),
    ],
    ids=["another key", "no key", "written long after the letter"],
)
def test_record_that_is_not_the_one_that_died_is_no_original(other: ConsumerRecord) -> None:
    assert choose_original(letter(), other) is None


def test_record_with_other_bytes_than_the_letter_keeps_gives_no_headers() -> None:
    original = choose_original(letter(original=b"bytes"), consumed(b"other", headers=[("a", b"b")]))

    assert original is not None
    assert (original.value, original.headers_from) == (b"bytes", "letter")


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 25))
async def test_newest_letters_are_those_that_failed_last_oldest_first(
    minutes: list[int], most: int
) -> None:
    made = [
        letter(offset=offset, failed_at=f"2026-11-23T12:{minute:02}:00Z")
        for offset, minute in enumerate(minutes)
    ]

    async def letters() -> AsyncIterator[Letter]:
        for each in made:
            yield each

    found = await newest_letters(letters(), most)

    expected = sorted((each.content.failed_at, each.place) for each in made)[-most:]
    assert [(each.content.failed_at, each.place) for each in found] == expected


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202e\r\nü") == "a\\x1b[2Jb\\u202e\\r\nü"
    assert readable(b"\xff\x00ok") == "\\xff\\x00ok"
