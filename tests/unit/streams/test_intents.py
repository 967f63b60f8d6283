from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from harness.fakes import NOW, FakeClassifier, policy, prediction, record
from tidings_models.prediction import Prediction
from tidings_streams.intents import (
    TRIAGE,
    AbstentionRule,
    IntentRouter,
    choose_queue,
)
from tidings_streams.outcomes import Outcome
from tidings_streams.pipeline import Pipeline
from tidings_streams.routing import Priority, Route, RoutingTable

TABLE = RoutingTable(
    routes={
        "card_arrival": Route(queue="cards", priority=Priority.LOW),
        "lost_card": Route(queue="security", priority=Priority.URGENT),
        "top_up": Route(queue="top-ups"),
    }
)
RULE = AbstentionRule(abstain_below=0.6, out_of_scope_above=-5.0)
SURE = prediction(card_arrival=0.9, lost_card=0.06, top_up=0.04)
UNSURE = prediction(card_arrival=0.41, lost_card=0.38, top_up=0.21)


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": "m-1",
        "text": "Where is my card? Write to jo@example.com",
        "customer_id": "C-1",
        "channel": "chat",
        "sent_at": (NOW - timedelta(seconds=3)).isoformat(),
        **changes,
    }


def outcome(answer: Prediction, value: Any = None, **fields: Any) -> Outcome:
    router = IntentRouter(
        table=TABLE,
        rule=RULE,
        bundle="intents@0123",
        redact=lambda text: text.replace("jo@example.com", "<EMAIL>"),
        now=lambda: NOW,
        max_text_characters=100,
    )
    classifier = FakeClassifier(lambda _text, _entity: answer)
    pipeline = Pipeline(
        application=router, classifier=classifier, dead_letters=policy(), max_tokens=100
    )
    ((found,),) = pipeline.process([record(value or message(), **fields)])
    return found


def test_sure_message_goes_to_its_queue() -> None:
    assert choose_queue(SURE, TABLE, RULE).queue == "cards"


def test_unsure_message_goes_to_triage() -> None:
    destination = choose_queue(UNSURE, TABLE, RULE)

    assert (destination.queue, destination.abstained_because) == (TRIAGE, "unsure")


def test_unsure_message_keeps_the_highest_priority_it_may_have() -> None:
    assert choose_queue(UNSURE, TABLE, RULE).priority is Priority.URGENT


def test_message_like_none_in_training_is_out_of_scope_however_sure_the_model() -> None:
    strange = Prediction(labels=SURE.labels, probabilities=SURE.probabilities, energy=-4.0)
    destination = choose_queue(strange, TABLE, RULE)

    assert (destination.queue, destination.abstained_because) == (TRIAGE, "out_of_scope")
    assert destination.priority is Priority.NORMAL


def test_probability_at_the_threshold_is_enough() -> None:
    rule = AbstentionRule(abstain_below=0.9)

    assert choose_queue(SURE, TABLE, rule).abstained_because is None


def test_routed_message_goes_to_the_decisions_and_to_its_queue() -> None:
    found = outcome(SURE, offset=7, partition=2, headers={"traceparent": b"00-a-b-01"})

    assert [output.topic for output in found.outputs] == ["queue-cards", "routed-messages"]
    value = json.loads(found.outputs[0].value)
    assert value["intent"] == "card_arrival"
    assert value["probability"] == pytest.approx(0.9)
    assert [a["intent"] for a in value["alternatives"]] == ["card_arrival", "lost_card", "top_up"]
    assert value["source"] == {"topic": "customer-messages", "partition": 2, "offset": 7}
    assert value["bundle"] == "intents@0123"
    assert (value["queue"], value["priority"]) == ("cards", "low")
    assert value["decided_at"] == "2026-11-23T12:00:00Z"
    assert found.outputs[0].key == b"C-1"
    assert found.outputs[0].headers["traceparent"] == b"00-a-b-01"
    assert found.event_age_seconds == pytest.approx(3.0)


def test_text_is_redacted_before_it_leaves() -> None:
    found = outcome(SURE)

    assert all(b"jo@example.com" not in output.value for output in found.outputs)
    assert json.loads(found.outputs[0].value)["text"] == "Where is my card? Write to <EMAIL>"


def test_abstained_message_goes_to_triage_alone_and_says_why() -> None:
    found = outcome(UNSURE)

    assert [output.topic for output in found.outputs] == ["triage-messages"]
    assert json.loads(found.outputs[0].value)["abstained_because"] == "unsure"
    assert (found.kind, found.abstained_because, found.labels) == ("triaged", "unsure", ())


def test_outputs_of_one_record_have_ids_of_their_own_that_a_repeat_repeats() -> None:
    ids = [output.headers["ce_id"] for output in outcome(SURE, offset=7).outputs]

    assert len(set(ids)) == 2
    assert ids == [output.headers["ce_id"] for output in outcome(SURE, offset=7).outputs]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": " "}, "empty_text"),
        ({"text": "x" * 101}, "oversized_text"),
        ({"customer_id": 7}, "invalid_field"),
        ({"channel": ""}, "invalid_field"),
    ],
)
def test_bad_message_is_a_dead_letter(changes: dict[str, Any], reason: str) -> None:
    found = outcome(SURE, message(**changes))

    assert (found.kind, found.reason) == ("dead_lettered", reason)
