"""Texts from a file or standard input: lines, CSV or JSON lines, read as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TextFormat = Literal["lines", "csv", "jsonl"]

_BY_SUFFIX: dict[str, TextFormat] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class TextInputError(Exception):
    """The input is not what it was said to be; the message names the line and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputText:
    """One text; `line` is where it stands (1 is the first), `entity` the company, if any."""

    line: int
    text: str
    entity: str | None = None


def guess_format(file: str) -> TextFormat:
    """Return the format that a file's suffix stands for; lines where it says nothing."""
    return _BY_SUFFIX.get(Path(file).suffix.lower(), "lines")


def read_texts(
    lines: Iterable[bytes],
    *,
    text_format: TextFormat,
    text_column: str = "text",
    entity_column: str | None = None,
) -> Iterator[InputText]:
    """Yield the texts of UTF-8 lines, in order; blank lines hold none.

    Raises TextInputError at the first line that cannot be read.
    """
    read: Callable[[Iterator[str], str, str | None], Iterator[InputText]] = {
        "lines": _read_lines,
        "csv": _read_csv,
        "jsonl": _read_json_lines,
    }[text_format]
    yield from read(_decode(lines), text_column, entity_column)


def _decode(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            # A byte order mark may open the file and is no part of its text.
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise TextInputError(f"line {number} is not UTF-8: convert the input to it") from error


def _read_lines(lines: Iterator[str], _text: str, entity_column: str | None) -> Iterator[InputText]:
    if entity_column is not None:
        raise TextInputError("plain lines have no columns: use --format csv or jsonl")
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            yield InputText(line=number, text=text)


def _read_csv(
    lines: Iterator[str], text_column: str, entity_column: str | None
) -> Iterator[InputText]:
    reader = csv.DictReader(lines)
    try:
        columns = list(reader.fieldnames or ())
        for wanted in (text_column, entity_column):
            if wanted is not None and wanted not in columns:
                raise TextInputError(
                    f"line 1 has no column {wanted!r}, only {', '.join(columns) or 'nothing'}: "
                    "name it with --text-column or --entity-column"
                )
        for row in reader:
            text = row[text_column]
            if not text or not text.strip():
                raise TextInputError(f"line {reader.line_num}: the column {text_column!r} is empty")
            entity = row[entity_column] if entity_column is not None else None
            yield InputText(line=reader.line_num, text=text, entity=entity or None)
    except csv.Error as error:
        raise TextInputError(
            f"line {reader.line_num} is not CSV ({error}): quote texts with commas or line breaks"
        ) from error


def _read_json_lines(
    lines: Iterator[str], text_column: str, entity_column: str | None
) -> Iterator[InputText]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise TextInputError(
                f"line {number} is not JSON ({error}): write one object a line"
            ) from error
        if not isinstance(row, dict):
            raise TextInputError(f"line {number} is no JSON object: write one object a line")
        text, entity = row.get(text_column), row.get(entity_column) if entity_column else None
        if not isinstance(text, str) or not text.strip():
            raise TextInputError(
                f"line {number} has no text in {text_column!r}: name its field with --text-column"
            )
        if entity is not None and not isinstance(entity, str):
            raise TextInputError(f"line {number}: {entity_column!r} is no string")
        yield InputText(line=number, text=text, entity=entity or None)
