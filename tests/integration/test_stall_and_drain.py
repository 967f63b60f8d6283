"""A worker whose model hangs or is slow: noticed by its liveness, and gone in time on SIGTERM."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.chaos_model import ModelFaults
from harness.chaos_workers import ChaosWorkers
from harness.kafka_topics import Topics
from harness.messages import customer_message
from harness.waiting import wait_for
from harness.worker import Worker
from tidings_streams.topics import CUSTOMER_MESSAGES, ROUTED_MESSAGES, TRIAGE_MESSAGES

pytestmark = pytest.mark.kafka

HANGING = ModelFaults(slow_seconds=1e6)
SLOW = ModelFaults(slow_seconds=1.0)

StartFaulty = Callable[..., Worker]


@pytest.fixture
def start_faulty(topics: Topics, tmp_path: Path) -> Iterator[StartFaulty]:
    """Start an intent router with a faulty model; keyword arguments are settings."""
    started: list[ChaosWorkers] = []

    def start(faults: ModelFaults, **settings: object) -> Worker:
        given = {name: str(value) for name, value in settings.items()}
        folder = tmp_path / str(len(started))
        folder.mkdir()
        workers = ChaosWorkers(topics=topics, folder=folder, settings=given, seed=1, faults=faults)
        started.append(workers)
        return workers.start()

    yield start
    for workers in started:
        for worker in workers.alive:
            worker.kill()


def decided(topics: Topics) -> int:
    ends = [topics.end_offsets(topic) for topic in (ROUTED_MESSAGES, TRIAGE_MESSAGES)]
    return sum(sum(end.values()) for end in ends)


def test_liveness_fails_where_records_wait_and_none_is_processed(
    topics: Topics, start_faulty: StartFaulty
) -> None:
    worker = start_faulty(HANGING, stall_seconds=10)
    topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, "How do I change my PIN?")])

    assert worker.get("/healthz").status_code == 200
    answer = wait_for(
        lambda: worker.get("/healthz"),
        lambda answer: answer.status_code == 503,
        what="the stall to be noticed",
        timeout=40,
    )
    assert "stalled" in answer.text
    assert worker.get("/metrics").status_code == 200, "the event loop is free all the while"
    assert worker.samples("tidings_stalled_seconds")[(CUSTOMER_MESSAGES,)] >= 10


def test_idle_worker_stays_alive_for_longer_than_a_stall(
    topics: Topics, start_faulty: StartFaulty
) -> None:
    worker = start_faulty(SLOW, stall_seconds=10)
    topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, "How do I change my PIN?")])
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)

    until = time.monotonic() + 14
    while time.monotonic() < until:
        assert worker.get("/healthz").status_code == 200
        time.sleep(0.5)


def test_sigterm_ends_a_worker_with_a_hanging_model_in_time_and_another_repeats_its_records(
    topics: Topics, start_faulty: StartFaulty
) -> None:
    hanging = start_faulty(HANGING, drain_seconds=2)
    topics.produce_json(
        CUSTOMER_MESSAGES, [customer_message(n, "How do I change my PIN?") for n in range(5)]
    )
    wait_for(lambda: hanging.samples("tidings_batch_messages_count"), what="a batch to be taken")

    began = time.monotonic()
    assert hanging.terminate() == 0
    assert time.monotonic() - began < 15
    assert decided(topics) == 0

    start_faulty(SLOW)
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)
    assert decided(topics) == 5


def test_sigterm_finishes_what_was_begun_and_begins_nothing_else(
    topics: Topics, start_faulty: StartFaulty
) -> None:
    worker = start_faulty(SLOW, max_batch_messages=10)
    topics.produce_json(
        CUSTOMER_MESSAGES, [customer_message(n, "How do I change my PIN?") for n in range(400)]
    )
    wait_for(lambda: decided(topics), lambda count: count >= 20, what="some decisions")

    assert worker.terminate() == 0
    there = decided(topics)
    assert there == sum(topics.committed_offsets("intents", CUSTOMER_MESSAGES).values())
    assert there < 400
