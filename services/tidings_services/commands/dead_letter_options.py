"""What the commands of `tidings dead-letters` share: their filters, and a reader to run with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tidings_services.settings import load_settings
from tidings_streams.records import Reason

if TYPE_CHECKING:
    from tidings_services.dead_letter_selection import LetterFilter
    from tidings_services.topic_reading import TopicReader

T = TypeVar("T")

Reasons = Annotated[
    list[Reason] | None, typer.Option("--reason", help="Only with this reason; may be repeated.")
]
SourceTopics = Annotated[
    list[str] | None,
    typer.Option("--source-topic", help="Only of records of this topic; may be repeated."),
]
Applications = Annotated[
    list[str] | None,
    typer.Option("--application", help="Only of this one (intents, ...); may be repeated."),
]
Since = Annotated[
    str | None, typer.Option(help="Only failed since: RFC 3339, or so long ago (15m, 2h, 3d).")
]
Until = Annotated[str | None, typer.Option(help="Only failed before; as --since.")]


def make_filter(
    *,
    reasons: Sequence[Reason] | None,
    source_topics: Sequence[str] | None,
    applications: Sequence[str] | None,
    period: tuple[str | None, str | None],
    places: Sequence[str] | None = None,
) -> LetterFilter:
    """The filter of a command's options; raises InvalidInstant and InvalidPlace."""
    from tidings_services.dead_letter_selection import LetterFilter, parse_letter_place
    from tidings_services.instants import parse_instant

    now = datetime.now(UTC)
    since, until = (None if text is None else parse_instant(text, now=now) for text in period)
    return LetterFilter(
        reasons=frozenset(reasons or ()),
        source_topics=frozenset(source_topics or ()),
        applications=frozenset(applications or ()),
        since=since,
        until=until,
        places=frozenset(parse_letter_place(place) for place in places or ()),
    )


def with_reader(work: Callable[[TopicReader], Awaitable[T]]) -> T:
    """Run `work` with a reader of the settings' Kafka; raises KafkaFailed besides its own."""
    from tidings_services.connection import kafka_connection
    from tidings_services.topic_reading import TopicReader

    async def run() -> T:
        async with TopicReader(kafka_connection(load_settings())) as reader:
            return await work(reader)

    return asyncio.run(run())
