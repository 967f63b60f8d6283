"""`tidings audit` on topics whose fate is known."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as Place

from harness.command import Done, tidings
from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics
from harness.messages import bad_values, customer_message, encode
from harness.worker import StartWorker
from tidings_services.kafka_faults import KafkaFailed
from tidings_services.topic_reading import TopicReader
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
)

pytestmark = pytest.mark.kafka

Headers = Mapping[str, bytes]
INTENTS = ("--from", CUSTOMER_MESSAGES, "--to", ROUTED_MESSAGES, "--to", TRIAGE_MESSAGES)
ALL = (*INTENTS, "--to", DEAD_LETTERS)


def audit(topics: Topics, *arguments: str) -> Done:
    return tidings(topics, "audit", *(arguments or ALL), "--json")


def output(topic: str, offset: int, *, partition: int = 0) -> tuple[bytes, bytes, Headers]:
    """An output of an input, as the intent router makes it, as far as an audit looks."""
    source = {"topic": CUSTOMER_MESSAGES, "partition": partition, "offset": offset}
    identity = f"{CUSTOMER_MESSAGES}/{partition}/{offset}/{topic}"
    return b"c", json.dumps({"source": source}).encode(), {"ce_id": identity.encode()}


def produce_inputs(topics: Topics, count: int) -> None:
    records = [(b"c", encode(customer_message(number, "Hello")), {}) for number in range(count)]
    topics.produce(CUSTOMER_MESSAGES, records, partition=0)


def decide(topics: Topics, topic: str, offsets: Iterable[int]) -> None:
    topics.produce(topic, [output(topic, offset) for offset in offsets])


def commit(topics: Topics, offset: int) -> None:
    """Commit an offset of the first partition for the intent router's group."""
    consumer = KafkaConsumer(
        bootstrap_servers=topics.bootstrap_servers, group_id=f"{topics.group_prefix}intents"
    )
    try:
        place = Place(CUSTOMER_MESSAGES, 0)
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(offset, "", -1)})
    finally:
        consumer.close()


@asynccontextmanager
async def transactions(topics: Topics) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=topics.bootstrap_servers, transactional_id=topics.group_prefix
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def test_input_without_an_output_is_missing_and_ends_with_code_1(topics: Topics) -> None:
    produce_inputs(topics, 10)
    decide(topics, ROUTED_MESSAGES, [0, 1, 2, 4, 5])
    decide(topics, TRIAGE_MESSAGES, [6, 7])
    decide(topics, DEAD_LETTERS, [8, 9])

    done = audit(topics, *ALL, "--group", "")

    assert done.code == 1
    assert done.json == {
        "inputs": 10,
        "outputs": 9,
        "missing": 1,
        "pending": 0,
        "repeated": 0,
        "in_several": 0,
        "expired": 0,
        "unreadable": 0,
        "missing_examples": [{"topic": CUSTOMER_MESSAGES, "partition": 0, "offset": 3}],
    }
    told = tidings(topics, "audit", *ALL, "--group", "")
    assert told.code == 1
    assert "10 inputs: 9 decided, 1 missing" in told.out
    assert CUSTOMER_MESSAGES in told.out


def test_repeats_several_places_and_unreadable_outputs_are_told_and_are_no_loss(
    topics: Topics,
) -> None:
    produce_inputs(topics, 4)
    decide(topics, ROUTED_MESSAGES, [0, 1, 1, 1, 2, 3])
    decide(topics, DEAD_LETTERS, [2])
    topics.produce(TRIAGE_MESSAGES, [(b"c", b"{}", {}), (b"c", None, {}), (b"c", b"\xff", {})])

    done = audit(topics, *ALL, "--group", "")

    assert done.code == 0
    assert (done.json["repeated"], done.json["in_several"]) == (2, 1)
    assert (done.json["unreadable"], done.json["missing"]) == (3, 0)


def test_input_behind_the_group_s_commit_is_pending(topics: Topics) -> None:
    produce_inputs(topics, 10)
    decide(topics, ROUTED_MESSAGES, [0, 1, 2, 4])
    commit(topics, 6)

    done = audit(topics)

    assert done.code == 1
    assert (done.json["missing"], done.json["pending"]) == (2, 4)
    assert [each["offset"] for each in done.json["missing_examples"]] == [3, 5]


def test_group_that_committed_nothing_is_told(topics: Topics) -> None:
    produce_inputs(topics, 2)

    done = audit(topics, *ALL, "--group", "nobody")

    assert (done.code, done.json["pending"]) == (0, 2)
    assert "the group nobody has committed nothing of customer-messages" in done.err


async def test_markers_and_aborted_records_are_neither_inputs_nor_outputs(topics: Topics) -> None:
    async with transactions(topics) as producer:
        for _ in range(3):
            async with producer.transaction():
                await producer.send(CUSTOMER_MESSAGES, b"{}", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(CUSTOMER_MESSAGES, b"{}", partition=0)
        await producer.abort_transaction()

        async with producer.transaction():
            for number in (0, 4):
                key, value, headers = output(ROUTED_MESSAGES, number)
                await producer.send(
                    ROUTED_MESSAGES, value, key=key, partition=0, headers=[*headers.items()]
                )
        await producer.begin_transaction()
        key, value, headers = output(ROUTED_MESSAGES, 2)
        await producer.send_and_wait(
            ROUTED_MESSAGES, value, key=key, partition=0, headers=[*headers.items()]
        )
        await producer.abort_transaction()
    assert topics.end_offsets(CUSTOMER_MESSAGES)[0] == 8

    done = audit(topics, *ALL, "--group", "")

    assert done.code == 1
    assert (done.json["inputs"], done.json["outputs"]) == (3, 2)
    assert [each["offset"] for each in done.json["missing_examples"]] == [2]


async def test_open_transaction_at_the_end_of_the_outputs_is_waited_for(topics: Topics) -> None:
    produce_inputs(topics, 1)
    async with transactions(topics) as producer:
        await producer.begin_transaction()
        key, value, headers = output(ROUTED_MESSAGES, 0)
        await producer.send_and_wait(
            ROUTED_MESSAGES, value, key=key, partition=0, headers=[*headers.items()]
        )
        running = asyncio.create_task(asyncio.to_thread(audit, topics, *ALL, "--group", ""))
        await asyncio.sleep(5)
        assert not running.done()
        await producer.commit_transaction()
        done = await running

    assert done.code == 0
    assert done.json["missing"] == 0


async def test_what_an_open_transaction_hides_is_told_after_a_while(topics: Topics) -> None:
    place = TopicPartition(ROUTED_MESSAGES, 0)
    topics.produce(ROUTED_MESSAGES, [output(ROUTED_MESSAGES, 0)], partition=0)
    async with transactions(topics) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(ROUTED_MESSAGES, b"{}", partition=0)
        connection = KafkaConnection(bootstrap_servers=topics.bootstrap_servers)
        async with TopicReader(connection, patience_seconds=1) as reader:
            read = [batch async for _, batch in reader.read([place])]
        await producer.abort_transaction()

    assert [record.offset for batch in read for record in batch] == [0]
    assert reader.held_back == {place: 1}


async def test_broker_that_goes_away_while_it_is_read_ends_the_reading(
    kafka: KafkaBroker, topics: Topics
) -> None:
    produce_inputs(topics, 2)
    connection = KafkaConnection(bootstrap_servers=topics.bootstrap_servers)

    async def read() -> None:
        async with TopicReader(connection, patience_seconds=2) as reader:
            places = await reader.partitions([CUSTOMER_MESSAGES])
            kafka.kill()
            async for _ in reader.read(places):
                pass

    try:
        with pytest.raises(KafkaFailed, match="TIDINGS_BOOTSTRAP_SERVERS"):
            await read()
    finally:
        kafka.start()


def test_input_that_retention_took_is_none_and_its_output_is_expired(topics: Topics) -> None:
    produce_inputs(topics, 6)
    decide(topics, ROUTED_MESSAGES, [0, 1, 3, 4, 5])
    admin = KafkaAdminClient(bootstrap_servers=topics.bootstrap_servers)
    try:
        admin.delete_records({Place(CUSTOMER_MESSAGES, 0): 4})
    finally:
        admin.close()

    done = audit(topics, *ALL, "--group", "")

    assert done.code == 0
    assert (done.json["inputs"], done.json["expired"], done.json["outputs"]) == (2, 3, 5)


def test_audit_since_leaves_older_inputs_out(topics: Topics) -> None:
    produce_inputs(topics, 3)

    assert audit(topics, *ALL, "--group", "", "--since", "1h").code == 1
    later = audit(topics, *ALL, "--group", "", "--since", "2100-01-01T00:00:00Z")
    assert (later.code, later.json["inputs"]) == (0, 0)
    bad = audit(topics, *ALL, "--since", "lately")
    assert bad.code == 2
    assert "'lately'" in bad.err


def test_topic_that_is_not_there_is_named_with_the_remedy(topics: Topics) -> None:
    done = audit(topics, "--from", CUSTOMER_MESSAGES, "--to", "routed-mesages")

    assert done.code == 2
    assert "routed-mesages" in done.err
    assert "tidings topics create" in done.err
    assert len(done.err.splitlines()) == 1


def test_topic_can_not_be_input_and_output(topics: Topics) -> None:
    done = audit(topics, "--from", CUSTOMER_MESSAGES, "--to", CUSTOMER_MESSAGES)

    assert done.code == 2
    assert CUSTOMER_MESSAGES in done.err


@pytest.mark.timeout(600)
def test_live_stream_with_poison_never_has_anything_missing(
    topics: Topics, start_worker: StartWorker
) -> None:
    bad = bad_values(customer_message(0, ""), time_field="sent_at")
    stop = threading.Event()
    produced = 0

    def produce() -> None:
        nonlocal produced
        while not stop.is_set():
            good = [encode(customer_message(number, "Where is my card?")) for number in range(60)]
            values = [*good, *(each.value for each in bad)]
            topics.produce(CUSTOMER_MESSAGES, [(b"%d" % n, v, {}) for n, v in enumerate(values)])
            produced += len(values)

    worker = start_worker("intents", max_text_characters=500)
    thread = threading.Thread(target=produce)
    thread.start()
    try:
        during = [audit(topics) for _ in range(4)]
    finally:
        stop.set()
        thread.join()
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES, timeout=240)
    assert worker.terminate() == 0
    after = audit(topics)

    assert [(done.code, done.json["missing"]) for done in during] == [(0, 0)] * 4
    assert during[-1].json["inputs"] > 0
    assert after.code == 0
    assert after.json["inputs"] == after.json["outputs"] == produced
    assert after.json["missing"] == after.json["pending"] == after.json["repeated"] == 0
    assert after.json["in_several"] == after.json["expired"] == after.json["unreadable"] == 0
