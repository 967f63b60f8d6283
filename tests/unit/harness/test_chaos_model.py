"""The faults of the chaos tests' model come from its seed: a repeat meets the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from harness.chaos_model import FaultyClassifier, ModelFaults
from harness.classifiers import make_texts
from harness.fakes import FakeClassifier, prediction
from tidings_models.prediction import InferenceError, Prediction

TEXTS = sorted(set(make_texts(2_000, seed=1)))


def faulty(*, seed: int = 1, **faults: float) -> FaultyClassifier:
    return FaultyClassifier(
        inner=FakeClassifier(lambda *_: prediction(card_arrival=0.9)),
        faults=ModelFaults(**faults),
        seed=seed,
        sleep=lambda _: None,
    )


def failing(classifier: FaultyClassifier) -> list[str]:
    """The texts on which it fails, each asked alone."""
    found = []
    for text in TEXTS:
        try:
            classifier.predict([text])
        except InferenceError:
            found.append(text)
    return found


def test_about_the_share_of_texts_fails_and_always_the_same_ones() -> None:
    first = failing(faulty(failing_texts=0.1))

    assert 0.07 < len(first) / len(TEXTS) < 0.13
    assert failing(faulty(failing_texts=0.1)) == first
    assert failing(faulty(failing_texts=0.1, seed=2)) != first


def test_text_that_fails_fails_its_batch() -> None:
    classifier = faulty(failing_texts=0.1)
    bad = failing(classifier)[0]
    good = next(text for text in TEXTS if not classifier.fails_on(text.encode()))

    assert len(classifier.predict([good])) == 1
    with pytest.raises(InferenceError):
        classifier.predict([good, bad])


def test_failing_batches_spare_texts_asked_alone() -> None:
    classifier = faulty(failing_batches=1.0)

    assert failing(classifier) == []
    with pytest.raises(InferenceError):
        classifier.predict(TEXTS[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    ids: tuple[int, ...]


class TokenClassifier(FakeClassifier):
    """Its tokens are the lengths of the words."""

    def tokenize(self, texts: Sequence[str], _: object = None) -> list[Tokens]:
        return [Tokens(ids=tuple(map(len, text.split()))) for text in texts]

    def predict_tokens(self, tokens: Sequence[Tokens]) -> list[Prediction]:
        return [prediction(card_arrival=0.9) for _ in tokens]


def test_texts_with_the_same_tokens_fail_together() -> None:
    classifier = faulty(failing_texts=0.5)
    classifier.inner = TokenClassifier(lambda *_: prediction(card_arrival=0.9))
    outcomes: dict[tuple[int, ...], set[bool]] = {}
    for text in TEXTS:
        tokens = classifier.tokenize([text])
        try:
            classifier.predict_tokens(tokens)
            outcomes.setdefault(tokens[0].ids, set()).add(True)
        except InferenceError:
            outcomes.setdefault(tokens[0].ids, set()).add(False)

    assert all(len(seen) == 1 for seen in outcomes.values())
    assert 0.4 < sum(seen == {True} for seen in outcomes.values()) / len(outcomes) < 0.6


def test_slow_model_sleeps_up_to_its_bound() -> None:
    slept: list[float] = []
    classifier = faulty(slow_seconds=2.0)
    classifier.sleep = slept.append

    for _ in range(100):
        classifier.predict(["where is my card?"])

    assert len(slept) == 100
    assert 0 <= min(slept) < 0.5
    assert 1.5 < max(slept) <= 2.0
