"""A consumer with the few methods of aiokafka's that the loop calls, and rebalances on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition

from harness.fake_broker import FakeBroker
from tidings_streams.group_settings import GroupHooks, GroupSettings
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.kafka_consumer import GroupConsumer

CONNECTION = KafkaConnection(bootstrap_servers="127.0.0.1:9")
TOPIC = "in"


def place(partition: int = 0) -> TopicPartition:
    return TopicPartition(TOPIC, partition)


async def nothing() -> None: ...


def hooks(**some: Any) -> GroupHooks:
    return GroupHooks(
        **{"release": nothing, "forget": lambda: None, "assigned": lambda: None, **some}
    )


def settings(**some: Any) -> GroupSettings:
    """A group's settings; offsets are committed at rebalances and at the end only."""
    usual = {
        "session_timeout_seconds": 2.0,
        "release_seconds": 5.0,
        "commit_interval_seconds": 60.0,
        "max_poll_seconds": 300.0,
        "fetch_wait_seconds": 0.5,
        "read_committed": True,
    }
    return GroupSettings(**(usual | some))


def member(client: FakeConsumerClient, **some: Any) -> GroupConsumer:
    """A member of the group `group` that reads by this client."""
    usual = {"settings": settings(), "hooks": hooks(), "max_records": 100}
    return GroupConsumer(
        connection=CONNECTION, group="group", topic=TOPIC, connect=client.connect, **(usual | some)
    )


class FakeConsumerClient:
    """A group's member that reads so many records of each partition; a value is the offset.

    `fetched` is called with the partitions that a poll is about to give, before anybody else is.
    """

    def __init__(self, broker: FakeBroker, records: Mapping[int, int]) -> None:
        self.broker = broker
        self.records = dict(records)
        self.own: list[TopicPartition] = []
        self.positions: dict[TopicPartition, int] = {}
        self.rebalancing = False
        self.failures: list[Exception] = []
        self.commit_failures: list[Exception] = []
        self.commit_answered = asyncio.Event()
        self.commit_answered.set()
        self.ends_error: Exception | None = None
        self.stop_error: BaseException | None = None
        self.commits: list[dict[TopicPartition, int]] = []
        self.options: dict[str, Any] = {}
        self.fetched: Callable[[Mapping[TopicPartition, Sequence[Any]]], None] = lambda _: None
        self._listener: ConsumerRebalanceListener | None = None
        self._coordinator = SimpleNamespace(_send_req=None)
        self._fetcher = SimpleNamespace(error_future=asyncio.get_running_loop().create_future())

    def connect(self, **options: Any) -> FakeConsumerClient:
        """In the place of AIOKafkaConsumer."""
        self.options = options
        return self

    async def start(self) -> None: ...

    async def stop(self) -> None:
        if self.stop_error is not None:
            raise self.stop_error

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        self._listener = listener

    def assignment(self) -> set[TopicPartition]:
        return set(self.own)

    async def rebalance(self, partitions: Sequence[int], *, joining_seconds: float = 0.0) -> None:
        """What aiokafka's coordination does: no records from now on, revoke, join, assign."""
        assert self._listener is not None
        self.rebalancing = True
        await self._listener.on_partitions_revoked(set(self.own))
        await asyncio.sleep(joining_seconds)
        self.own = [place(partition) for partition in partitions]
        self.positions = {at: self.broker.offsets.get(at, 0) for at in self.own}
        self.rebalancing = False
        await self._listener.on_partitions_assigned(set(self.own))

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        for _ in range(10):
            ready = [] if self.rebalancing else self._ready()
            if ready:
                batch = {at: self._take(at, max_records) for at in ready[:1]}
                self.fetched(batch)
                return batch
            await asyncio.sleep(0.002)
        return {}

    def _ready(self) -> list[TopicPartition]:
        return [at for at in self.own if self.positions[at] < self.records.get(at.partition, 0)]

    def _take(self, place: TopicPartition, most: int) -> list[Any]:
        start = self.positions[place]
        end = min(start + most, self.records[place.partition])
        self.positions[place] = end
        return [
            SimpleNamespace(
                topic=place.topic,
                partition=place.partition,
                offset=offset,
                key=None,
                value=b"%d" % offset,
                headers=(),
            )
            for offset in range(start, end)
        ]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self.commit_failures:
            raise self.commit_failures.pop(0)
        await self.commit_answered.wait()
        self.commits.append(dict(offsets))
        self.broker.offsets |= offsets

    async def committed(self, place: TopicPartition) -> int | None:
        return self.broker.offsets.get(place)

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if self.ends_error is not None:
            raise self.ends_error
        return {place: self.records.get(place.partition, 0) for place in places}

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    async def seek_to_beginning(self, place: TopicPartition) -> None:
        self.positions[place] = 0
