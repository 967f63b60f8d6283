"""Fakes that satisfy the streams' protocols."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tidings_models.prediction import InferenceError, Prediction, TokenIds
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import (
    InputRecord,
    OutputRecord,
    OutputRefused,
    Outputs,
    Substitute,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def record(value: Any, *, offset: int = 0, partition: int = 0, **fields: Any) -> InputRecord:
    """A record whose value is encoded as JSON unless it is bytes or None."""
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return InputRecord(
        topic=fields.pop("topic", "customer-messages"),
        partition=partition,
        offset=offset,
        key=b"k",
        value=raw,
        **fields,
    )


def policy(*, keep_original: bool = False) -> DeadLetterPolicy:
    return DeadLetterPolicy(application="test", keep_original=keep_original, now=lambda: NOW)


def prediction(**probabilities: float) -> Prediction:
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    return Prediction(
        labels=tuple(label for label, _ in ordered),
        probabilities=tuple(probability for _, probability in ordered),
        energy=-10.0,
    )


@dataclass
class FakeClassifier:
    """Answers by a function of (text, entity); fails on a batch with a text it can not bear.

    A text has one token more than words: its first id is the question's number.
    """

    answer: Callable[[str, str | None], Prediction]
    unbearable: str = "\0"
    calls: list[int] = field(default_factory=list)
    reference: str = "fake@0123456789ab"
    questions: list[tuple[str, str | None]] = field(default_factory=list)

    def tokenize(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        return [
            self._tokens((text, entity))
            for text, entity in zip(texts, entities or [None] * len(texts), strict=True)
        ]

    def predict_tokens(self, tokens: Sequence[TokenIds]) -> list[Prediction]:
        self.calls.append(len(tokens))
        asked = [self.questions[text.ids[0]] for text in tokens]
        if any(self.unbearable in text for text, _ in asked):
            raise InferenceError("fake: the session failed")
        return [self.answer(text, entity) for text, entity in asked]

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        return self.predict_tokens(self.tokenize(texts, entities))

    def _tokens(self, question: tuple[str, str | None]) -> TokenIds:
        if question not in self.questions:
            self.questions.append(question)
        ids = (self.questions.index(question), *(0 for _ in question[0].split()))
        return TokenIds(ids=ids, type_ids=(0,) * len(ids))


@dataclass
class FakeKafka:
    """Yields batches; remembers what was written and what was committed, in order.

    Refuses the outputs of which `refuse` says so; breaks where `broken`.
    """

    to_yield: Sequence[Sequence[InputRecord]] = ()
    refuse: Callable[[OutputRecord], bool] = lambda _: False
    broken: bool = False
    sent: list[OutputRecord] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    delivering: Callable[[], Awaitable[None]] | None = None

    async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        for batch in self.to_yield:
            yield batch

    async def deliver(
        self, records: Sequence[InputRecord], outputs: Sequence[Outputs], substitute: Substitute
    ) -> Sequence[bool]:
        if self.delivering is not None:
            await self.delivering()
        if self.broken:
            raise ConnectionError("the broker went away")
        for index, some in enumerate(outputs):
            wanted = some
            while bad := [output for output in wanted if self.refuse(output)]:
                wanted = substitute(index, OutputRefused(f"{bad[0].topic} refused a record"))
            self.sent += wanted
        self.committed += [record.offset for record in records]
        return [True] * len(records)
