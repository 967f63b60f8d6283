from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.classifiers import make_entities, make_texts, shipped
from harness.fakes import FakeClassifier, prediction
from tidings_models.prediction import Classifier, InferenceError, Prediction, TokenIds
from tidings_models.prediction_cache import CachedClassifier, make_key


def answer(text: str, entity: str | None) -> Prediction:
    return prediction(**{f"{text} {entity}": 0.75, "other": 0.25})


TOKENS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 1)), min_size=2, max_size=5
).map(lambda pairs: TokenIds(ids=tuple(i for i, _ in pairs), type_ids=tuple(t for _, t in pairs)))


def test_text_that_comes_again_is_not_asked_again() -> None:
    inner = FakeClassifier(answer)
    cached: Classifier = CachedClassifier(inner, entries=10)

    first = cached.predict(["a", "b"])
    again = cached.predict(["b", "c", "a"])

    assert inner.calls == [2, 1]
    assert again == [first[1], answer("c", None), first[0]]


def test_repeats_within_one_call_are_asked_once() -> None:
    inner = FakeClassifier(answer)

    predictions = CachedClassifier(inner, entries=10).predict(["a", "b", "a", "a"])

    assert inner.calls == [2]
    assert [found.label for found in predictions] == ["a None", "b None", "a None", "a None"]


def test_call_with_more_texts_than_entries_is_answered_whole() -> None:
    inner = FakeClassifier(answer)
    cached = CachedClassifier(inner, entries=2)

    predictions = cached.predict(["a", "b", "c", "d", "a"])

    assert [found.label[0] for found in predictions] == ["a", "b", "c", "d", "a"]
    assert len(cached) == 2


def test_least_recently_used_gives_way() -> None:
    inner = FakeClassifier(answer)
    cached = CachedClassifier(inner, entries=2)
    for text in ("a", "b", "a", "c"):
        cached.predict([text])
    inner.calls.clear()

    cached.predict(["a"])
    assert inner.calls == []

    cached.predict(["b"])
    assert inner.calls == [1]


def test_every_text_is_a_hit_or_a_miss() -> None:
    told: list[tuple[int, int]] = []
    cached = CachedClassifier(
        FakeClassifier(answer), entries=10, on_lookups=lambda *counts: told.append(counts)
    )

    cached.predict(["a", "b", "a"])
    cached.predict(["a", "b"])
    cached.predict([])

    assert told == [(1, 2), (2, 0), (0, 0)]


def test_failed_call_keeps_and_counts_nothing() -> None:
    told: list[tuple[int, int]] = []
    inner = FakeClassifier(answer, unbearable="poison")
    cached = CachedClassifier(inner, entries=10, on_lookups=lambda *counts: told.append(counts))

    for _ in range(2):
        with pytest.raises(InferenceError):
            cached.predict(["a", "poison"])

    assert inner.calls == [2, 2]
    assert told == []
    assert len(cached) == 0


def test_same_text_about_another_company_is_another_question() -> None:
    inner = FakeClassifier(answer)

    about = CachedClassifier(inner, entries=10).predict(["a", "a"], ["Nokia", "Ericsson"])

    assert inner.calls == [2]
    assert about[0] != about[1]


@given(TOKENS, TOKENS)
def test_keys_are_equal_for_equal_tokens_only(one: TokenIds, other: TokenIds) -> None:
    assert (make_key(one) == make_key(other)) == (one == other)


@pytest.mark.parametrize("entries", [0, -1])
def test_cache_of_nothing_is_refused(entries: int) -> None:
    with pytest.raises(ValueError, match="leave it out"):
        CachedClassifier(FakeClassifier(answer), entries=entries)


def test_what_the_tokenizer_folds_is_one_text() -> None:
    cached = CachedClassifier(shipped("intents-banking77"), entries=10)

    predictions = cached.predict(["Where is my card?", "where  IS my\tcárd?", "where is my card ?"])

    assert len(cached) == 1
    assert len(set(predictions)) == 1


@pytest.mark.parametrize("entries", [7, 1000])
def test_answers_are_bit_identical_with_and_without(entries: int) -> None:
    plain = shipped("sentiment-finance")
    cached = CachedClassifier(plain, entries=entries)
    chance = random.Random(entries)
    questions = list(zip(make_texts(60, seed=21), make_entities(60, seed=22), strict=True))
    expected = {question: plain.predict([question[0]], [question[1]])[0] for question in questions}

    for size in (1, 5, 60, 60, 13, 40):
        asked = chance.choices(questions, k=size)
        texts, entities = zip(*asked, strict=True)
        assert cached.predict(texts, entities) == [expected[question] for question in asked]
    assert len(cached) <= entries
