"""`Kafka` by aiokafka: a topic in, any topics out, at least once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from tidings_streams.backoff import Backoff
from tidings_streams.kafka import InputRecord, OutputRefused, Outputs, Substitute
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_writer import OutputWriter

logger = logging.getLogger(__name__)


class AtLeastOnceStream:
    """Outputs are acknowledged, then the offsets are committed; a crash in between repeats.

    A broker that is away is tried again for as long as it takes.
    """

    def __init__(
        self, consumer: GroupConsumer, producer: Producer, *, on_retry: Callable[[], None]
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._on_retry = on_retry
        self._writer = OutputWriter(producer, on_error=self._try_again)

    async def start(self) -> None:
        """Connect both ways and join the group."""
        await self._producer.start()
        await self._consumer.start()

    async def stop(self) -> None:
        """Commit, leave the group and disconnect."""
        await self._consumer.stop()
        await self._producer.stop()

    def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """See `Kafka.batches`."""
        return self._consumer.batches()

    async def deliver(
        self, records: Sequence[InputRecord], outputs: Sequence[Outputs], substitute: Substitute
    ) -> Sequence[bool]:
        """See `Kafka.deliver`."""
        current = [self._consumer.is_current(record) for record in records]
        rows = [row for row, is_current in enumerate(current) if is_current]
        await write_all(
            self._writer,
            [outputs[row] for row in rows],
            lambda index, refusal: substitute(rows[index], refusal),
        )
        done = [self._consumer.is_current(record) for record in records]
        self._consumer.commit_soon(
            {
                TopicPartition(record.topic, record.partition): record.offset + 1
                for record, is_done in zip(records, done, strict=True)
                if is_done
            }
        )
        return current

    async def _try_again(self, error: Exception, client: Any, backoff: Backoff) -> None:
        self._on_retry()
        await backoff.wait("writing outputs", error)
        if not getattr(error, "retriable", False):
            try:
                await self._producer.renew(client)
            except KafkaError as still:
                logger.warning("no new producer yet: %r", still)


async def write_all(
    writer: OutputWriter, outputs: Sequence[Outputs], substitute: Substitute
) -> None:
    """Write the outputs of some records; where one is refused, what stands for it instead.

    What goes elsewhere is written first, and where the decision is kept (the last output's topic)
    after it: a record whose copy for a queue is refused has no decision besides its dead letter.
    """
    left = list(enumerate(outputs))
    elsewhere = [
        (index, [output for output in some if output.topic != some[-1].topic])
        for index, some in left
    ]
    refused = await _write(writer, elsewhere)
    left = [
        (index, substitute(index, refused[index]))
        if index in refused
        else (index, [output for output in some if output.topic == some[-1].topic])
        for index, some in left
    ]
    while left:
        refused = await _write(writer, left)
        left = [(index, substitute(index, refusal)) for index, refusal in sorted(refused.items())]


async def _write(
    writer: OutputWriter, rows: Sequence[tuple[int, Outputs]]
) -> dict[int, OutputRefused]:
    """Write the outputs of rows with these indices; the first refusal of each row that has one."""
    chosen = [(index, output) for index, some in rows for output in some]
    replies = await writer.write([output for _, output in chosen])
    refused: dict[int, OutputRefused] = {}
    for (index, _), reply in zip(chosen, replies, strict=True):
        if reply is not None:
            refused.setdefault(index, reply)
    return refused
