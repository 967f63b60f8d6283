"""An aiokafka producer that can be made anew when it has failed for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

from tidings_streams.kafka_connection import KafkaConnection

BATCH_BYTES = 262_144
REQUEST_TIMEOUT_SECONDS = 20.0
TRANSACTION_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 5.0


class Producer:
    """Acknowledged by all in-sync replicas; `current` is the client that works now.

    With a `transactional_id`, starting fences whoever used it before and ends its transaction.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        transactional_id: str | None = None,
        connect: Callable[..., Any] = AIOKafkaProducer,
    ) -> None:
        """Produce through clients that `connect` makes, of AIOKafkaProducer's options."""
        self._connection = connection
        self._connect = connect
        self._transactional_id = transactional_id
        self._renewing = asyncio.Lock()
        self._client: Any = None
        self._stopped = False

    @property
    def current(self) -> Any:
        """The client, or None before `start` and where it could not be renewed."""
        return self._client

    def require(self) -> Any:
        """The client; raises ProducerClosed where there is none."""
        if self._client is None:
            raise ProducerClosed
        return self._client

    async def start(self) -> None:
        """Connect; raises KafkaError where no broker answers, or after `stop`."""
        if self._stopped:
            raise ProducerClosed
        client = self._connect(
            **self._connection.client_options(),
            acks="all",
            transactional_id=self._transactional_id,
            transaction_timeout_ms=round(TRANSACTION_TIMEOUT_SECONDS * 1000),
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=round(REQUEST_TIMEOUT_SECONDS * 1000),
        )
        try:
            await client.start()
            if self._stopped:
                raise ProducerClosed
        except BaseException:
            await _close(client)
            raise
        self._client = client

    async def stop(self) -> None:
        """Disconnect for good; what is not acknowledged by then is given up."""
        self._stopped = True
        await self._drop()

    async def renew(self, failed: Any) -> None:
        """Put a new client in the place of one that failed, once for all who saw it fail.

        Raises KafkaError where none can be made now; there is no client then.
        """
        async with self._renewing:
            if self._client is failed:
                await self._drop()
            if self._client is None:
                await self.start()

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


async def _close(client: Any) -> None:
    """Stop a client in a bounded time; whoever waits for one of its batches is told."""
    stopping = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_TIMEOUT_SECONDS)
    stopping.cancel()
    if done and not stopping.cancelled() and stopping.exception() is None:
        return
    await client.client.close()
    sender = client._sender.sender_task  # noqa: SLF001 - aiokafka leaves it running
    if sender is not None:
        sender.cancel()
    client._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
