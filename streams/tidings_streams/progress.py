"""Whether a worker gets on: how far it is behind, and for how long nothing has moved."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError
from mode import Service
from prometheus_client import Gauge

from tidings_streams.kafka_consumer import GroupConsumer

logger = logging.getLogger(__name__)

LAG_INTERVAL_SECONDS = 2.0
CONNECT_TIMEOUT_SECONDS = 2.0
NO_PARTITION = -1


@dataclass(slots=True)
class Progress:
    """Since when each partition has had records to process and has not moved."""

    now: Callable[[], float] = time.monotonic
    _furthest: dict[int, int] = field(default_factory=dict)
    _waiting_since: dict[int, float] = field(default_factory=dict)

    def update(self, lags: Mapping[int, int], done: Mapping[int, int]) -> None:
        """Take in the lag of each own partition, and the offset behind its last processed record.

        A partition that is missing is no longer ours.  One that is only given to us again, by a
        rebalance, has not moved.
        """
        for partition in (self._waiting_since.keys() | self._furthest.keys()) - lags.keys():
            self._waiting_since.pop(partition, None)
            self._furthest.pop(partition, None)
        for partition, lag in lags.items():
            reached = done.get(partition, -1)
            moved = reached > self._furthest.get(partition, -1)
            self._furthest[partition] = max(reached, self._furthest.get(partition, -1))
            if lag == 0:
                self._waiting_since.pop(partition, None)
            elif moved or partition not in self._waiting_since:
                self._waiting_since[partition] = self.now()

    def unknown(self) -> None:
        """The brokers are there and do not say how far they are: that is no progress either."""
        self._waiting_since.setdefault(NO_PARTITION, self.now())

    def forget(self) -> None:
        """The brokers are away: nobody gets on."""
        self._waiting_since.clear()

    @property
    def stalled_seconds(self) -> float:
        """For how long the partition that has waited longest has waited; 0 where none does."""
        return max((self.now() - since for since in self._waiting_since.values()), default=0.0)


class ProgressWatch(Service):
    """Sets the lag's gauge every few seconds, and knows for how long a worker has been stalled.

    Brokers to which nobody can connect are no stall: a new worker would not get on either.
    """

    def __init__(
        self,
        consumer: GroupConsumer,
        *,
        bootstrap_servers: str,
        lag: Gauge,
        interval_seconds: float = LAG_INTERVAL_SECONDS,
    ) -> None:
        super().__init__()
        self._consumer = consumer
        self._servers = bootstrap_servers.split(",")
        self._lag = lag
        self._interval_seconds = interval_seconds
        self._progress = Progress()
        self._reported: set[int] = set()

    @property
    def stalled_seconds(self) -> float:
        """For how long a partition with records to process has not moved."""
        return self._progress.stalled_seconds

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(self._interval_seconds)
            try:
                lags = await self._consumer.lags()
            except (KafkaError, TimeoutError) as error:
                logger.warning("%s: the lag is not known: %r", self._consumer.topic, error)
                if await self._any_server_listens():
                    self._progress.unknown()
                else:
                    self._progress.forget()
            else:
                self._progress.update(lags, self._consumer.next_offsets)
                self._report(lags)

    async def _any_server_listens(self) -> bool:
        for server in self._servers:
            host, colon, port = server.rpartition(":")
            address = (host.strip("[]"), int(port)) if colon and port.isdigit() else (server, 9092)
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    _, writer = await asyncio.open_connection(*address)
            except (OSError, TimeoutError):
                continue
            writer.close()
            return True
        return False

    def _report(self, lags: Mapping[int, int]) -> None:
        topic = self._consumer.topic
        for partition in self._reported - lags.keys():
            self._lag.remove(topic, str(partition))
        for partition, lag in lags.items():
            self._lag.labels(topic, str(partition)).set(lag)
        self._reported = set(lags)
