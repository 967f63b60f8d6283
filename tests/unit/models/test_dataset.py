from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_models.training.dataset import (
    DataError,
    Example,
    normalise,
    read_examples,
    read_split,
    split_rows,
    with_cashtags,
)
from tidings_models.training.recipe import LabelledData, parse_recipe

RECIPE = """
name: small
task: sentiment
description: For tests.
encoder: package:tiny
encoder_licence: MIT
pair_input: true
data:
  - name: Posts
    licence: CC0
    source: tests
    train: train.csv
    test: test.csv
    label_names: {bullish: positive, bearish: negative}
    cashtag_as_entity: also
out_of_scope:
  {name: Else, licence: CC0, source: tests, file: else.csv, exclude_domains: [bank]}
training: {validation_share: 0.25}
gate:
  minimum_accuracy: {Posts: 0.5}
"""


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    rows = [f"text {chr(97 + i)} of many,{'bullish' if i % 2 else 'bearish'}" for i in range(20)]
    rows += ["$ABC is up,bullish", "Seen before!,bearish"]
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\nseen BEFORE,bearish\n", encoding="utf-8")
    (tmp_path / "else.csv").write_text("text,domain\nhello,talk\nloan,bank\n", encoding="utf-8")
    return tmp_path


def posts(file: str = "train.csv") -> LabelledData:
    return LabelledData(name="Posts", licence="", source="", train=file)


def test_recipe_reads_into_disjoint_rows(data_directory: Path) -> None:
    split = read_split(parse_recipe(RECIPE), data_directory)

    assert split.labels == ("negative", "positive")
    assert split.dropped == 1
    assert split.out_of_scope == ("hello",)
    assert split.rows_read == {"train.csv": 22, "test.csv": 1, "else.csv": 1}
    assert len(split.train) + len(split.validation) == 22
    assert not {normalise(e.text) for e in split.train} & {
        normalise(e.text) for e in split.validation
    }


def test_missing_file_says_where_data_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.csv does not exist\. Set TIDINGS_DATA"):
        read_examples(posts(), "train.csv", tmp_path)


def test_missing_column_lists_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("message,label\na,b\n", encoding="utf-8")

    with pytest.raises(DataError, match="no column text; it has message, label"):
        read_examples(posts(), "train.csv", tmp_path)


def test_short_row_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,b\nc\n", encoding="utf-8")

    with pytest.raises(DataError, match="line 3: too few columns"):
        read_examples(posts(), "train.csv", tmp_path)


def test_other_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(b"text,label\n\xe4,b\n")

    with pytest.raises(DataError, match="not UTF-8"):
        read_examples(posts(), "train.csv", tmp_path)


def test_test_label_never_trained_is_refused(data_directory: Path) -> None:
    (data_directory / "test.csv").write_text("text,label\nnew,strange\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"never seen in training.*strange"):
        read_split(parse_recipe(RECIPE), data_directory)


@pytest.mark.parametrize(
    ("how", "entities"),
    [("never", [None, None]), ("also", [None, "$ABC", None]), ("instead", ["$ABC", None])],
)
def test_only_cashtag_becomes_the_entity(how: str, entities: list[str | None]) -> None:
    examples = [
        Example(text="$ABC up, says $ABC", label="positive"),
        Example(text="$ABC and $DEF cost $20", label="neutral"),
    ]

    assert [example.entity for example in with_cashtags(examples, how)] == entities


def test_near_identical_texts_are_one() -> None:
    assert normalise("Up 5% https://t.co/a") == normalise("up 17 %") == "up 0"


TEXTS = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["x", "y"])), min_size=1, max_size=80
)


@given(TEXTS, st.integers(0, 5))
def test_split_keeps_every_row_and_no_text_on_both_sides(
    rows: list[tuple[str, str]], seed: int
) -> None:
    examples = [Example(text=text, label=label) for text, label in rows]

    train, validation = split_rows(examples, validation_share=0.3, seed=seed)

    assert sorted(map(repr, (*train, *validation))) == sorted(map(repr, examples))
    assert not {row.text for row in train} & {row.text for row in validation}
    assert (train, validation) == split_rows(examples, validation_share=0.3, seed=seed)


def test_split_takes_its_share_of_every_label() -> None:
    examples = [
        Example(text=f"{chr(97 + i % 26)} {chr(97 + i // 26)} {label}", label=label)
        for label, count in (("often", 300), ("rare", 20))
        for i in range(count)
    ]

    _, validation = split_rows(examples, validation_share=0.1, seed=1)

    labels = [example.label for example in validation]
    assert labels.count("often") == 30
    assert labels.count("rare") == 2


def test_label_with_few_rows_still_has_one_to_validate_on() -> None:
    rows = [Example(text=text, label=text[0], source="s") for text in ("aa", "ab", "ba", "bb", "c")]

    train, validation = split_rows(rows, validation_share=0.1, seed=1)

    assert sorted(row.label for row in validation) == ["a", "b"]
    assert sorted(row.label for row in train) == ["a", "b", "c"]
