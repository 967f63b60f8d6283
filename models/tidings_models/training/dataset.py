"""Labelled rows from CSV files: reading, de-duplicating against the tests, splitting."""

from __future__ import annotations

import csv
import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tidings_models.tokenization import clean_text
from tidings_models.training.recipe import LabelledData, OutOfScopeData, Recipe

_CASHTAG = re.compile(r"(?<![\w$])\$[A-Za-z]{1,6}(?:\.[A-Za-z])?\b")
_DIGITS = re.compile(r"\d+")
_PUNCTUATION = re.compile(r"[\W_]+")


class DataError(Exception):
    """A data file is missing or not as the recipe says; the message names it and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled text; `entity` is the company that the label is about, if any."""

    text: str
    label: str
    entity: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A recipe's rows: `test` by data set name; `train` and `validation` share no text."""

    labels: tuple[str, ...]
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: Mapping[str, tuple[Example, ...]]
    out_of_scope: tuple[str, ...]
    out_of_scope_name: str
    rows_read: Mapping[str, int]
    """File -> its rows, as they were read."""
    dropped: int
    """Training rows left out because a test file has the same text."""


def normalise(text: str) -> str:
    """Return what two near-identical texts share: no case, links, punctuation or figures."""
    return _PUNCTUATION.sub(" ", _DIGITS.sub("0", clean_text(text).casefold())).strip()


def read_rows(
    file: Path, *, columns: Sequence[str], start_at: str = ""
) -> Iterable[tuple[str, ...]]:
    """Yield the named columns of each row of a CSV file with a header.

    Raises DataError naming the file and the line; `start_at` ends the message for a missing file.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            if missing := [c for c in columns if c not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{file}: no column {', '.join(missing)}; "
                    f"it has {', '.join(reader.fieldnames or ('no header',))}"
                )
            for row in reader:
                values = tuple(row[column] for column in columns)
                if any(value is None for value in values):
                    raise DataError(f"{file}, line {reader.line_num}: too few columns")
                yield values
    except FileNotFoundError as error:
        raise DataError(f"{file} does not exist. {start_at}".strip()) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}") from error


def read_examples(data: LabelledData, file: str, data_directory: Path) -> list[Example]:
    """Read one file of a data set, labels mapped to the model's.  Raises DataError."""
    columns = [data.text_column, data.label_column]
    if data.entity_column:
        columns.append(data.entity_column)
    rows = read_rows(
        data_directory / file,
        columns=columns,
        start_at="Set TIDINGS_DATA to the directory that holds the data sets.",
    )
    return [
        Example(
            text=row[0],
            label=data.label_names.get(row[1], row[1]),
            entity=(row[2] or None) if data.entity_column else None,
            source=data.name,
        )
        for row in rows
    ]


def with_cashtags(examples: Iterable[Example], how: str) -> list[Example]:
    """Add (`also`) or substitute (`instead`) the only cashtag of a text as its entity."""
    result = []
    for example in examples:
        found = set(_CASHTAG.findall(example.text)) if how != "never" else set()
        pair = [replace(example, entity=found.pop())] if len(found) == 1 else []
        if how != "instead" or not pair:
            result.append(example)
        result.extend(pair)
    return result


def split_rows(
    examples: Sequence[Example], *, validation_share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return (train, validation), stratified by source and label, grouped by normalised text.

    Rows whose texts differ only in case, punctuation, links or figures stand on one side.  A label
    with two different texts or more has at least one row on either side.
    """
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[normalise(example.text)].append(example)
    strata: dict[tuple[str, str], list[list[Example]]] = defaultdict(list)
    for group in groups.values():
        strata[group[0].source, group[0].label].append(group)
    train: list[Example] = []
    validation: list[Example] = []
    chance = random.Random(seed)  # noqa: S311 - a reproducible split, not a secret
    for key in sorted(strata):
        members = strata[key]
        chance.shuffle(members)
        wanted = round(validation_share * sum(len(group) for group in members))
        wanted = max(wanted, 1) if len(members) > 1 else 0
        taken = 0
        for group in members:
            side = validation if taken < wanted else train
            taken += len(group) if side is validation else 0
            side.extend(group)
    chance.shuffle(train)
    return tuple(train), tuple(validation)


def read_split(recipe: Recipe, data_directory: Path) -> Split:
    """Read every file of a recipe and split the training rows.

    Raises DataError where a file is missing, a test label never occurs in training, or there are
    too few texts to validate on.
    """
    rows_read: dict[str, int] = {}
    test: dict[str, tuple[Example, ...]] = {}
    for data in recipe.data:
        if data.test:
            test[data.name] = tuple(read_examples(data, data.test, data_directory))
            rows_read[data.test] = len(test[data.name])
    tested = {normalise(example.text) for rows in test.values() for example in rows}
    examples: list[Example] = []
    dropped = 0
    for data in recipe.data:
        if data.train:
            rows = read_examples(data, data.train, data_directory)
            rows_read[data.train] = len(rows)
            kept = [row for row in rows if normalise(row.text) not in tested]
            dropped += len(rows) - len(kept)
            examples += with_cashtags(kept, data.cashtag_as_entity)
    labels = tuple(sorted({example.label for example in examples}))
    for name, tests in test.items():
        if unknown := {row.label for row in tests} - set(labels):
            raise DataError(f"{name}: test labels never seen in training: {sorted(unknown)}")
    train, validation = split_rows(
        examples,
        validation_share=recipe.training.validation_share,
        seed=recipe.training.seed,
    )
    if not validation:
        raise DataError(
            "no label has two different texts, so there is nothing to validate on: add rows to "
            + ", ".join(data.train for data in recipe.data if data.train)
        )
    outside: tuple[str, ...] = ()
    if recipe.out_of_scope is not None:
        outside = read_out_of_scope(recipe.out_of_scope, data_directory)
        rows_read[recipe.out_of_scope.file] = len(outside)
    return Split(
        labels=labels,
        train=train,
        validation=validation,
        test=test,
        out_of_scope=outside,
        out_of_scope_name=recipe.out_of_scope.name if recipe.out_of_scope else "",
        rows_read=rows_read,
        dropped=dropped,
    )


def read_out_of_scope(data: OutOfScopeData, data_directory: Path) -> tuple[str, ...]:
    """Read the texts of no label, without the excluded domains.  Raises DataError."""
    rows = read_rows(data_directory / data.file, columns=[data.text_column, data.domain_column])
    return tuple(text for text, domain in rows if domain not in data.exclude_domains)


def digest_file(file: Path) -> str:
    """SHA-256 of a file's bytes: 64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
