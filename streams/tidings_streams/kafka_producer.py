"""An aiokafka producer that can be made anew when it has failed for good."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tidings_streams.kafka_connection import KafkaConnection

BATCH_BYTES = 262_144
REQUEST_TIMEOUT_SECONDS = 20.0
TRANSACTION_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 5.0


class Producer:
    """Acknowledged by all in-sync replicas; `current` is the client that works now.

    With a `transactional_id`, starting fences whoever used it before and ends its transaction.
    """

    def __init__(self, connection: KafkaConnection, *, transactional_id: str | None = None) -> None:
        self._connection = connection
        self._transactional_id = transactional_id
        self._renewing = asyncio.Lock()
        self._client: Any = None

    @property
    def current(self) -> Any:
        """The client; start it first."""
        return self._client

    async def start(self) -> None:
        """Connect; raises KafkaError where no broker answers."""
        client = AIOKafkaProducer(
            **self._connection.client_options(),
            acks="all",
            transactional_id=self._transactional_id,
            transaction_timeout_ms=round(TRANSACTION_TIMEOUT_SECONDS * 1000),
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=round(REQUEST_TIMEOUT_SECONDS * 1000),
        )
        try:
            await client.start()
        except BaseException:
            await client.stop()
            raise
        self._client = client

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged by then is given up."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await client.stop()
        except (KafkaError, TimeoutError):
            await client.client.close()

    async def renew(self, failed: Any) -> None:
        """Put a new client in the place of one that failed, once for all who saw it fail."""
        async with self._renewing:
            if self._client is failed:
                await self.stop()
            if self._client is None:
                await self.start()
