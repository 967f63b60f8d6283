"""The service that runs a processor on a topic: started, watched, drained and stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from mode import Service

from tidings_streams.kafka import Kafka
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.processor import Processor

logger = logging.getLogger(__name__)


class StartedKafka(Kafka, Protocol):
    """A `Kafka` with a beginning and an end."""

    async def start(self) -> None:
        """Connect and join the group."""

    async def stop(self) -> None:
        """Commit, leave the group and disconnect."""


class StreamService(Service):
    """Runs one processor; an error of it crashes the worker.  `close` ends the step's threads.

    Stopping drains: no more is read, what was begun is delivered and committed, for
    `drain_seconds` at the most, and the group is left.
    """

    def __init__(
        self,
        *,
        kafka: StartedKafka,
        consumer: GroupConsumer,
        processor: Processor,
        drain_seconds: float,
        close: Callable[[], None],
    ) -> None:
        super().__init__()
        self._close = close
        self._kafka = kafka
        self._consumer = consumer
        self._processor = processor
        self._drain_seconds = drain_seconds
        self._running: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        """Connect and begin."""
        await self._kafka.start()
        self._running = asyncio.create_task(
            self._run(), name=f"processor of {self._consumer.topic}"
        )

    async def on_stop(self) -> None:
        """Drain and disconnect."""
        self._consumer.end()
        if self._running is not None:
            await self._drain(self._running)
        self._close()
        await self._kafka.stop()

    async def _run(self) -> None:
        try:
            await self._processor.run(self._kafka)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the worker loudly
            await self.crash(error)

    async def _drain(self, running: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._processor.release()
                await asyncio.shield(running)
        except TimeoutError:
            logger.warning(
                "%s: %d records were not done within %.0f s; they will be repeated",
                self._consumer.topic,
                self._processor.in_flight,
                self._drain_seconds,
            )
            running.cancel()
            await asyncio.wait([running])
