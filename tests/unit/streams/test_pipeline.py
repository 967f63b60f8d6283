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


def parts(
    classifier: FakeClassifier, *values: bytes | None, max_tokens: int = 1000
) -> list[list[Outcome]]:
    pipeline = Pipeline(
        application=Words(), classifier=classifier, dead_letters=policy(), max_tokens=max_tokens
    )
    return list(pipeline.process([record(value, offset=n) for n, value in enumerate(values)]))


def outcomes(classifier: FakeClassifier, *values: bytes | None) -> list[Outcome]:
    (part,) = parts(classifier, *values)
    return part


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


def test_records_with_many_tokens_come_in_parts_and_in_order() -> None:
    # Of the fake's tokens a word has two, so these records have 2, 4, 2 and 2.
    classifier = FakeClassifier(answer)

    found = parts(classifier, b"a", b"b c", b"d", b"e", max_tokens=6)

    assert [[outcome.labels for outcome in part] for part in found] == [
        [("a",), ("b", "c")],
        [("d",), ("e",)],
    ]
    assert classifier.calls == [3, 2]


def test_record_with_more_tokens_than_the_bound_is_a_part_of_its_own() -> None:
    found = parts(FakeClassifier(answer), b"a", b"b c d", None, b"e", max_tokens=3)

    assert [len(part) for part in found] == [1, 1, 2]
    assert found[1][0].labels == ("b", "c", "d")


def test_first_part_is_there_before_the_next_is_computed() -> None:
    classifier = FakeClassifier(answer)
    pipeline = Pipeline(
        application=Words(), classifier=classifier, dead_letters=policy(), max_tokens=2
    )

    coming = pipeline.process([record(b"a"), record(b"b")])

    assert next(coming)[0].labels == ("a",)
    assert classifier.calls == [1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", Reason.EMPTY_TEXT), (" \n\t", Reason.EMPTY_TEXT), ("x" * 11, Reason.OVERSIZED_TEXT)],
)
def test_text_that_may_not_reach_the_model_is_named(text: str, reason: Reason) -> None:
    with pytest.raises(InvalidRecord) as caught:
        check_text(text, max_characters=10)

    assert caught.value.reason is reason
    assert "$.text" in caught.value.detail
