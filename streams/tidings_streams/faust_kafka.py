"""Kafka through Faust: the app, its input, its output.

The settings and the structure are the ones that lost nothing when measured: raw bytes in and out,
`noack_take`, every output gathered, then the acknowledgement, one concurrent batch per agent, and a
supervisor that stops the worker on an error.  faust-streaming's issues 606 (concurrency commits
past messages in flight), 189, 315 and 527 (noack) say why.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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

from tidings_streams.kafka import InputRecord, OutputRecord, OutputRefused

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, TopicAuthorizationFailedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """How to reach the brokers; `bootstrap_servers` are host:port, separated by commas."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = None

    def client_options(self) -> dict[str, Any]:
        """The connection as keyword arguments of an aiokafka or kafka-python client."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "security_protocol": self.security_protocol,
        }
        if self.ssl_context is not None:
            options["ssl_context"] = self.ssl_context
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return options

    def faust_credentials(self) -> SASLCredentials | SSLCredentials | None:
        """The connection's credentials as Faust wants them."""
        if self.security_protocol.startswith("SASL"):
            return SASLCredentials(
                username=self.sasl_username,
                password=self.sasl_password,
                mechanism=self.sasl_mechanism,
                ssl_context=self.ssl_context,
            )
        return SSLCredentials(self.ssl_context) if self.ssl_context is not None else None


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
        broker_credentials=connection.faust_credentials(),
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


class FaustInput:
    """A topic's records through an agent's stream, in batches.

    `next_offsets` is kept at the offset after the last acknowledged one, by topic and partition.
    """

    def __init__(
        self,
        stream: Any,
        *,
        max_messages: int,
        max_wait_seconds: float,
        next_offsets: dict[tuple[str, int], int],
    ) -> None:
        self._stream = stream
        self._next_offsets = next_offsets
        self._max_messages = max_messages
        self._max_wait_seconds = max_wait_seconds
        self._events: Sequence[Any] = ()

    async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """Yield up to `max_messages` records, or those of `max_wait_seconds`."""
        taken = self._stream.noack_take(self._max_messages, within=self._max_wait_seconds)
        async for events in taken:
            self._events = events
            yield [_input_record(event.message) for event in events]

    async def commit(self, batch: Sequence[InputRecord]) -> None:
        """Acknowledge the batch that was yielded last; Faust commits what is behind no gap."""
        if len(batch) != len(self._events):
            raise RuntimeError("only the batch that was yielded last can be committed")
        for event in self._events:
            await self._stream.ack(event)
        self._next_offsets |= {(r.topic, r.partition): r.offset + 1 for r in batch}
        self._events = ()


def _input_record(message: Any) -> InputRecord:
    return InputRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={name: value for name, value in dict(message.headers or ()).items() if value},
    )


class FaustOutput:
    """Records to Kafka through the app's producer, every one acknowledged."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def send(self, records: Sequence[OutputRecord]) -> list[OutputRefused | None]:
        """Write the records and wait for the brokers; see `Output.send`."""
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
