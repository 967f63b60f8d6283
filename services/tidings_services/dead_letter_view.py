"""Dead letters as a person reads them, and as JSON."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from tidings_services.dead_letter_originals import Original
from tidings_services.dead_letter_reading import LetterTally
from tidings_services.dead_letter_replay import Replayed
from tidings_services.dead_letter_selection import Letter, LetterPlace
from tidings_streams.dead_letters import Replay, place_text
from tidings_streams.records import Source


def letter_table(letters: Iterable[Letter]) -> Table:
    """A row for each letter."""
    table = Table("place", "failed at", "reason", "detail", "source", "replay")
    for column in (table.columns[0], table.columns[2]):
        column.no_wrap = True
    for letter in letters:
        content = letter.content
        replay = letter.replay
        cells = (
            place_name(letter.place),
            f"{content.failed_at:%Y-%m-%dT%H:%M:%SZ}",
            content.reason,
            content.detail,
            place_text(content.source),
            "" if replay is None else str(replay.count),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def letter_json(letter: Letter) -> dict[str, Any]:
    """A letter without its original and its key."""
    content = letter.content
    return {
        "partition": letter.source.partition,
        "offset": letter.source.offset,
        "failed_at": content.failed_at.isoformat().replace("+00:00", "Z"),
        "reason": content.reason,
        "detail": content.detail,
        "application": letter.application,
        "source": _source_json(content.source),
        "keeps_original": letter.original is not None,
        "replay": _replay_json(letter.replay),
    }


def summary_table(tally: LetterTally) -> Table:
    """How many letters there are of each reason and source topic, the most first."""
    table = Table("reason", "source topic", "letters")
    table.columns[2].justify = "right"
    for (reason, topic), count in tally.reasons.most_common():
        table.add_row(reason, Text(printable(topic)), f"{count:,}")
    return table


def summary_json(tally: LetterTally) -> dict[str, Any]:
    """As the table, and how many records are no letters."""
    reasons = [
        {"reason": reason, "source_topic": topic, "letters": count}
        for (reason, topic), count in tally.reasons.most_common()
    ]
    return {"letters": tally.letters, "unreadable": tally.unreadable, "reasons": reasons}


def summary_line(tally: LetterTally, *, shown: int) -> str:
    """How many letters there are, of which reasons, and how many of them are shown."""
    counts: Counter[str] = Counter()
    for (reason, _), count in tally.reasons.items():
        counts[reason] += count
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    line = f"{tally.letters:,} letters" + (f": {reasons}" if reasons else "")
    if shown < tally.letters:
        line += f"; the newest {shown:,} are shown (--limit)"
    if tally.unreadable:
        line += f"; {tally.unreadable:,} records are no dead letters"
    return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A letter, the letters whose replays led to it (the latest first), and its original."""

    letter: Letter
    chain: Sequence[Letter | Source]
    original: Original | None


def show_lines(shown: Shown, *, with_original: bool) -> Iterator[str]:
    """One letter whole; the bytes of its original only where they are asked for."""
    letter = shown.letter
    content = letter.content
    yield f"letter       {place_text(letter.source)}"
    yield f"failed at    {content.failed_at.isoformat()}"
    yield f"reason       {content.reason}"
    yield f"detail       {printable(content.detail)}"
    yield f"application  {printable(letter.application)}"
    yield f"source       {printable(place_text(content.source))}"
    yield f"key          {'(none)' if letter.key is None else readable(letter.key)}"
    for name, value in letter.headers.items():
        yield f"header       {printable(name)}: {'' if value is None else readable(value)}"
    if letter.replay is not None:
        yield from _chain_lines(letter.replay, shown.chain)
    yield f"original     {_original_words(shown)}"
    if with_original and shown.original is not None and shown.original.value is not None:
        yield readable(shown.original.value)


def show_json(shown: Shown, *, with_original: bool) -> dict[str, Any]:
    """One letter whole; `original` (base64) is there only where it is asked for."""
    letter, original = shown.letter, shown.original
    content = letter_json(letter) | {
        "key": None if letter.key is None else readable(letter.key),
        "original_in": None if original is None else original.value_from,
        "chain": [
            letter_json(each) if isinstance(each, Letter) else _source_json(each)
            for each in shown.chain
        ],
    }
    if with_original and original is not None:
        value = original.value
        content["original"] = None if value is None else base64.b64encode(value).decode()
    return content


def replay_row(record: Replayed) -> dict[str, Any]:
    """What a dry run tells of a record; `bytes` is null where the value is."""
    original = record.original
    return {
        "letter": place_name(record.letter),
        "topic": record.topic,
        "partition": record.partition,
        "bytes": None if original.value is None else len(original.value),
        "original_in": original.value_from,
        "headers_of": original.headers_from,
        "replay_count": record.replay.count,
    }


def replay_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A row for each record that would be written."""
    table = Table("letter", "topic", "partition", "bytes", "original in", "headers of", "replay")
    for row in rows:
        cells = ("" if value is None else str(value) for value in row.values())
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def place_name(place: LetterPlace) -> str:
    """A letter's place as the commands take it."""
    return f"{place[0]}:{place[1]}"


def readable(value: bytes) -> str:
    """Bytes as text that is safe on a terminal; what is no UTF-8 is escaped."""
    return printable(value.decode(errors="backslashreplace"))


def printable(text: str) -> str:
    """Text without control characters: they are escaped, but for the line feed."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )


def _chain_lines(replay: Replay, chain: Sequence[Letter | Source]) -> Iterator[str]:
    yield f"replay       the {replay.count}. of {printable(place_text(replay.origin))}"
    for before in chain:
        if isinstance(before, Letter):
            content = before.content
            yield (
                f"  before     {place_text(before.source)}: {content.reason} of "
                f"{printable(place_text(content.source))}"
            )
        else:
            yield f"  before     {printable(place_text(before))}, which is gone"


def _original_words(shown: Shown) -> str:
    original = shown.original
    if original is None:
        return "gone: neither the letter nor the source topic has it any more"
    size = "null" if original.value is None else f"{len(original.value):,} bytes"
    where = (
        "the letter" if original.value_from == "letter" else place_text(shown.letter.content.source)
    )
    return printable(f"{size}, in {where}")


def _source_json(source: Source) -> dict[str, Any]:
    return {"topic": source.topic, "partition": source.partition, "offset": source.offset}


def _replay_json(replay: Replay | None) -> dict[str, Any] | None:
    if replay is None:
        return None
    return {
        "of": _source_json(replay.origin),
        "letter": _source_json(replay.letter),
        "count": replay.count,
    }
