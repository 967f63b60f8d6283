"""From a batch of records to their outcomes: decode, redact, classify, decide.

All of it is plain computation: no Kafka, no event loop.  The processor runs it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from tidings_models.prediction import Classifier, InferenceError, Prediction, TokenIds
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


@dataclass(slots=True, kw_only=True)
class _Asked(Generic[M]):
    """A record on its way: what it says and what is asked about it, or why it is a dead letter."""

    record: InputRecord
    message: M | None = None
    questions: Sequence[Question] = ()
    tokens: Sequence[TokenIds] = ()
    letter: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Generic[M]):
    """Takes records to their outcomes, one for each, in order.

    `max_tokens` bounds what is classified together: the outcomes of one part are sent while the
    next part is computed.
    """

    application: Application[M]
    classifier: Classifier
    dead_letters: DeadLetterPolicy
    max_tokens: int

    def process(self, batch: Sequence[InputRecord]) -> Iterator[list[Outcome]]:
        """Yield the outcomes, part by part; a record that fails is a dead letter, alone."""
        for part in self._parts(self._ask(batch)):
            answers = iter(self._classify([text for asked in part for text in asked.tokens]))
            yield [
                asked.letter or self._decide(asked, [next(answers) for _ in asked.tokens])
                for asked in part
            ]

    def _ask(self, batch: Sequence[InputRecord]) -> list[_Asked[M]]:
        """Decode all records and tokenize all their questions."""
        found = [self._decode(record) for record in batch]
        tokens = iter(self._tokenize([each for asked in found for each in asked.questions]))
        for asked in found:
            asked.tokens = [next(tokens) for _ in asked.questions]
        return found

    def _decode(self, record: InputRecord) -> _Asked[M]:
        try:
            message = self.application.decode(record)
            questions = self.application.questions(message)
        except InvalidRecord as fault:
            return _Asked(record=record, letter=self.dead_letters.outcome(record, fault))
        return _Asked(record=record, message=message, questions=questions)

    def _tokenize(self, questions: Sequence[Question]) -> Sequence[TokenIds]:
        if not questions:
            return []
        entities = [question.entity for question in questions]
        return self.classifier.tokenize(
            [question.text for question in questions],
            entities if any(entity is not None for entity in entities) else None,
        )

    def _parts(self, asked: Sequence[_Asked[M]]) -> Iterator[list[_Asked[M]]]:
        """Cut into parts of at most `max_tokens`, or of one record that has more."""
        part: list[_Asked[M]] = []
        total = 0
        for one in asked:
            size = sum(map(len, one.tokens))
            if part and total + size > self.max_tokens:
                yield part
                part, total = [], 0
            part.append(one)
            total += size
        if part:
            yield part

    def _decide(self, asked: _Asked[M], replies: Sequence[Prediction | InferenceError]) -> Outcome:
        predictions: list[Prediction] = []
        for reply in replies:
            if isinstance(reply, InferenceError):
                fault = InvalidRecord(Reason.INFERENCE_FAILED, str(reply))
                return self.dead_letters.outcome(asked.record, fault)
            predictions.append(reply)
        return self.application.decide(cast("M", asked.message), asked.record, predictions)

    def _classify(self, texts: Sequence[TokenIds]) -> Sequence[Prediction | InferenceError]:
        """Answer all questions together; where that fails, each half: one harms no other."""
        if not texts:
            return []
        try:
            return self.classifier.predict_tokens(texts)
        except InferenceError as error:
            if len(texts) == 1:
                return [error]
        half = len(texts) // 2
        return [*self._classify(texts[:half]), *self._classify(texts[half:])]


def check_text(text: str, *, max_characters: int) -> None:
    """Raise InvalidRecord for a text that is empty, blank or too long."""
    if not text.strip():
        raise InvalidRecord(Reason.EMPTY_TEXT, "`$.text` holds nothing but white space")
    if len(text) > max_characters:
        detail = f"`$.text` has {len(text)} characters; at most {max_characters} are allowed"
        raise InvalidRecord(Reason.OVERSIZED_TEXT, detail)
