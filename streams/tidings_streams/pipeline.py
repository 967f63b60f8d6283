"""From a batch of records to their outcomes: decode, redact, classify, decide.

All of it is plain computation: no Kafka, no event loop.  The processor runs it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tidings_models.prediction import Classifier, InferenceError, Prediction
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import InputRecord
from tidings_streams.outcomes import Outcome
from tidings_streams.records import InvalidRecord, Reason

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the classifier is asked: a redacted text, and the company it is asked about, if any."""

    text: str
    entity: str | None = None


class Application(Protocol[M]):
    """What one application knows: its input, what it asks of the model, what it decides."""

    @property
    def name(self) -> str:
        """The application's name in metrics, headers and the consumer group."""

    def decode(self, record: InputRecord) -> M:
        """Bytes to a validated message, its text redacted; raises InvalidRecord."""

    def questions(self, message: M) -> Sequence[Question]:
        """What to ask the model of a message; at least one question."""

    def decide(self, message: M, record: InputRecord, answers: Sequence[Prediction]) -> Outcome:
        """The outcome of a message, given the answer to each of its questions, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Generic[M]):
    """Takes a batch of records to their outcomes, one for each, in order."""

    application: Application[M]
    classifier: Classifier
    dead_letters: DeadLetterPolicy

    def process(self, batch: Sequence[InputRecord]) -> list[Outcome]:
        """One outcome per record; a record that fails is a dead letter and harms no other."""
        outcomes: list[Outcome | None] = [None] * len(batch)
        asked: list[tuple[int, M, Sequence[Question]]] = []
        for index, record in enumerate(batch):
            try:
                message = self.application.decode(record)
                asked.append((index, message, self.application.questions(message)))
            except InvalidRecord as fault:
                outcomes[index] = self.dead_letters.outcome(record, fault)

        answers = iter(self._classify([question for _, _, some in asked for question in some]))
        for index, message, questions in asked:
            record = batch[index]
            replies = [next(answers) for _ in questions]
            outcomes[index] = self._decide(message, record, replies)
        return [outcome for outcome in outcomes if outcome is not None]

    def _decide(
        self, message: M, record: InputRecord, replies: Sequence[Prediction | InferenceError]
    ) -> Outcome:
        predictions: list[Prediction] = []
        for reply in replies:
            if isinstance(reply, InferenceError):
                fault = InvalidRecord(Reason.INFERENCE_FAILED, str(reply))
                return self.dead_letters.outcome(record, fault)
            predictions.append(reply)
        return self.application.decide(message, record, predictions)

    def _classify(self, questions: Sequence[Question]) -> list[Prediction | InferenceError]:
        """Answer all questions together; if that fails, one by one, so that one harms no other."""
        if not questions:
            return []
        try:
            return list(self._predict(questions))
        except InferenceError:
            return [self._classify_alone(question) for question in questions]

    def _classify_alone(self, question: Question) -> Prediction | InferenceError:
        try:
            return self._predict([question])[0]
        except InferenceError as error:
            return error

    def _predict(self, questions: Sequence[Question]) -> list[Prediction]:
        entities = [question.entity for question in questions]
        return self.classifier.predict(
            [question.text for question in questions],
            entities if any(entity is not None for entity in entities) else None,
        )


def check_text(text: str, *, max_characters: int) -> None:
    """Raise InvalidRecord for a text that is empty, blank or too long."""
    if not text.strip():
        raise InvalidRecord(Reason.EMPTY_TEXT, "`$.text` holds nothing but white space")
    if len(text) > max_characters:
        detail = f"`$.text` has {len(text)} characters; at most {max_characters} are allowed"
        raise InvalidRecord(Reason.OVERSIZED_TEXT, detail)
