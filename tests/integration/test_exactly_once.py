"""Delivery in transactions: what a read-committed reader sees comes exactly once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from harness.kafka_topics import Topics
from harness.messages import customer_message, encode, news_message
from harness.waiting import wait_for
from harness.worker import StartWorker
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    NEWS_MESSAGES,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
    TRIAGE_MESSAGES,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

OUTCOMES = (ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS)
TEXTS = ("How do I change my PIN?", "Which wine goes with grilled octopus?", "")

Place = tuple[int, int]


async def read_committed(topics: Topics, names: tuple[str, ...]) -> Counter[Place]:
    """How often each input's place is named by the committed records of some topics."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=topics.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    found: Counter[Place] = Counter()
    await consumer.start()
    try:
        for name in names:
            places = [TopicPartition(name, number) for number in range(topics.describe()[name])]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        source = json.loads(record.value)["source"]
                        found[source["partition"], source["offset"]] += 1
    finally:
        await consumer.stop()
    return found


def write(topics: Topics, count: int, *, start: int = 0) -> list[Place]:
    messages = (
        customer_message(number, TEXTS[number % len(TEXTS)])
        for number in range(start, start + count)
    )
    records = [(each["customer_id"].encode(), encode(each), {}) for each in messages]
    return topics.produce(CUSTOMER_MESSAGES, records)


def test_killed_worker_repeats_nothing_that_a_read_committed_reader_sees(
    topics: Topics, start_worker: StartWorker
) -> None:
    places: list[Place] = []
    for start in (0, 600, 1200):
        places += write(topics, 600, start=start)
        worker = start_worker("intents", delivery="exactly_once")
        wait_for(
            lambda: sum(topics.committed_offsets("intents", CUSTOMER_MESSAGES).values()),
            lambda done, start=start: done > start + 150,
            what="some messages to be committed",
        )
        worker.kill()
    last = start_worker("intents", delivery="exactly_once")
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=120)
    assert last.terminate() == 0

    found = asyncio.run(read_committed(topics, OUTCOMES))
    assert sorted(found) == sorted(places)
    assert set(found.values()) == {1}


def test_workers_that_join_and_leave_repeat_nothing(
    topics: Topics, start_worker: StartWorker
) -> None:
    places = write(topics, 600)
    first = start_worker("intents", delivery="exactly_once")
    places += write(topics, 600, start=600)
    second = start_worker("intents", delivery="exactly_once")
    places += write(topics, 600, start=1200)
    assert first.terminate() == 0
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=120)

    found = asyncio.run(read_committed(topics, OUTCOMES))
    assert sorted(found) == sorted(places)
    assert set(found.values()) == {1}
    assert second.running


def test_refused_output_is_left_out_of_the_transaction_and_becomes_a_dead_letter(
    topics: Topics, start_worker: StartWorker
) -> None:
    with topics.configured(ROUTED_MESSAGES, {"max.message.bytes": "2000"}):
        start_worker("intents", abstain_below=0, delivery="exactly_once")
        long, short = "How do I change my PIN? " * 200, "How do I change my PIN?"
        messages = [customer_message(1, short), customer_message(2, long)]
        places = topics.produce(
            CUSTOMER_MESSAGES, [(b"ada", encode(message), {}) for message in messages * 3]
        )
        topics.wait_until_committed("intents", CUSTOMER_MESSAGES)

        routed = asyncio.run(read_committed(topics, (ROUTED_MESSAGES,)))
        letters = asyncio.run(read_committed(topics, (DEAD_LETTERS,)))
        queues = tuple(name for name in topics.names() if name.startswith("queue-"))
        copies = asyncio.run(read_committed(topics, queues))
    assert routed == copies == Counter(dict.fromkeys(places[::2], 1))
    assert letters == Counter(dict.fromkeys(places[1::2], 1))


def test_sentiment_and_its_trends_come_through_transactions(
    topics: Topics, start_worker: StartWorker
) -> None:
    worker = start_worker("sentiment", delivery="exactly_once")
    news = [news_message(n, "Microsoft beats expectations") for n in range(20)]
    places = topics.produce_json(NEWS_MESSAGES, news)
    topics.wait_until_committed("sentiment", NEWS_MESSAGES)

    found = asyncio.run(read_committed(topics, (SCORED_MESSAGES,)))
    assert found == Counter(dict.fromkeys(places, 1))
    wait_for(
        lambda: worker.samples("tidings_messages_total").get(("trends", "counted")),
        lambda counted: counted == 20,
        what="all scores to be counted",
    )
    assert sum(topics.end_offsets(SENTIMENT_TRENDS).values()) > 0
    wait_for(
        lambda: worker.samples("tidings_consumer_lag_records"),
        lambda lags: lags and not any(lags.values()),
        what="no lag to be left, markers of transactions notwithstanding",
    )
