"""Commits a consumer group's offsets, every so often and when partitions go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from tidings_streams.backoff import Backoff

logger = logging.getLogger(__name__)


class OffsetCommitter:
    """Commits through a started aiokafka consumer, once every `interval_seconds` at the most.

    `patience_seconds` bounds a commit that somebody waits for.
    """

    def __init__(
        self, consumer: Any, *, topic: str, interval_seconds: float, patience_seconds: float
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._interval_seconds = interval_seconds
        self._patience_seconds = patience_seconds
        self._waiting: dict[TopicPartition, int] = {}
        self._wanted = asyncio.Event()
        self._committing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What commits, for as long as it is started; it ends by itself only of an error."""
        return self._task

    def start(self) -> None:
        """Begin to commit what is wanted."""
        self._task = asyncio.create_task(self._commit_forever())

    async def stop(self) -> None:
        """End, also a commit that goes on."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def commit_soon(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets, of the next records, within the interval."""
        self._waiting |= offsets
        self._wanted.set()

    async def commit_in_time(self) -> None:
        """Commit now what waits, for a bounded time."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._commit()
        except TimeoutError:
            logger.warning("%s: the last offsets could not be committed in time", self._topic)

    async def forget(self) -> None:
        """Commit nothing of what was wanted: the partitions may be somebody else's.

        A commit that goes on is ended: under the next assignment it would be accepted, and wrong.
        """
        if self._task is not None:
            await self.stop()
            self.start()
        self._waiting.clear()

    async def _commit_forever(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._commit()
            await asyncio.sleep(self._interval_seconds)

    async def _commit(self) -> None:
        async with self._committing:
            offsets = dict(self._waiting)
            if not offsets:
                return
            try:
                await self._consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError) as error:
                # A rebalance is on: it tries again, or whoever has the partitions repeats these.
                logger.warning("%s: offsets were not committed: %s", self._topic, error)
                return
            except KafkaError as error:
                await Backoff(first_seconds=1.0).wait(f"committing {self._topic}", error)
                self._wanted.set()
                return
            for place, offset in offsets.items():
                if self._waiting.get(place) == offset:
                    del self._waiting[place]
