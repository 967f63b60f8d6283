"""Replays rows of a file into a topic, at a rate or with their original spacing."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from tidings_streams.topics import CUSTOMER_MESSAGES, NEWS_MESSAGES

Row = dict[str, Any]


class ReplayError(Exception):
    """The file can not be replayed; the message names the file, the row and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The topic, the field that is the record's key, and the field that holds its time.

    A row without the time field is stamped with the time at which it is sent.
    """

    topic: str
    key_field: str | None = None
    time_field: str | None = None


TARGETS = {
    CUSTOMER_MESSAGES: Target(
        topic=CUSTOMER_MESSAGES, key_field="customer_id", time_field="sent_at"
    ),
    NEWS_MESSAGES: Target(topic=NEWS_MESSAGES, key_field="source", time_field="published_at"),
}


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file with a header, or of JSON lines; raises ReplayError.

    In a CSV file `tickers` is a list with `|` between its entries, and an empty cell is no field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in {".jsonl", ".ndjson", ".json"}:
                yield from _read_json_lines(file, path)
            else:
                yield from _read_csv(file, path)
    except OSError as error:
        raise ReplayError(f"{path}: can not be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ReplayError(f"{path}: is not UTF-8 ({error.reason}, byte {error.start})") from None


def _read_json_lines(lines: Iterable[str], path: Path) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ReplayError(f"{path}, line {number}: is not JSON ({error})") from None
        if not isinstance(row, dict):
            raise ReplayError(f"{path}, line {number}: is no JSON object")
        yield row


def _read_csv(lines: Iterable[str], path: Path) -> Iterator[Row]:
    reader = csv.DictReader(lines)
    for cells in reader:
        if None in cells or None in cells.values():
            raise ReplayError(
                f"{path}, line {reader.line_num}: has not as many cells as the header has names"
            )
        row: Row = {name: cell for name, cell in cells.items() if cell}
        if "tickers" in row:
            row["tickers"] = row["tickers"].split("|")
        yield row


def pace_by_rate(rows: Iterable[Row], *, rate: float) -> Iterator[tuple[float, Row]]:
    """Each row with the second, after the start, at which it is due: `rate` rows a second."""
    for index, row in enumerate(rows):
        yield index / rate, row


def pace_by_time(
    rows: Iterable[Row], *, time_field: str, speed: float
) -> Iterator[tuple[float, Row]]:
    """Each row with the second at which it is due: its own spacing, `speed` times as fast.

    Raises ReplayError for a row whose time is missing, no RFC 3339 time, or without an offset.
    """
    first: datetime | None = None
    for number, row in enumerate(rows, start=1):
        try:
            moment = datetime.fromisoformat(row[time_field])
            first = moment if first is None else first
            due = (moment - first).total_seconds() / speed
        except (KeyError, TypeError, ValueError):
            raise ReplayError(
                f"row {number}: `{time_field}` holds no RFC 3339 time; replay it with a rate"
            ) from None
        yield max(0.0, due), row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A row on its way."""

    row: Mapping[str, Any]
    acknowledgement: Any


def send_row(producer: KafkaProducer, target: Target, row: Row) -> Sent:
    """Send a row, stamped with the present time where it has none."""
    if target.time_field is not None and target.time_field not in row:
        row = {**row, target.time_field: datetime.now(UTC).isoformat()}
    key = row.get(target.key_field) if target.key_field else None
    acknowledgement = producer.send(
        target.topic,
        value=json.dumps(row, ensure_ascii=False).encode(),
        key=None if key is None else str(key).encode(),
    )
    return Sent(row=row, acknowledgement=acknowledgement)


def replay(
    producer: KafkaProducer,
    target: Target,
    schedule: Iterable[tuple[float, Row]],
    *,
    on_sent: Callable[[Sent], None],
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Send each row when it is due, and wait for all acknowledgements; how many were sent.

    Raises ReplayError where the broker did not take a row.
    """
    begin = time.monotonic()
    waiting: list[Any] = []
    count = 0
    for due, row in schedule:
        while not stopped() and (wait := begin + due - time.monotonic()) > 0:
            time.sleep(min(wait, 0.2))
        if stopped():
            break
        sent = send_row(producer, target, row)
        waiting.append(sent.acknowledgement)
        count += 1
        on_sent(sent)
        if len(waiting) >= 10_000:
            _await_all(waiting, target)
    producer.flush()
    _await_all(waiting, target)
    return count


def _await_all(waiting: list[Any], target: Target) -> None:
    try:
        for acknowledgement in waiting:
            acknowledgement.get(timeout=60)
    except KafkaError as error:
        raise ReplayError(f"{target.topic}: the broker did not take a record: {error!r}") from None
    waiting.clear()
