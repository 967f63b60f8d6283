from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_models.bundle import find_bundle
from tidings_models.tokenization import TextTokenizer, clean_text


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(find_bundle("sentiment-finance") / "tokenizer.json", max_tokens=16)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Shares up https://t.co/Ab1 today", "Shares up today"),
        ("see WWW.example.com", "see"),
        ("one\ntwo\t three\x00four", "one two three four"),
        ("  spaced  out  ", "spaced out"),
        ("Sepp\u0061\u0308l\u0061\u0308", "Sepp\u00e4l\u00e4"),
        ("broken \ud800 half", "broken \ufffd half"),
        ("https://example.com/only", ""),
        ("HTTPS://Example.com wWw.x.y end", "end"),
        ("one\u3000two\u00a0three\x85four\x1ffive", "one two three four five"),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned
    assert cleaned == cleaned.strip()


@given(st.lists(st.text(max_size=80), max_size=5))
def test_any_text_has_two_to_max_tokens(tokenizer: TextTokenizer, texts: list[str]) -> None:
    encoded = tokenizer.encode(texts)

    assert len(encoded) == len(texts)
    assert all(2 <= len(text) <= 16 for text in encoded)


def test_entity_is_the_second_segment(tokenizer: TextTokenizer) -> None:
    alone, pair = tokenizer.encode(["Nokia rises"] * 2, [None, "Nokia"])

    assert set(alone.type_ids) == {0}
    assert pair.ids[: len(alone)] == alone.ids
    assert set(pair.type_ids[len(alone) :]) == {1}


@pytest.mark.parametrize("entity", ["", "  ", "https://t.co/x"])
def test_blank_entity_is_none_at_all(tokenizer: TextTokenizer, entity: str) -> None:
    assert tokenizer.encode(["Nokia rises"], [entity]) == tokenizer.encode(["Nokia rises"])


def test_long_text_gives_way_to_its_entity(tokenizer: TextTokenizer) -> None:
    (pair,) = tokenizer.encode(["shares " * 100], ["Nokia"])
    (alone,) = tokenizer.encode(["Nokia"])

    assert len(pair) == 16
    assert pair.ids[-len(alone) + 1 :] == alone.ids[1:]


def test_entity_longer_than_the_model_reads_is_no_error(tokenizer: TextTokenizer) -> None:
    (pair,) = tokenizer.encode(["up"], ["Holding " * 100])

    assert len(pair) == 16
