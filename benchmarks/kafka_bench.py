"""The benchmark's Apache Kafka: filled before the clock runs, decisions read by its own clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.texts import customer_messages
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics
from tidings_streams.routing import read_routing_file
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
    topic_specs,
)

PARTITIONS = 6
DECISIONS = (ROUTED_MESSAGES, TRIAGE_MESSAGES)


class TimestampingBroker(KafkaBroker):
    """A Kafka node that stamps every record with its own clock."""

    @property
    def pid(self) -> int:
        """Its process; raises RuntimeError where it does not run."""
        if self._process is None:
            raise RuntimeError("Kafka does not run")
        return self._process.pid

    def _properties(self) -> str:
        return super()._properties() + "log.message.timestamp.type=LogAppendTime\n"


Mark = dict[TopicPartition, int]
"""Where each partition of the topics with decisions ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchKafka:
    """A running Kafka with the intent router's topics and `filled` customer messages."""

    broker: TimestampingBroker
    filled: int

    @property
    def servers(self) -> str:
        """Its bootstrap servers."""
        return self.broker.bootstrap_servers

    @property
    def pid(self) -> int:
        """The process of the broker."""
        return self.broker.pid

    def mark(self) -> Mark:
        """Where the decisions end now."""
        with self._consumer() as consumer:
            return _ends(consumer, DECISIONS)

    def decided_since(self, mark: Mark) -> int:
        """How many decisions were written since."""
        now = self.mark()
        return sum(now[place] - mark[place] for place in mark)

    def decision_times(self, mark: Mark) -> list[float]:
        """When the broker appended each decision since, in seconds of its clock, sorted."""
        times: list[float] = []
        with self._consumer() as consumer:
            ends = _ends(consumer, DECISIONS)
            consumer.assign(list(mark))
            for place, start in mark.items():
                consumer.seek(place, start)
            while any(consumer.position(place) < ends[place] for place in mark):
                for records in consumer.poll(timeout_ms=200, max_records=5000).values():
                    times += [record.timestamp / 1000 for record in records]
        return sorted(times)

    def skip_backlog(self, group: str) -> None:
        """Commit the present end of customer-messages for a group: it will find nothing to do."""
        with self._consumer(group) as consumer:
            ends = _ends(consumer, (CUSTOMER_MESSAGES,))
            consumer.assign(list(ends))
            consumer.commit({place: OffsetAndMetadata(end, "", -1) for place, end in ends.items()})

    @contextmanager
    def _consumer(self, group: str | None = None) -> Iterator[KafkaConsumer]:
        consumer = KafkaConsumer(
            bootstrap_servers=self.servers,
            group_id=group,
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
        )
        try:
            yield consumer
        finally:
            consumer.close()


def _ends(consumer: KafkaConsumer, topics: Sequence[str]) -> Mark:
    places = [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]
    ends: Mark = consumer.end_offsets(places)
    return ends


@contextmanager
def running_kafka(folder: Path, texts: Sequence[str], *, messages: int) -> Iterator[BenchKafka]:
    """A fresh Kafka with `messages` records in customer-messages; stopped at the end."""
    broker = TimestampingBroker(folder)
    broker.start()
    try:
        topics = Topics(broker.bootstrap_servers, group_prefix="bench-")
        queues = read_routing_file(None).queues
        topics.create(topic_specs(queues=queues, partitions=PARTITIONS))
        producer = KafkaProducer(
            bootstrap_servers=broker.bootstrap_servers, linger_ms=20, batch_size=262_144
        )
        for key, value in customer_messages(texts, messages):
            producer.send(CUSTOMER_MESSAGES, key=key, value=value)
        producer.flush()
        producer.close()
        yield BenchKafka(broker=broker, filled=messages)
    finally:
        if broker.running:
            broker.kill()
