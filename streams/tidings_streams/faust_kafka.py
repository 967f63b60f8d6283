"""`Kafka` through Faust's own consumer and producer.

The settings and the structure are the ones that lost nothing when measured: raw bytes in and out,
`noack_take`, every output gathered, then the acknowledgement, one concurrent batch per agent, and a
supervisor that stops the worker on an error.  faust-streaming's issues 606 (concurrency commits
past messages in flight), 189, 315 and 527 (noack) say why.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from faust.auth import SASLCredentials, SSLCredentials
from faust.exceptions import ProducerSendError
from mode.supervisors import CrashingSupervisor

from tidings_streams.kafka import InputRecord, OutputRecord, OutputRefused, Outputs, Substitute
from tidings_streams.kafka_connection import KafkaConnection

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, TopicAuthorizationFailedError)


def build_app(
    *,
    group: str,
    connection: KafkaConnection,
    session_timeout_seconds: float,
    commit_interval_seconds: float,
) -> faust.App:
    """A Faust app whose id is the consumer group; topics are made beforehand, never by it."""
    servers = ";".join(f"kafka://{server}" for server in connection.bootstrap_servers.split(","))
    return faust.App(
        group,
        broker=servers,
        broker_credentials=_credentials(connection),
        broker_session_timeout=session_timeout_seconds,
        broker_heartbeat_interval=session_timeout_seconds / 4,
        broker_commit_interval=commit_interval_seconds,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_linger=0.01,
        producer_max_batch_size=262_144,
        stream_buffer_maxsize=512,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / f"{group}-data"),
        worker_redirect_stdouts=False,
    )


def _credentials(connection: KafkaConnection) -> SASLCredentials | SSLCredentials | None:
    context: ssl.SSLContext | None = connection.ssl_context
    if connection.security_protocol.startswith("SASL"):
        return SASLCredentials(
            username=connection.sasl_username,
            password=connection.sasl_password,
            mechanism=connection.sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None


class FaustStream:
    """A topic's records through an agent's stream, and outputs through the app's producer."""

    def __init__(self, app: faust.App, stream: Any, *, max_messages: int) -> None:
        self._app = app
        self._stream = stream
        self._max_messages = max_messages
        self._events: deque[Any] = deque()

    async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """Yield up to `max_messages` records, or those of 2 ms."""
        async for events in self._stream.noack_take(self._max_messages, within=0.002):
            self._events.extend(events)
            yield [_input_record(event.message) for event in events]

    async def deliver(
        self, records: Sequence[InputRecord], outputs: Sequence[Outputs], substitute: Substitute
    ) -> Sequence[bool]:
        """Send, gather, acknowledge; Faust commits what is behind no gap."""
        pending = list(enumerate(outputs))
        while pending:
            flat = [(index, output) for index, some in pending for output in some]
            replies = await self._send([output for _, output in flat])
            refused = {
                index: reply
                for (index, _), reply in zip(flat, replies, strict=True)
                if reply is not None
            }
            pending = [(index, substitute(index, reply)) for index, reply in refused.items()]
        for record in records:
            event = self._events.popleft()
            if (event.message.partition, event.message.offset) != (record.partition, record.offset):
                raise RuntimeError("records are delivered in the order in which they were read")
            await self._stream.ack(event)
        return [True] * len(records)

    async def _send(self, records: Sequence[OutputRecord]) -> list[OutputRefused | None]:
        producer = await self._app.maybe_start_producer()
        sent: list[Awaitable[object] | OutputRefused] = []
        for record in records:
            try:
                sent.append(
                    await producer.send(
                        record.topic,
                        record.key,
                        record.value,
                        record.partition,
                        None,
                        dict(record.headers),
                    )
                )
            except ProducerSendError as error:
                sent.append(_refusal(record, error.__cause__ or error))
        waiting = [future for future in sent if not isinstance(future, OutputRefused)]
        replies = iter(await asyncio.gather(*waiting, return_exceptions=True))
        results: list[OutputRefused | None] = []
        for record, future in zip(records, sent, strict=True):
            reply = future if isinstance(future, OutputRefused) else next(replies)
            if isinstance(reply, OutputRefused):
                results.append(reply)
            else:
                is_error = isinstance(reply, BaseException)
                results.append(_refusal(record, reply) if is_error else None)
        return results


def _input_record(message: Any) -> InputRecord:
    return InputRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={name: value for name, value in dict(message.headers or ()).items() if value},
    )


def _refusal(record: OutputRecord, error: Any) -> OutputRefused:
    """The refusal that an error stands for; raises the error where it stands for none."""
    if isinstance(error, REFUSALS):
        return OutputRefused(
            f"{record.topic} refused a record of {len(record.value)} bytes: {type(error).__name__}"
        )
    raise error


Run = Callable[[Any], Awaitable[None]]


def add_agent(app: faust.App, *, topic: str, run: Run) -> None:
    """Let `run` consume a topic's stream of raw records, and stop the worker where it raises."""
    channel = app.topic(
        topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    async def consume(stream: Any) -> None:
        await run(stream)

    app.agent(channel, name=topic, concurrency=1, supervisor_strategy=CrashingSupervisor)(consume)
