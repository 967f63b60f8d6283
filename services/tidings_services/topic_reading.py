"""Reads topics from where they begin to where they end, once and fast, without a group.

aiokafka reads for it: 5 µs a record, where kafka-python takes 105.  Only committed records are
read: those of an aborted transaction are none.  A partition ends at the high watermark that came
with the first fetch, so that what arrives meanwhile does not keep the reader reading.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
)

from tidings_services.kafka_faults import TopicUnknown, kafka_failure
from tidings_services.record_picking import POLL_MS, pick_records, position_of
from tidings_streams.kafka_connection import KafkaConnection

SETTLE_SECONDS = 0.05
AWAY = (KafkaError, TimeoutError)
COORDINATOR_AWAY = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError)


class TopicReader:
    """Reads topics; an asynchronous context manager.

    Where Kafka is away or refuses, its context is left by KafkaFailed.  `patience_seconds` is how
    long nothing may move.  `starts` and `ends` are the offsets between which `read` reads,
    `remaining` are those still before it.  `held_back` are the partitions whose end an open
    transaction hides, with the offset up to which they were read.
    """

    def __init__(self, connection: KafkaConnection, *, patience_seconds: float = 15.0) -> None:
        self._servers = connection.bootstrap_servers
        options = connection.client_options() | {"client_id": "tidings-reader"}
        self._options = options
        self._patience = patience_seconds
        self.starts: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}
        self.remaining = 0
        self.held_back: dict[TopicPartition, int] = {}

    async def __aenter__(self) -> TopicReader:
        self._consumer = AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
        )
        self._admin = AIOKafkaAdminClient(**self._options)
        try:
            await self._admin.start()
            await self._consumer.start()
        except (*AWAY, OSError) as error:
            await self._close()
            raise kafka_failure(self._servers, error) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()
        if isinstance(error, AWAY):
            raise kafka_failure(self._servers, error) from None

    async def partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Every partition of these topics; raises TopicUnknown."""
        wanted = list(dict.fromkeys(topics))
        described = {topic["topic"]: topic for topic in await self._admin.describe_topics()}
        unknown = [topic for topic in wanted if topic not in described]
        if unknown:
            raise TopicUnknown(
                f"{self._servers} has no topic {', '.join(unknown)}; "
                "name others, or make Tidings' own with `tidings topics create`"
            )
        return [
            TopicPartition(topic, partition)
            for topic in wanted
            for partition in sorted(each["partition"] for each in described[topic]["partitions"])
        ]

    async def committed(
        self, group: str, places: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The offsets that a group committed of these partitions, where it did."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                offsets = await self._admin.list_consumer_group_offsets(
                    group, partitions=list(places)
                )
            except COORDINATOR_AWAY:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(POLL_MS / 1000)
            else:
                return {place: each.offset for place, each in offsets.items() if each.offset >= 0}

    async def read(
        self, places: Sequence[TopicPartition], *, since: datetime | None = None
    ) -> AsyncIterator[tuple[TopicPartition, Sequence[ConsumerRecord]]]:
        """Every record of these partitions, in each one's order, in batches that are not empty.

        With `since`, each partition begins at its first record whose timestamp is not before it.
        """
        self.ends, self.remaining = {}, 0
        self._consumer.assign(places)
        async with asyncio.timeout(self._patience):
            await self._go_to_start(places, since)
        self.starts = {
            place: await position_of(self._consumer, place, patience_seconds=self._patience)
            for place in places
        }
        unfinished = dict(self.starts)
        clock = asyncio.get_running_loop().time
        moved_at = clock()
        while unfinished:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            if await self._advance(unfinished):
                moved_at = clock()
            elif clock() - moved_at > self._patience:
                self._give_up(unfinished)
            for place, records in fetched.items():
                end = self.ends[place]
                whole = records[-1].offset < end
                inside = records if whole else [each for each in records if each.offset < end]
                if inside:
                    yield place, inside

    async def fetch(
        self, places: Mapping[TopicPartition, Iterable[int]]
    ) -> dict[tuple[str, int, int], ConsumerRecord]:
        """The records at these offsets, by topic, partition and offset, as far as they are there.

        Partitions that do not exist have none.
        """
        described = {topic["topic"]: topic for topic in await self._admin.describe_topics()}
        found: dict[tuple[str, int, int], ConsumerRecord] = {}
        for place, offsets in places.items():
            topic = described.get(place.topic, {"partitions": ()})
            if place.partition in {each["partition"] for each in topic["partitions"]}:
                for record in await pick_records(
                    self._consumer, place, sorted(set(offsets)), patience_seconds=self._patience
                ):
                    found[record.topic, record.partition, record.offset] = record
        return found

    async def _go_to_start(self, places: Sequence[TopicPartition], since: datetime | None) -> None:
        await self._consumer.seek_to_beginning(*places)
        if since is None:
            return
        milliseconds = max(0, int(since.timestamp() * 1000))
        starts = await self._consumer.offsets_for_times(dict.fromkeys(places, milliseconds))
        for place, start in starts.items():
            if start is None:
                await self._consumer.seek_to_end(place)
            else:
                self._consumer.seek(place, start.offset)

    async def _advance(self, unfinished: dict[TopicPartition, int]) -> bool:
        """Note how far each partition was read; whether any of them moved or was finished."""
        moved = False
        for place, before in list(unfinished.items()):
            position = await position_of(self._consumer, place, patience_seconds=self._patience)
            watermark = self._consumer.highwater(place)
            if watermark is not None:
                moved |= place not in self.ends
                self.ends.setdefault(place, watermark)
            moved |= position != before
            unfinished[place] = position
            if position >= self.ends.get(place, position + 1):
                self._consumer.pause(place)
                del unfinished[place]
        self.remaining = sum(
            max(0, self.ends.get(place, at) - at) for place, at in unfinished.items()
        )
        return moved

    def _give_up(self, unfinished: dict[TopicPartition, int]) -> None:
        """Leave partitions that an open transaction holds back; raises where it is not that."""
        lately = (time.time() - self._patience) * 1000
        for place, position in list(unfinished.items()):
            stable = self._consumer.last_stable_offset(place)
            answers = (self._consumer.last_poll_timestamp(place) or 0) > lately
            if not answers or stable is None or not 0 <= stable <= position:
                raise KafkaTimeoutError(f"nothing came for {self._patience:g} s")
            self.held_back[place] = self.ends[place] = position
            del unfinished[place]

    async def _close(self) -> None:
        """Stop, after aiokafka had the time to cancel its fetches.

        A fetch that is cancelled together with its fetcher leaves that waiting for ever, or lets
        its own cancellation out of `stop` (aiokafka#647).
        """
        self._consumer.unsubscribe()
        await asyncio.sleep(SETTLE_SECONDS)
        stopping = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait({stopping}, timeout=self._patience)
        stopping.cancel()
        await self._admin.close()
