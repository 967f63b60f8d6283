"""The intent router's decision: a queue for a message, or a person where the model is not sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from tidings_models.prediction import Prediction
from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.pipeline import Question, check_text
from tidings_streams.records import (
    Alternative,
    CustomerMessage,
    RoutedMessage,
    TriagedMessage,
    decode_value,
    encode_value,
    event_headers,
)
from tidings_streams.routing import Priority, RoutingTable
from tidings_streams.topics import ROUTED_MESSAGES, TRIAGE_MESSAGES, queue_topic

NAME = "intents"
TRIAGE = "triage"
ALTERNATIVES = 3

Abstention = Literal["unsure", "out_of_scope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstentionRule:
    """When a message goes to a person.

    `abstain_below` is a calibrated probability, 0..1; `out_of_scope_above` an energy, or None
    where the bundle has no such threshold.
    """

    abstain_below: float
    out_of_scope_above: float | None = None

    def abstained_because(self, prediction: Prediction) -> Abstention | None:
        """Why nobody but a person should decide, or None where the model may."""
        limit = self.out_of_scope_above
        if limit is not None and prediction.energy > limit:
            return "out_of_scope"
        return "unsure" if prediction.probability < self.abstain_below else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a message goes, how soon somebody should look, and why the model abstained, if so."""

    queue: str
    priority: Priority
    abstained_because: Abstention | None = None


def choose_queue(prediction: Prediction, table: RoutingTable, rule: AbstentionRule) -> Destination:
    """The destination of a message with this prediction.

    A message that the model is unsure of keeps the highest priority among its likely intents: it
    may be the urgent one.  One that is out of scope has the normal priority.
    """
    because = rule.abstained_because(prediction)
    if because is None:
        route = table[prediction.label]
        return Destination(queue=route.queue, priority=route.priority)
    priority = Priority.NORMAL
    if because == "unsure":
        priority = table.most_urgent(prediction.labels[:ALTERNATIVES])
    return Destination(queue=TRIAGE, priority=priority, abstained_because=because)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRouter:
    """The intent router, as the pipeline sees it."""

    table: RoutingTable
    rule: AbstentionRule
    bundle: str
    redact: Callable[[str], str]
    now: Callable[[], datetime]
    max_text_characters: int

    @property
    def name(self) -> str:
        """The application's name."""
        return NAME

    def decode(self, record: InputRecord) -> CustomerMessage:
        """A validated message with its text redacted; raises InvalidRecord."""
        message = decode_value(record.value, CustomerMessage)
        check_text(message.text, max_characters=self.max_text_characters)
        return msgspec.structs.replace(message, text=self.redact(message.text))

    def questions(self, message: CustomerMessage) -> Sequence[Question]:
        """One question: the text."""
        return (Question(text=message.text),)

    def decide(
        self, message: CustomerMessage, record: InputRecord, answers: Sequence[Prediction]
    ) -> Outcome:
        """Route the message or hand it to triage."""
        (prediction,) = answers
        destination = choose_queue(prediction, self.table, self.rule)
        decided_at = self.now()
        decision = RoutedMessage(
            message_id=message.id,
            text=message.text,
            customer_id=message.customer_id,
            channel=message.channel,
            sent_at=message.sent_at,
            intent=prediction.label,
            probability=prediction.probability,
            alternatives=[
                Alternative(intent=label, probability=probability)
                for label, probability in zip(
                    prediction.labels[:ALTERNATIVES],
                    prediction.probabilities[:ALTERNATIVES],
                    strict=True,
                )
            ],
            queue=destination.queue,
            priority=destination.priority,
            bundle=self.bundle,
            decided_at=decided_at,
            source=record.source,
        )
        age = (decided_at - message.sent_at).total_seconds()
        because = destination.abstained_because
        if because is None:
            topics = (queue_topic(destination.queue), ROUTED_MESSAGES)
            return Outcome(
                kind=OutcomeKind.ROUTED,
                outputs=tuple(self._output(topic, decision, record) for topic in topics),
                labels=(prediction.label,),
                event_age_seconds=age,
            )
        fields = {name: getattr(decision, name) for name in decision.__struct_fields__}
        triaged = TriagedMessage(**fields, abstained_because=because)
        return Outcome(
            kind=OutcomeKind.TRIAGED,
            outputs=(self._output(TRIAGE_MESSAGES, triaged, record),),
            abstained_because=because,
            event_age_seconds=age,
        )

    def _output(self, topic: str, decision: RoutedMessage, record: InputRecord) -> OutputRecord:
        kind = "triaged" if isinstance(decision, TriagedMessage) else "routed"
        return OutputRecord(
            topic=topic,
            key=decision.customer_id.encode(),
            value=encode_value(decision),
            headers=event_headers(
                kind=f"tidings.message.{kind}",
                source=f"/tidings/{NAME}",
                identity=f"{record.topic}/{record.partition}/{record.offset}/{topic}",
                received=record.headers,
            ),
        )
