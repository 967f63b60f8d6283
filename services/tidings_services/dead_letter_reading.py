"""Reads dead letters: those that are meant, one by its place, and the chain behind one."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from aiokafka import TopicPartition

from tidings_services.dead_letter_selection import Letter, LetterFilter, LetterPlace, read_letter
from tidings_services.topic_reading import TopicReader
from tidings_streams.records import Reason, Source
from tidings_streams.topics import DEAD_LETTERS

# A record is written after its `failed_at`, by whichever clock; so much earlier none is looked for.
WRITTEN_LATER = timedelta(hours=1)
LONGEST_CHAIN = 100

OnProgress = Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class LetterTally:
    """Counts of the letters that were read: those accepted, and records that are no letters."""

    reasons: Counter[tuple[Reason, str]] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def letters(self) -> int:
        """How many letters were accepted."""
        return self.reasons.total()


async def read_letters(
    reader: TopicReader, wanted: LetterFilter, tally: LetterTally, *, on_progress: OnProgress
) -> AsyncIterator[Letter]:
    """The letters that are there now, in each partition's order, counted by reason and topic."""
    if wanted.places:
        for named in (await fetch_letters(reader, wanted.places)).values():
            if wanted.accepts(named):
                tally.reasons[named.content.reason, named.content.source.topic] += 1
                yield named
        return
    since = None if wanted.since is None else wanted.since - WRITTEN_LATER
    count = 0
    async for _, records in reader.read(await reader.partitions([DEAD_LETTERS]), since=since):
        for record in records:
            letter = read_letter(record)
            if letter is None:
                tally.unreadable += 1
            elif wanted.accepts(letter):
                tally.reasons[letter.content.reason, letter.content.source.topic] += 1
                yield letter
        count += len(records)
        on_progress(DEAD_LETTERS, count, reader.remaining)


async def newest_letters(letters: AsyncIterator[Letter], most: int) -> list[Letter]:
    """The letters that failed last, at most so many, oldest first."""
    kept: list[tuple[float, int, int, Letter]] = []
    async for letter in letters:
        entry = (letter.content.failed_at.timestamp(), *letter.place, letter)
        if len(kept) < most:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    return [letter for *_, letter in sorted(kept)]


async def fetch_letters(
    reader: TopicReader, places: Iterable[LetterPlace]
) -> dict[LetterPlace, Letter]:
    """The letters at these places, as far as they are there."""
    await reader.partitions([DEAD_LETTERS])
    wanted: dict[TopicPartition, list[int]] = {}
    for partition, offset in sorted(places):
        wanted.setdefault(TopicPartition(DEAD_LETTERS, partition), []).append(offset)
    found = {}
    for record in (await reader.fetch(wanted)).values():
        letter = read_letter(record)
        if letter is not None:
            found[letter.place] = letter
    return found


async def chain_behind(reader: TopicReader, letter: Letter) -> list[Letter | Source]:
    """The letters whose replays led to this one, the latest first, as far as they are there.

    One that is gone ends the chain and is there by its place.
    """
    chain: list[Letter | Source] = []
    replay = letter.replay
    while replay is not None and len(chain) < LONGEST_CHAIN:
        place = (replay.letter.partition, replay.letter.offset)
        before = (await fetch_letters(reader, [place])).get(place)
        if before is None:
            chain.append(replay.letter)
            break
        chain.append(before)
        replay = before.replay
    return chain
