"""The feed: records from Kafka into the picture, without a group: it commits nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tidings_services.dashboard.intake import KINDS, Intake
from tidings_services.dashboard.metrics import DashboardMetrics
from tidings_services.dashboard.picture import Picture
from tidings_services.dashboard.status import FeedStatus, Start, State
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.topics import SENTIMENT_TRENDS

log = logging.getLogger(__name__)

AWAY = (KafkaError, OSError, TimeoutError)
CLIENT_ID = "tidings-dashboard"
LOOK_SECONDS = 2.0
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0
POLL_MS = 200
RETRY_MS = 1000
REQUEST_TIMEOUT_MS = 5000
MOST_RECORDS = 1000
SETTLE_SECONDS = 0.05
STOP_TIMEOUT_SECONDS = 5.0


class Feed:
    """Reads all partitions of the output topics into a picture, from wherever it was.

    Where `start` is "latest", the decisions begin with what arrives from now on; the trends are
    always read from the earliest.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        start: Start,
        picture: Picture,
        metrics: DashboardMetrics,
    ) -> None:
        self._kafka = connection.bootstrap_servers
        self._options = connection.client_options() | {
            "client_id": CLIENT_ID,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        self._start = start
        self._intake = Intake(picture=picture, metrics=metrics)
        self._metrics = metrics
        self._offsets: dict[TopicPartition, int] = {}  # the next one to read
        self._looked = False  # a partition found after the first look is read from its beginning
        self._status = FeedStatus(start=start, missing=tuple(KINDS))

    def status(self) -> FeedStatus:
        """Tell how the feed is doing."""
        return self._status

    async def run(self) -> None:
        """Read until cancelled; where Kafka can not be reached, try again, ever more rarely."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                await self._read()
            except AWAY as error:
                self._lose(error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            retry_backoff_ms=RETRY_MS,
        )
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await admin.start()
            await consumer.start()
            await self._follow(consumer, admin)
        finally:
            await _stop(consumer)
            await admin.close()

    async def _follow(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Read what there is; look for new partitions, and whether Kafka answers, at times.

        A Kafka that went away is left to aiokafka, which connects again and knows where it was.
        """
        clock = asyncio.get_running_loop().time
        next_look = clock()
        while True:
            if clock() >= next_look:
                try:
                    await self._look(consumer, admin)
                except AWAY as error:
                    self._lose(error)
                next_look = clock() + LOOK_SECONDS
            if not consumer.assignment():
                await asyncio.sleep(POLL_MS / 1000)
                continue
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_RECORDS)
            for partition, records in batches.items():
                self._intake.take(records)
                self._offsets[partition] = records[-1].offset + 1

    async def _look(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Assign the partitions that exist; asking for all topics never creates one."""
        present = _partitions(await admin.describe_topics())
        if set(present) != consumer.assignment():
            await self._assign(consumer, present)
        self._looked = True
        there = {partition.topic for partition in present}
        missing = tuple(topic for topic in KINDS if topic not in there)
        self._say("reading" if present else "waiting", missing=missing)

    def _lose(self, error: Exception) -> None:
        if self._status.state != "away":
            log.warning("Kafka does not answer: %s", error)
            self._metrics.losses.inc()
        self._say("away", missing=self._status.missing, error=type(error).__name__)

    async def _assign(self, consumer: AIOKafkaConsumer, present: list[TopicPartition]) -> None:
        if not present:
            consumer.unsubscribe()
            return
        consumer.assign(present)
        for partition in present:
            if partition in self._offsets:
                consumer.seek(partition, self._offsets[partition])
        if self._start == "latest" and not self._looked:
            at_end = [tp for tp in present if tp.topic != SENTIMENT_TRENDS]
            if at_end:
                await consumer.seek_to_end(*at_end)
            for partition in at_end:
                self._offsets[partition] = await consumer.position(partition)

    def _say(self, state: State, *, missing: tuple[str, ...], error: str = "") -> None:
        self._status = FeedStatus(
            state=state,
            detail=self._kafka,
            error=error,
            missing=missing,
            undecodable=self._intake.undecodable,
            start=self._start,
        )
        self._metrics.connected.set(self._status.connected)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, after aiokafka had the time to cancel its fetches.

    A fetch that is cancelled together with its fetcher leaves that waiting for ever, or lets its
    own cancellation out of `stop` (aiokafka#647).
    """
    consumer.unsubscribe()
    await asyncio.sleep(SETTLE_SECONDS)
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stopping}, timeout=STOP_TIMEOUT_SECONDS)
    stopping.cancel()


def _partitions(described: list[dict[str, Any]]) -> list[TopicPartition]:
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if topic["topic"] in KINDS
        for partition in topic["partitions"]
    ]
