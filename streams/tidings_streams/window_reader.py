"""Reads the trend windows back from the topic to which they were written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tidings_streams.backoff import Backoff
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.records import InvalidRecord, TrendWindow, decode_value
from tidings_streams.topics import SENTIMENT_TRENDS

READ_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaWindowReader:
    """Reads one partition of `sentiment-trends` from its beginning to the end it has now."""

    connection: KafkaConnection
    read_committed: bool

    async def read(self, partition: int) -> list[TrendWindow]:
        """The newest state of each window, in the order of their last writing.

        The end is the high watermark that comes with a fetch.  Of two states of one window the one
        with more messages counts: a worker that lost the partition may still write an older one.
        Brokers that are away are tried again for as long as it takes.
        """
        backoff = Backoff()
        while True:
            try:
                async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                    return await self._read(partition)
            except (KafkaError, TimeoutError) as error:
                await backoff.wait(f"reading the windows of partition {partition}", error)

    async def _read(self, partition: int) -> list[TrendWindow]:
        place = TopicPartition(SENTIMENT_TRENDS, partition)
        consumer = AIOKafkaConsumer(
            **self.connection.client_options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if self.read_committed else "read_uncommitted",
            fetch_max_wait_ms=100,
        )
        windows: dict[bytes | None, TrendWindow] = {}
        try:
            await consumer.start()
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            while True:
                fetched = await consumer.getmany(place, timeout_ms=200)
                for record in fetched.get(place, ()):
                    _keep_newest(windows, record.key, record.value)
                end = consumer.highwater(place)
                if end is not None and await consumer.position(place) >= end:
                    return list(windows.values())
        finally:
            # A fetch's own cancellation may come out of it (aiokafka#647).
            await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=5.0)


def _keep_newest(
    windows: dict[bytes | None, TrendWindow], key: bytes | None, value: bytes | None
) -> None:
    if value is None:
        windows.pop(key, None)
        return
    try:
        window = decode_value(value, TrendWindow)
    except InvalidRecord as fault:
        raise RuntimeError(
            f"{SENTIMENT_TRENDS} holds a record that is no window: {fault}"
        ) from None
    known = windows.pop(key, None)
    windows[key] = window if known is None or window.messages >= known.messages else known
