"""The intent router, from topic to topic, with the bundle that ships."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from harness.kafka_topics import Record, Topics
from harness.messages import customer_message, encode
from harness.waiting import wait_for
from harness.worker import StartWorker, Worker
from tidings_models.bundle import find_bundle, load_bundle
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
    queue_topic,
)

pytestmark = pytest.mark.kafka

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BUNDLE = "intents-banking77"
# Texts that say plainly what they want, and the intent of each.
PLAIN = {
    "I am still waiting on my card, when will it arrive?": "card_arrival",
    "How do I change my PIN?": "change_pin",
    "The ATM swallowed my card": "card_swallowed",
    "How do I close my account? I want to delete it.": "terminate_account",
    "I lost my card, please block it": "lost_or_stolen_card",
    "What exchange rate do you use?": "exchange_rate",
    "Can I use Apple Pay with this account?": "apple_pay_or_google_pay",
    "Can I get a second card for my daughter?": "getting_spare_card",
}
PERSONAL = "Change my PIN, my card 4111 1111 1111 1111, or write to ada.lovelace@example.org"
# What no bank does.
STRANGE = (
    "Sing me a song about two penguins and the moon",
    "Which wine goes with grilled octopus?",
    "qwrt plmk zzxy vbnh",
)
TEXTS = (*PLAIN, PERSONAL, *STRANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The inputs of one run, in the order of TEXTS, where each went, and what was written."""

    inputs: list[dict[str, Any]]
    places: list[tuple[int, int]]
    outputs: dict[str, list[Record]]

    def written(self, topic: str, text: str) -> list[Record]:
        """The records of a topic that come from the input with this text."""
        wanted = self.places[TEXTS.index(text)]
        return [record for record in self.outputs[topic] if place(record) == wanted]

    @property
    def decisions(self) -> list[Record]:
        return [*self.outputs[ROUTED_MESSAGES], *self.outputs[TRIAGE_MESSAGES]]


def place(record: Record) -> tuple[int, int]:
    """The partition and offset of the input from which an output comes."""
    source = record.json["source"]
    assert source["topic"] == CUSTOMER_MESSAGES
    return source["partition"], source["offset"]


@pytest.fixture(scope="module")
def run(module_topics: Topics, start_module_worker: StartWorker) -> Run:
    """One worker over all TEXTS."""
    inputs = [customer_message(number, text) for number, text in enumerate(TEXTS)]
    worker = start_module_worker("intents")
    places = module_topics.produce(
        CUSTOMER_MESSAGES,
        [
            (f"key {number}".encode(), encode(message), {"traceparent": TRACE, "x": b"y"})
            for number, message in enumerate(inputs)
        ],
    )
    module_topics.wait_until_committed("intents", CUSTOMER_MESSAGES)
    assert worker.terminate() == 0
    outputs = {name: module_topics.read_all(name) for name in module_topics.names()}
    return Run(inputs=inputs, places=places, outputs=outputs)


@pytest.fixture(scope="module")
def routing() -> dict[str, dict[str, str]]:
    """Intent to queue and priority, as shipped."""
    table = files("tidings_streams").joinpath("data/routing.yaml").read_text(encoding="utf-8")
    intents: dict[str, dict[str, str]] = yaml.safe_load(table)["intents"]
    return intents


def test_every_message_is_decided_once_and_none_is_a_dead_letter(run: Run) -> None:
    assert sorted(place(decision) for decision in run.decisions) == sorted(run.places)
    assert run.outputs[DEAD_LETTERS] == []


@pytest.mark.parametrize("text", PLAIN)
def test_plain_message_is_routed_by_its_intent(
    run: Run, routing: dict[str, dict[str, str]], text: str
) -> None:
    (routed,) = run.written(ROUTED_MESSAGES, text)

    decision = routed.json
    assert decision["intent"] == PLAIN[text]
    assert decision["queue"] == routing[PLAIN[text]]["queue"]
    assert decision["priority"] == routing[PLAIN[text]]["priority"]
    assert decision["text"] == text


def test_queue_topics_hold_what_was_routed_to_each(run: Run) -> None:
    routed = Counter((each.json["queue"], each.value) for each in run.outputs[ROUTED_MESSAGES])
    queued = Counter(
        (name.removeprefix(queue_topic("")), record.value)
        for name, records in run.outputs.items()
        if name.startswith(queue_topic(""))
        for record in records
    )

    assert queued == routed
    assert routed


@pytest.mark.parametrize("text", STRANGE)
def test_message_that_no_bank_answers_goes_to_triage_with_the_reason(run: Run, text: str) -> None:
    (triaged,) = run.written(TRIAGE_MESSAGES, text)

    assert triaged.json["abstained_because"] in {"unsure", "out_of_scope"}
    assert triaged.json["queue"] == "triage"
    assert triaged.json["alternatives"]


def test_decision_carries_the_message_and_its_source(run: Run) -> None:
    by_place = {place(decision): decision.json for decision in run.decisions}

    for where, message in zip(run.places, run.inputs, strict=True):
        decision = by_place[where]
        assert decision["message_id"] == message["id"]
        assert decision["customer_id"] == message["customer_id"]
        assert decision["channel"] == message["channel"]
        assert datetime.fromisoformat(decision["sent_at"]) == datetime.fromisoformat(
            message["sent_at"]
        )


def test_decision_is_keyed_by_the_customer_whatever_the_input_s_key(run: Run) -> None:
    for decision in run.decisions:
        assert decision.key == decision.json["customer_id"].encode()


def test_decision_names_the_bundle_that_made_it(run: Run) -> None:
    digest = load_bundle(find_bundle(BUNDLE)).digest

    assert {each.json["bundle"] for each in run.decisions} == {f"{BUNDLE}@{digest[:12]}"}


def test_decision_has_three_alternatives_most_likely_first(run: Run) -> None:
    for decision in (each.json for each in run.decisions):
        alternatives = decision["alternatives"]
        probabilities = [each["probability"] for each in alternatives]
        assert len({each["intent"] for each in alternatives}) == 3
        assert alternatives[0] == {
            "intent": decision["intent"],
            "probability": decision["probability"],
        }
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(0 <= probability <= 1 for probability in probabilities)
        assert sum(probabilities) <= 1 + 1e-6


def test_decision_is_dated_in_utc(run: Run) -> None:
    for decision in run.decisions:
        decided_at = datetime.fromisoformat(decision.json["decided_at"])
        assert decided_at.utcoffset() == timedelta(0)
        assert timedelta(0) < datetime.now(UTC) - decided_at < timedelta(minutes=30)


def test_headers_are_those_of_a_cloud_event_and_of_the_producer_s_trace(run: Run) -> None:
    for topic, kind in ((ROUTED_MESSAGES, "routed"), (TRIAGE_MESSAGES, "triaged")):
        for decision in run.outputs[topic]:
            partition, offset = place(decision)
            assert decision.headers == {
                "ce_id": f"{CUSTOMER_MESSAGES}/{partition}/{offset}/{topic}".encode(),
                "ce_specversion": b"1.0",
                "ce_type": f"tidings.message.{kind}".encode(),
                "ce_source": b"/tidings/intents",
                "content-type": b"application/json",
                "traceparent": TRACE,
            }


def test_personal_data_is_on_no_output(run: Run) -> None:
    outputs = [name for name in run.outputs if name != CUSTOMER_MESSAGES]
    written = json.dumps(
        [
            [record.value.decode() for record in run.outputs[name] if record.value]
            for name in outputs
        ]
    )

    assert "4111" not in written
    assert "lovelace" not in written
    assert "<CARD>" in written
    assert "<EMAIL>" in written


def test_abstention_threshold_of_the_settings_takes_the_place_of_the_bundle_s(
    topics: Topics, start_worker: StartWorker
) -> None:
    start_worker("intents", abstain_below=1)
    topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, "How do I change my PIN?")])

    (triaged,) = topics.wait_for_records(TRIAGE_MESSAGES, 1)
    assert triaged.json["abstained_because"] == "unsure"
    assert triaged.json["intent"] == "change_pin"


def test_records_written_before_the_worker_first_started_are_processed(
    topics: Topics, start_worker: StartWorker
) -> None:
    topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, "How do I change my PIN?")])
    start_worker("intents", abstain_below=0)

    assert topics.wait_for_records(ROUTED_MESSAGES, 1)


def test_two_workers_share_the_partitions(topics: Topics, start_worker: StartWorker) -> None:
    first = start_worker("intents", abstain_below=0)
    second = start_worker("intents", abstain_below=0)
    inputs = [customer_message(number, "How do I change my PIN?") for number in range(300)]

    def lagging(worker: Worker) -> set[tuple[str, ...]]:
        return set(worker.samples("tidings_consumer_lag_records"))

    wait_for(
        lambda: (lagging(first), lagging(second)),
        lambda both: both[0] and both[1] and not both[0] & both[1] and len(both[0] | both[1]) == 3,
        what="each partition to have one worker",
    )
    places = topics.produce_json(CUSTOMER_MESSAGES, inputs, key="customer_id")

    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)
    routed = topics.read_all(ROUTED_MESSAGES)
    assert sorted(place(record) for record in routed) == sorted(places)
    for worker in (first, second):
        assert worker.samples("tidings_messages_total")[("intents", "routed")] > 0


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_compressed_records_are_read(
    topics: Topics, start_worker: StartWorker, codec: str
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=topics.bootstrap_servers, compression_type=codec, linger_ms=50
    )
    await producer.start()
    for number in range(20):
        message = customer_message(number, "How do I change my PIN?")
        await producer.send(CUSTOMER_MESSAGES, encode(message), key=b"ada")
    await producer.stop()

    start_worker("intents", abstain_below=0)

    assert len(topics.wait_for_records(ROUTED_MESSAGES, 20)) == 20
