"""A broker in memory, and a producer with the few methods of aiokafka's that the loop calls.

Taken from the real ones: batches of a bounded size, an error per batch, transactions that show at
their commit, and fencing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, ProducerFenced

Refuse = Callable[[str, Sequence[bytes]], Exception | None]


@dataclass
class FakeBroker:
    """Logs and a group's offsets.

    `failures` are raised by the next deliveries, one each; `refuse` answers a batch of a topic with
    an error, or takes it; `down` refuses every new client.
    """

    partitions: int = 1
    batch_records: int = 100
    down: int = 0
    refuse: Refuse = lambda _topic, _values: None
    failures: list[Exception] = field(default_factory=list)
    commit_failures: list[Exception] = field(default_factory=list)
    logs: dict[tuple[str, int], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    attempts: list[tuple[str, int, list[bytes]]] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    clients: list[FakeProducerClient] = field(default_factory=list)

    def written(self, topic: str) -> list[bytes]:
        """What is in a topic, partition by partition."""
        return [
            value for place in sorted(self.logs) if place[0] == topic for value in self.logs[place]
        ]

    def producer(self, **options: Any) -> FakeProducerClient:
        """In the place of AIOKafkaProducer."""
        self.clients.append(FakeProducerClient(self, options.get("transactional_id")))
        return self.clients[-1]

    def fence(self, transactional_id: str) -> None:
        """As if another producer with this id had started."""
        self.epochs[transactional_id] = self.epochs.get(transactional_id, 0) + 1


class FakeBatch:
    """Takes so many records."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.values: list[bytes] = []

    def append(self, *, timestamp: None, key: Any, value: bytes, headers: Any) -> object | None:
        if len(self.values) == self.most:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        """Nothing more is put in."""


class FakeProducerClient:
    """Writes to a FakeBroker; `broken` is raised by every call, as by a client beyond repair."""

    def __init__(self, broker: FakeBroker, transactional_id: str | None) -> None:
        self.broker = broker
        self.transactional_id = transactional_id
        self.epoch = 0
        self.stopped = False
        self.broken: Exception | None = None
        self.transaction: list[tuple[str, int, list[bytes]]] | None = None
        self.offsets: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        if self.broker.down > 0:
            self.broker.down -= 1
            raise KafkaConnectionError("nobody listens")
        if self.transactional_id is not None:
            self.broker.fence(self.transactional_id)
            self.epoch = self.broker.epochs[self.transactional_id]

    async def stop(self) -> None:
        self.stopped = True

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.transactional_id and self.epoch != self.broker.epochs[self.transactional_id]:
            raise ProducerFenced

    async def partitions_for(self, topic: str) -> set[int]:
        self._check()
        return set(range(self.broker.partitions))

    def create_batch(self) -> FakeBatch:
        self._check()
        return FakeBatch(self.broker.batch_records)

    async def send_batch(
        self, batch: FakeBatch, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        self._check()
        return asyncio.ensure_future(self._deliver(topic, partition, batch.values))

    async def _deliver(self, topic: str, partition: int, values: list[bytes]) -> None:
        await asyncio.sleep(0)
        self.broker.attempts.append((topic, partition, values))
        if self.broker.failures:
            raise self.broker.failures.pop(0)
        refusal = self.broker.refuse(topic, values)
        if refusal is not None:
            raise refusal
        if self.transaction is None:
            self.broker.logs[topic, partition] += values
        else:
            self.transaction.append((topic, partition, values))

    async def begin_transaction(self) -> None:
        self._check()
        self.transaction, self.offsets = [], {}

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, int], group: str
    ) -> None:
        self._check()
        self.offsets = dict(offsets)

    async def commit_transaction(self) -> None:
        """An error of `commit_failures` comes after the commit: nobody told us of it."""
        self._check()
        assert self.transaction is not None
        for topic, partition, values in self.transaction:
            self.broker.logs[topic, partition] += values
        self.broker.offsets |= self.offsets
        self.transaction = None
        if self.broker.commit_failures:
            raise self.broker.commit_failures.pop(0)
