"""What the demo replays: messages and headlines written for it, and some records broken on purpose.

See demo_data/README.md.  The companies are invented.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

from tidings_services.replay import Row, read_rows

BACKFILLED_ROWS = 180
BACKFILL_MINUTES = 45
BROKEN_EVERY = 60
BROKEN = (
    b'{"id": "broken-1", "text": "cut off in the mid',
    b'{"id": "broken-2", "text": 42, "customer_id": "C-1", "channel": "chat"}',
    b'{"id": "broken-3", "text": "Nobody sent this."}',
    b'{"id": "broken-4", "text": "   ", "customer_id": "C-1", "channel": "chat",'
    b' "sent_at": "2026-01-01T00:00:00Z"}',
    b"not JSON at all",
)


def demo_file(name: str) -> Path:
    """A file of the demo's data."""
    with as_file(files("tidings_services").joinpath("demo_data", name)) as path:
        return path


def customer_rows() -> Iterator[Row]:
    """Customer messages, over and over; each round has ids of its own."""
    yield from _rounds(list(read_rows(demo_file("customer_messages.csv"))))


def news_rows(*, begin: datetime) -> tuple[list[Row], Iterator[Row]]:
    """The news of the minutes before `begin`, dated evenly over them, and the news from then on."""
    rows = list(read_rows(demo_file("news_messages.csv")))
    past, coming = rows[:BACKFILLED_ROWS], rows[BACKFILLED_ROWS:]
    step = timedelta(minutes=BACKFILL_MINUTES) / len(past)
    first = begin - timedelta(minutes=BACKFILL_MINUTES)
    dated = [
        {**row, "published_at": (first + index * step).isoformat()}
        for index, row in enumerate(past)
    ]
    return dated, itertools.chain(iter(coming), _rounds(rows, first=2))


def _rounds(rows: list[Row], *, first: int = 1) -> Iterator[Row]:
    for number in itertools.count(first):
        for row in rows:
            yield row if number == 1 else {**row, "id": f"{row['id']}-{number}"}
