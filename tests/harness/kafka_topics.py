"""What a test does with topics: make them anew, produce, read back, look at commits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    AlterConfigOp,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import GroupIdNotFoundError

from harness.waiting import DEFAULT_TIMEOUT_SECONDS, wait_for
from tidings_streams.topics import TopicSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it stands in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset

    @property
    def json(self) -> Any:
        """The value, decoded."""
        assert self.value is not None, f"{self} has no value"
        return json.loads(self.value)


class Topics:
    """The topics of one test on one cluster, and the prefix of its consumer groups."""

    def __init__(self, bootstrap_servers: str, *, group_prefix: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.group_prefix = group_prefix

    # Topics

    def recreate(self, specs: Sequence[TopicSpec]) -> None:
        """Delete every topic of the cluster and make these, empty."""
        self.delete_all()
        self.create(specs)

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """Make topics and wait until each partition has its leader."""
        with self._admin() as admin:
            admin.create_topics(
                {
                    spec.name: {
                        "num_partitions": spec.partitions,
                        "replication_factor": -1,  # as the cluster's settings say
                        "configs": spec.configuration(),
                    }
                    for spec in specs
                },
                wait_for_metadata=True,
            )

    def delete_all(self) -> None:
        """Delete every topic but Kafka's own, and wait until they are gone."""
        with self._admin() as admin:
            doomed = self._listed(admin)
            if doomed:
                admin.delete_topics(doomed)
            wait_for(lambda: not self._listed(admin), what="the old topics to be gone")

    def names(self) -> list[str]:
        """The topics there are, without Kafka's own."""
        with self._admin() as admin:
            return self._listed(admin)

    def describe(self) -> dict[str, int]:
        """Each topic's number of partitions."""
        with self._admin() as admin:
            described = admin.describe_topics(self._listed(admin))
            return {topic["name"]: len(topic["partitions"]) for topic in described}

    @contextmanager
    def configured(self, topic: str, settings: Mapping[str, str]) -> Iterator[None]:
        """Change a topic's settings for as long as the block lasts.

        They are unset afterwards: Kafka 4.4 remembers them beyond the topic's deletion and gives
        them to a new topic of the same name when the broker starts again.
        """

        def alter(changes: Mapping[str, object]) -> None:
            with self._admin() as admin:
                admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changes)])

        alter(settings)
        try:
            yield
        finally:
            alter(dict.fromkeys(settings, (AlterConfigOp.DELETE, None)))

    @contextmanager
    def write_denied(self, topic: str) -> Iterator[None]:
        """Let nobody write to a topic for as long as the block lasts."""
        pattern = ResourcePattern(ResourceType.TOPIC, topic)
        rules = [
            ACL("User:*", "*", operation, permission, pattern)
            for operation, permission in (
                (ACLOperation.ALL, ACLPermissionType.ALLOW),
                (ACLOperation.WRITE, ACLPermissionType.DENY),
            )
        ]
        with self._admin() as admin:
            admin.create_acls(rules)
        try:
            yield
        finally:
            with self._admin() as admin:
                admin.delete_acls(
                    [ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, pattern)]
                )

    # Records

    def produce(
        self,
        topic: str,
        records: Iterable[tuple[bytes | None, bytes | None, Mapping[str, bytes]]],
        *,
        partition: int | None = None,
    ) -> list[tuple[int, int]]:
        """Write (key, value, headers); returns each one's (partition, offset), acknowledged.

        kafka-python refuses a record with neither key nor value.
        """
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap_servers, acks="all", linger_ms=5, retries=100
        )
        try:
            sent = [
                producer.send(
                    topic,
                    key=key,
                    value=value,
                    headers=list(headers.items()),
                    partition=partition,
                )
                for key, value, headers in records
            ]
            written = [future.get(timeout=30) for future in sent]
        finally:
            producer.close()
        return [(each.partition, each.offset) for each in written]

    def produce_json(
        self, topic: str, values: Iterable[Mapping[str, object]], *, key: str | None = None
    ) -> list[tuple[int, int]]:
        """Write values as JSON, keyed by their field `key`."""
        return self.produce(
            topic,
            (
                (str(value[key]).encode() if key else None, json.dumps(value).encode(), {})
                for value in values
            ),
        )

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Where each partition ends: the offset of its next record."""
        with self._consumer() as consumer:
            ends = consumer.end_offsets(self._partitions(consumer, topic))
            return {place.partition: offset for place, offset in ends.items()}

    def read_all(self, topic: str) -> list[Record]:
        """Every record from the beginning to the present end, by partition and offset."""
        with self._consumer() as consumer:
            places = self._partitions(consumer, topic)
            ends = consumer.end_offsets(places)
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            found: list[Record] = []
            wait_for(
                lambda: (
                    found.extend(_records(consumer.poll(timeout_ms=200)))
                    or [place for place in places if consumer.position(place) < ends[place]]
                ),
                lambda unread: not unread,
                what=f"the records of {topic} to be read",
                interval=0,
            )
        return sorted(found, key=lambda record: record.place)

    def wait_for_records(
        self, topic: str, count: int, *, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> list[Record]:
        """Wait until a topic holds `count` records or more, and return all of them."""
        wait_for(
            lambda: sum(self.end_offsets(topic).values()),
            lambda there: there >= count,
            what=f"{count} records in {topic}",
            timeout=timeout,
        )
        return self.read_all(topic)

    # Groups

    def committed_offsets(self, application: str, topic: str | None = None) -> dict[int, int]:
        """The committed offsets of an application's group by partition, of one topic."""
        with self._admin() as admin:
            group = f"{self.group_prefix}{application}"
            try:
                offsets = admin.list_group_offsets(group)[group]
            except GroupIdNotFoundError:
                return {}
        return {
            place.partition: committed.offset
            for place, committed in offsets.items()
            if topic is None or place.topic == topic
        }

    def wait_until_committed(
        self, application: str, topic: str, *, timeout: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        """Wait until an application has committed every record that is in a topic now."""
        ends = {partition: end for partition, end in self.end_offsets(topic).items() if end}
        wait_for(
            lambda: self.committed_offsets(application, topic),
            lambda committed: committed.items() >= ends.items(),
            what=f"{application} to commit {topic} up to {ends}",
            timeout=timeout,
        )

    @staticmethod
    def _listed(admin: KafkaAdminClient) -> list[str]:
        return [name for name in admin.list_topics() if not name.startswith("__")]

    @staticmethod
    def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
        numbers = consumer.partitions_for_topic(topic)
        assert numbers, f"there is no topic {topic}"
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            yield admin
        finally:
            admin.close()

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap_servers,
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
            allow_auto_create_topics=False,
        )
        try:
            yield consumer
        finally:
            consumer.close()


def _records(polled: Mapping[TopicPartition, Iterable[Any]]) -> Iterator[Record]:
    for batch in polled.values():
        for each in batch:
            yield Record(
                topic=each.topic,
                partition=each.partition,
                offset=each.offset,
                key=each.key,
                value=each.value,
                headers=dict(each.headers),
            )
