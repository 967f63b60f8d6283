"""Which dead letters a replay takes, and which of them were replayed before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import NamedTuple

from tidings_services.dead_letter_originals import CLOCKS_DIFFER
from tidings_services.dead_letter_reading import LetterTally, OnProgress, read_letters
from tidings_services.dead_letter_selection import LetterFilter, LetterPlace
from tidings_services.topic_reading import TopicReader
from tidings_streams.dead_letters import replay_of
from tidings_streams.records import REPLAY_LETTER
from tidings_streams.topics import DEAD_LETTERS


class Choice(NamedTuple):
    """A letter that is to be replayed, to a topic.  Choices are ordered by when they failed."""

    failed_at: datetime
    place: LetterPlace
    target: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """Which letters to replay, to their source topics or to `target`, at most `limit`.

    `again` takes those too that were replayed before, and looks for none.
    """

    wanted: LetterFilter
    target: str | None = None
    limit: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The letters to replay, those that failed first first, and what is left out.

    `before` are places of letters that were replayed before, `absent` those that were named and
    hold no letter.
    """

    letters: tuple[Choice, ...]
    before: tuple[LetterPlace, ...]
    absent: tuple[LetterPlace, ...]

    @property
    def targets(self) -> Counter[str]:
        """How many records are to be written to which topic."""
        return Counter(choice.target for choice in self.letters)


async def choose_letters(
    reader: TopicReader, plan: ReplayPlan, *, on_progress: OnProgress
) -> Choices:
    """The letters that a plan means; raises TopicUnknown where a target topic is not there."""
    chosen: list[Choice] = []
    tally = LetterTally()
    async for letter in read_letters(reader, plan.wanted, tally, on_progress=on_progress):
        content = letter.content
        target = intern(plan.target or content.source.topic)
        chosen.append(Choice(content.failed_at, letter.place, target, letter.written_at))
    absent = plan.wanted.places - {choice.place for choice in chosen}
    before = set() if plan.again else await _replayed(reader, chosen, on_progress)
    fresh = sorted(choice for choice in chosen if choice.place not in before)
    letters = tuple(fresh[: plan.limit])
    await reader.partitions({choice.target for choice in letters})
    return Choices(letters=letters, before=tuple(sorted(before)), absent=tuple(sorted(absent)))


async def _replayed(
    reader: TopicReader, chosen: Collection[Choice], on_progress: OnProgress
) -> set[LetterPlace]:
    """The letters that a record in their target topic names, written since the first of them."""
    if not chosen:
        return set()
    since = min(choice.written_at for choice in chosen) - CLOCKS_DIFFER
    wanted = {(choice.place, choice.target) for choice in chosen}
    found: set[LetterPlace] = set()
    places = await reader.partitions({choice.target for choice in chosen})
    count = 0
    async for place, records in reader.read(places, since=since):
        for record in records:
            if not any(name == REPLAY_LETTER for name, _ in record.headers):
                continue
            replay = replay_of(dict(record.headers))
            if replay is not None and replay.letter.topic == DEAD_LETTERS:
                letter = (replay.letter.partition, replay.letter.offset)
                if (letter, place.topic) in wanted:
                    found.add(letter)
        count += len(records)
        on_progress("looking for replays", count, reader.remaining)
    return found
