from __future__ import annotations

from collections.abc import Sequence

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from harness.fake_broker import FakeBroker
from harness.fake_group_client import CONNECTION, FakeConsumerClient, member, place
from tidings_streams.kafka import InputRecord, OutputRecord, OutputRefused, Outputs
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_stream import AtLeastOnceStream, write_all
from tidings_streams.kafka_writer import OutputWriter

Retries = list[int]


def output(topic: str, value: bytes) -> OutputRecord:
    return OutputRecord(topic=topic, key=b"k", value=value, headers={})


def decision(value: bytes) -> Outputs:
    """A copy for a queue, and the decision."""
    return [output("queue", value), output("decisions", value)]


def refuse_copy_of(value: bytes) -> FakeBroker:
    def refuse(topic: str, values: Sequence[bytes]) -> Exception | None:
        return MessageSizeTooLargeError() if topic == "queue" and value in values else None

    return FakeBroker(refuse=refuse)


def never(index: int, refusal: OutputRefused) -> Outputs:
    raise refusal


async def make_stream(
    broker: FakeBroker, client: FakeConsumerClient
) -> tuple[AtLeastOnceStream, GroupConsumer, Retries]:
    consumer = member(client)
    retries: Retries = []
    producer = Producer(CONNECTION, connect=broker.producer)
    stream = AtLeastOnceStream(consumer, producer, on_retry=lambda: retries.append(1))
    await stream.start()
    await client.rebalance([0])
    return stream, consumer, retries


def echo(records: Sequence[InputRecord]) -> list[Outputs]:
    return [[output("out", each.value or b"")] for each in records]


async def test_copies_are_written_before_decisions() -> None:
    broker = FakeBroker()
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    writer = OutputWriter(producer, on_error=never_asked)

    await write_all(writer, [decision(b"a"), decision(b"b")], never)

    assert [(topic, values) for topic, _, values in broker.attempts] == [
        ("queue", [b"a", b"b"]),
        ("decisions", [b"a", b"b"]),
    ]


async def test_record_whose_copy_is_refused_has_a_dead_letter_and_no_decision() -> None:
    broker = refuse_copy_of(b"a")
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    writer = OutputWriter(producer, on_error=never_asked)
    asked: list[int] = []

    def substitute(index: int, refusal: OutputRefused) -> Outputs:
        asked.append(index)
        return [output("letters", str(refusal).encode())]

    await write_all(writer, [decision(b"b"), decision(b"a"), decision(b"c")], substitute)

    assert asked == [1]
    assert broker.written("queue") == [b"b", b"c"]
    assert broker.written("decisions") == [b"b", b"c"]
    assert broker.written("letters") == [
        b"queue refused a record of 1 bytes: MessageSizeTooLargeError"
    ]


async def test_refused_dead_letter_is_substituted_again() -> None:
    def refuse(topic: str, values: Sequence[bytes]) -> Exception | None:
        return MessageSizeTooLargeError() if b"small" not in values else None

    broker = FakeBroker(refuse=refuse)
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    writer = OutputWriter(producer, on_error=never_asked)
    letters = [[output("letters", b"large")], [output("letters", b"small")]]

    await write_all(writer, [[output("out", b"x")]], lambda *_: letters.pop(0))

    assert broker.written("letters") == [b"small"]


async def test_offsets_are_committed_after_their_outputs_were_acknowledged() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 3})
    stream, _, _ = await make_stream(broker, client)

    records = await anext(stream.batches())
    assert client.commits == []
    assert await stream.deliver(records, echo(records), never) == [True] * 3
    await stream.stop()

    assert broker.written("out") == [b"0", b"1", b"2"]
    assert broker.offsets == {place(): 3}


async def test_records_of_a_former_assignment_are_neither_written_nor_committed() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 3})
    stream, consumer, _ = await make_stream(broker, client)
    records = await anext(stream.batches())
    await client.rebalance([0])

    assert await stream.deliver(records, echo(records), never) == [False] * 3
    await stream.stop()

    assert broker.written("out") == []
    assert broker.offsets == {}
    assert consumer.next_offsets == {}


async def test_substitute_is_asked_for_the_record_that_was_refused_also_beside_former_ones() -> (
    None
):
    broker = refuse_copy_of(b"0")
    client = FakeConsumerClient(broker, {0: 1})
    stream, _, _ = await make_stream(broker, client)
    former = await anext(stream.batches())
    await client.rebalance([0])
    current = await anext(stream.batches())
    asked: list[int] = []

    def substitute(index: int, _refusal: OutputRefused) -> Outputs:
        asked.append(index)
        return [output("letters", b"letter")]

    records = [*former, *current]
    replies = await stream.deliver(
        records, [decision(each.value or b"") for each in records], substitute
    )
    await stream.stop()

    assert (replies, asked) == ([False, True], [1])


async def test_client_beyond_repair_is_replaced_also_where_no_broker_answers_at_first() -> None:
    broker = FakeBroker()
    client = FakeConsumerClient(broker, {0: 2})
    stream, _, retries = await make_stream(broker, client)
    records = await anext(stream.batches())
    broker.clients[0].broken = KafkaError("the sender died")
    broker.down = 2

    assert await stream.deliver(records, echo(records), never) == [True, True]
    await stream.stop()

    assert broker.written("out") == [b"0", b"1"]
    assert broker.clients[0].stopped
    assert len(retries) == 3, "the first failure, and one for each renewal that failed"


async def never_asked(error: Exception, *_: object) -> None:
    raise error
