"""A worker that is stopped or killed in the middle: nothing is lost, and repeats can be told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics
from harness.messages import customer_message, encode
from harness.waiting import wait_for
from harness.worker import StartWorker, Worker
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

MESSAGES = 2_000
OUTCOMES = (ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS)
TEXTS = (
    "How do I change my PIN?",
    "I am still waiting on my card, when will it arrive?",
    "Which wine goes with grilled octopus?",
    "",
)

Place = tuple[int, int]


@contextmanager
def producing(topics: Topics, count: int) -> Iterator[list[Place]]:
    """Produce in the background; the places are complete after the block."""
    places: list[Place] = []

    def produce() -> None:
        for start in range(0, count, 100):
            messages = (
                customer_message(number, TEXTS[number % len(TEXTS)])
                for number in range(start, start + 100)
            )
            records = [(each["customer_id"].encode(), encode(each), {}) for each in messages]
            places.extend(topics.produce(CUSTOMER_MESSAGES, records))

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield places
    finally:
        thread.join()


def decided(topics: Topics) -> int:
    """How many records all outcomes have so far."""
    return sum(sum(topics.end_offsets(topic).values()) for topic in OUTCOMES)


def outcomes(topics: Topics) -> dict[Place, Counter[str]]:
    """Of each input, how often it is in which topic of outcomes."""
    found: dict[Place, Counter[str]] = {}
    for topic in OUTCOMES:
        for record in topics.read_all(topic):
            source = record.json["source"]
            where = (source["partition"], source["offset"])
            found.setdefault(where, Counter())[topic] += 1
    return found


def interrupt(worker: Worker, way: str) -> None:
    if way == "terminated":
        assert worker.terminate() == 0
    else:
        worker.kill()


@pytest.mark.parametrize("way", ["terminated", "killed"])
def test_interrupted_worker_loses_nothing_and_each_input_has_one_outcome(
    topics: Topics, start_worker: StartWorker, way: str
) -> None:
    with producing(topics, MESSAGES) as places:
        for share in (0.2, 0.5):
            worker = start_worker("intents")
            wait_for(
                lambda: decided(topics),
                lambda count, share=share: count >= share * MESSAGES,
                what=f"{share:.0%} of the messages to be decided",
                timeout=120,
            )
            interrupt(worker, way)
        last = start_worker("intents")
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=120)
    assert last.terminate() == 0

    found = outcomes(topics)
    assert sorted(found) == sorted(places)
    assert all(len(topics_of) == 1 for topics_of in found.values())
    repeats = sum(sum(topics_of.values()) - 1 for topics_of in found.values())
    print(f"{way} twice in {MESSAGES} messages: {repeats} repeated")  # noqa: T201
    if way == "terminated":
        assert repeats == 0


def test_repeat_has_the_same_event_id_and_no_other_output_has(
    topics: Topics, start_worker: StartWorker
) -> None:
    with producing(topics, 400):
        worker = start_worker("intents", commit_interval_seconds=60, max_batch_messages=20)
        wait_for(lambda: decided(topics), lambda count: count >= 100, what="some decisions")
        worker.kill()
    start_worker("intents")
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=120)

    sources: dict[bytes, set[tuple[str, int, int]]] = {}
    written = [record for topic in OUTCOMES for record in topics.read_all(topic)]
    for record in written:
        source = record.json["source"]
        where = (record.topic, source["partition"], source["offset"])
        sources.setdefault(record.headers["ce_id"], set()).add(where)
    assert len(written) > len(sources) == 400
    assert all(len(places) == 1 for places in sources.values())


@pytest.mark.parametrize("way", ["restarted", "killed"])
def test_worker_outlives_the_broker_s_restart(
    kafka: KafkaBroker, topics: Topics, start_worker: StartWorker, way: str
) -> None:
    worker = start_worker("intents")
    before = topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, TEXTS[0])])
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)

    kafka.stop() if way == "restarted" else kafka.kill()
    kafka.start()
    after = topics.produce_json(
        CUSTOMER_MESSAGES, [customer_message(number, TEXTS[0]) for number in range(2, 50)]
    )
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=120)

    assert sorted(outcomes(topics)) == sorted([*before, *after])
    assert worker.running
