"""The service that runs a worker's streams: started, watched, drained and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True, kw_only=True)
class Stream:
    """A processor on a topic; `close` ends the threads of its step."""

    kafka: StartedKafka
    consumer: GroupConsumer
    processor: Processor
    close: Callable[[], None]
    _running: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self, crash: Callable[[BaseException], Awaitable[None]]) -> None:
        """Connect and begin; an error that ends the processor goes to `crash`."""
        await self.kafka.start()

        async def run() -> None:
            try:
                await self.processor.run(self.kafka)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the worker loudly
                await crash(error)

        self._running = asyncio.create_task(run(), name=f"processor of {self.consumer.topic}")

    async def stop(self, drain_seconds: float) -> None:
        """Read no more, deliver what was begun for so long at the most, and disconnect."""
        self.consumer.end()
        if self._running is not None and not self._running.done():
            await self._drain(self._running, drain_seconds)
        self.close()
        await self.kafka.stop()

    async def _drain(self, running: asyncio.Task[None], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.processor.release()
                await asyncio.shield(running)
        except TimeoutError:
            logger.warning(
                "%s: %d records were not done within %.0f s; they will be repeated",
                self.consumer.topic,
                self.processor.in_flight,
                seconds,
            )
            running.cancel()
            await asyncio.wait([running])


class StreamService(Service):
    """Runs streams; an error of one crashes the worker, and all drain at the same time."""

    def __init__(self, streams: Sequence[Stream], *, drain_seconds: float) -> None:
        super().__init__()
        self._streams = streams
        self._drain_seconds = drain_seconds

    async def on_start(self) -> None:
        """Connect and begin."""
        for stream in self._streams:
            await stream.start(self.crash)

    async def on_stop(self) -> None:
        """Drain and disconnect."""
        await asyncio.gather(*(stream.stop(self._drain_seconds) for stream in self._streams))
