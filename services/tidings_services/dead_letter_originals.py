"""The original of a dead letter: in the letter, or where it stood, as long as it stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiokafka import ConsumerRecord, TopicPartition

from tidings_services.dead_letter_selection import Letter, LetterPlace
from tidings_services.topic_reading import TopicReader

CLOCKS_DIFFER = timedelta(hours=1)
"""How much later than the broker a producer's clock may be: Kafka refuses records beyond it."""

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The record that died.

    Its value is `value_from` the letter, where that keeps it, or else from the topic; its headers
    from the topic, or else those that the letter carries on.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    value_from: Literal["letter", "topic"]
    headers_from: Literal["letter", "topic"]


def choose_original(letter: Letter, found: ConsumerRecord | None) -> Original | None:
    """The original, given the record found at its place; None where neither has it any more.

    A record there that differs from what the letter knows is another: the topic was made anew.
    """
    if found is not None and _is_original(letter, found):
        return Original(
            key=found.key,
            value=found.value,
            headers=tuple(found.headers),
            value_from="topic" if letter.original is None else "letter",
            headers_from="topic",
        )
    if letter.original is None:
        return None
    traceparent = letter.headers.get("traceparent")
    return Original(
        key=letter.key,
        value=letter.original,
        headers=() if traceparent is None else (("traceparent", traceparent),),
        value_from="letter",
        headers_from="letter",
    )


def _is_original(letter: Letter, found: ConsumerRecord) -> bool:
    written_at = datetime.fromtimestamp(found.timestamp / 1000, UTC)
    return (
        found.key == letter.key
        and letter.original in (None, found.value)
        and written_at <= letter.written_at + CLOCKS_DIFFER
    )


async def find_originals(
    reader: TopicReader, letters: Sequence[Letter]
) -> dict[LetterPlace, Original | None]:
    """The original of each letter by the letter's place; None where it is gone."""
    wanted: dict[TopicPartition, list[int]] = {}
    for letter in letters:
        source = letter.content.source
        wanted.setdefault(TopicPartition(source.topic, source.partition), []).append(source.offset)
    found = await reader.fetch(wanted)
    return {
        letter.place: choose_original(
            letter,
            found.get(
                (
                    letter.content.source.topic,
                    letter.content.source.partition,
                    letter.content.source.offset,
                )
            ),
        )
        for letter in letters
    }
