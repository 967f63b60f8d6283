from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from harness.fakes import FakeClassifier, policy, prediction, record
from tidings_models.prediction import Prediction
from tidings_streams.kafka import InputRecord
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.pipeline import Pipeline, Question, check_text
from tidings_streams.records import InvalidRecord, Reason


@dataclass(frozen=True)
class Words:
    """An application that asks one question per word."""

    name: str = "words"

    def decode(self, record: InputRecord) -> str:
        if record.value is None:
            raise InvalidRecord(Reason.NULL_VALUE, "the value is null")
        return record.value.decode()

    def questions(self, message: str) -> Sequence[Question]:
        return [Question(text=word) for word in message.split()]

    def decide(self, message: str, record: InputRecord, answers: Sequence[Prediction]) -> Outcome:
        return Outcome(kind=OutcomeKind.ROUTED, outputs=(), labels=tuple(a.label for a in answers))


def answer(text: str, _: str | None) -> Prediction:
    return prediction(**{text: 1.0})


def outcomes(classifier: FakeClassifier, *values: bytes | None) -> list[Outcome]:
    pipeline = Pipeline(application=Words(), classifier=classifier, dead_letters=policy())
    return pipeline.process([record(value, offset=n) for n, value in enumerate(values)])


def test_each_record_gets_the_answers_to_its_own_questions() -> None:
    classifier = FakeClassifier(answer)

    found = outcomes(classifier, b"a b", b"c", b"d e f")

    assert [outcome.labels for outcome in found] == [("a", "b"), ("c",), ("d", "e", "f")]
    assert classifier.calls == [6], "all questions of a batch go to the model together"


def test_invalid_record_is_a_dead_letter_and_the_others_go_on() -> None:
    found = outcomes(FakeClassifier(answer), b"a", None, b"b")

    assert [outcome.kind for outcome in found] == ["routed", "dead_lettered", "routed"]
    assert found[1].reason is Reason.NULL_VALUE


def test_text_that_the_model_can_not_bear_harms_no_other() -> None:
    found = outcomes(FakeClassifier(answer, unbearable="poison"), b"a", b"x poison", b"b")

    assert [outcome.kind for outcome in found] == ["routed", "dead_lettered", "routed"]
    (letter,) = found[1].outputs
    assert json.loads(letter.value)["reason"] == "inference_failed"
    assert b"poison" not in letter.value


def test_batch_without_a_valid_record_does_not_call_the_model() -> None:
    classifier = FakeClassifier(answer)

    assert [outcome.kind for outcome in outcomes(classifier, None, None)] == ["dead_lettered"] * 2
    assert classifier.calls == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", Reason.EMPTY_TEXT), (" \n\t", Reason.EMPTY_TEXT), ("x" * 11, Reason.OVERSIZED_TEXT)],
)
def test_text_that_may_not_reach_the_model_is_named(text: str, reason: Reason) -> None:
    with pytest.raises(InvalidRecord) as caught:
        check_text(text, max_characters=10)

    assert caught.value.reason is reason
    assert "$.text" in caught.value.detail
