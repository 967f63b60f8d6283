"""Writes outputs through an aiokafka producer: in order, acknowledged, for as long as it takes."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IllegalOperation,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.partitioner import DefaultPartitioner

from tidings_streams.backoff import Backoff
from tidings_streams.kafka import OutputRecord, OutputRefused
from tidings_streams.kafka_producer import Producer

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
NEVER = (
    TopicAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    InvalidTimestampError,
    PolicyViolationError,
)
FAILURES = (KafkaError, IllegalOperation, AssertionError)
"""What aiokafka raises where a batch could not be written; its asserts are about its own state."""

OnError = Callable[[Exception, Any, Backoff], Awaitable[None]]
"""Awaited with an error, the client that had it, and how long it has gone on."""
Place = tuple[str, int]
"""Topic and partition."""
Waiting = list[tuple[int, OutputRecord]]
"""Records with their positions in what `write` was given."""


class BatchRefused(Exception):  # noqa: N818 - the broker's word, not a fault
    """The broker refused a batch, and nothing more can be written in this transaction.

    `indices` are the positions of the batch's records in what `write` was given.
    """

    def __init__(self, indices: Sequence[int], refusal: OutputRefused) -> None:
        super().__init__(str(refusal))
        self.indices = indices
        self.refusal = refusal


class OutputWriter:
    """Writes records, each partition's in the order given.

    A partition's records go as one batch after the other, each acknowledged before the next is
    sent: a batch that has to be sent again can not be overtaken.  Kafka refuses a batch for one
    record that is too large; its records are then sent one by one, and only that one is refused.
    """

    def __init__(
        self, producer: Producer, *, on_error: OnError, in_transactions: bool = False
    ) -> None:
        """Write through a producer's client.

        `on_error` is awaited with every error that is no refusal; the batch is sent again after it
        returns, and given up where it raises.  In transactions a refusal raises BatchRefused.
        """
        self._producer = producer
        self._on_error = on_error
        self._in_transactions = in_transactions
        self._partitioner = DefaultPartitioner()

    async def write(
        self, records: Sequence[OutputRecord], *, one_by_one: bool = False
    ) -> list[OutputRefused | None]:
        """Write the records and wait until all in-sync replicas have them.

        One entry per record: None where it was acknowledged, or why it never will be.  With
        `one_by_one` each record is a batch.
        """
        results: list[OutputRefused | None] = [None] * len(records)
        waiting: dict[Place, Waiting] = defaultdict(list)
        choices: dict[str, _Choice | OutputRefused] = {}
        for index, record in enumerate(records):
            if record.topic not in choices:
                choices[record.topic] = await self._choice(record.topic)
            choice = choices[record.topic]
            if isinstance(choice, OutputRefused):
                results[index] = choice
            else:
                waiting[record.topic, choice.partition(record)].append((index, record))
        writers = [
            asyncio.ensure_future(
                self._write_partition(place, some, results, 1 if one_by_one else len(some))
            )
            for place, some in waiting.items()
        ]
        if writers:
            try:
                await asyncio.wait(writers)  # all of them end, also where one fails
            finally:
                for writer in writers:
                    writer.cancel()
            errors = [error for writer in writers if (error := writer.exception()) is not None]
            if errors:
                # The others fail because the transaction of the refused batch did.
                raise next((each for each in errors if isinstance(each, BatchRefused)), errors[0])
        return results

    async def _choice(self, topic: str) -> _Choice | OutputRefused:
        backoff = Backoff()
        while True:
            client = self._producer.current
            try:
                partitions = sorted(await self._producer.require().partitions_for(topic))
            except NEVER as error:
                return OutputRefused(f"{topic} refused a record: {type(error).__name__}")
            except FAILURES as error:
                await self._on_error(error, client, backoff)
            else:
                return _Choice(self._partitioner, partitions)

    async def _write_partition(
        self,
        place: Place,
        waiting: Waiting,
        results: list[OutputRefused | None],
        together: int,
    ) -> None:
        """Write a partition's records, up to `together` a batch, noting the refusals."""
        topic, partition = place
        at, count = 0, 0
        backoff = Backoff()
        while at < len(waiting):
            client = self._producer.current
            try:
                producer = self._producer.require()
                batch, count = _fill(producer.create_batch(), waiting[at : at + together])
                await (await producer.send_batch(batch, topic, partition=partition))
            except (*TOO_LARGE, *NEVER) as error:
                size = len(waiting[at][1].value)
                refusal = OutputRefused(
                    f"{topic} refused a record of {size} bytes: {type(error).__name__}"
                )
                if self._in_transactions:
                    indices = [index for index, _ in waiting[at : at + count]]
                    raise BatchRefused(indices, refusal) from error
                if count > 1 and isinstance(error, TOO_LARGE):
                    together = 1
                    continue
                results[waiting[at][0]] = refusal
                count = 1
            except FAILURES as error:
                await self._on_error(error, client, backoff)
                continue
            at += count
            backoff = Backoff()


class _Choice:
    """The partition of each record of one topic: its own, its key's, or any but the same one."""

    def __init__(self, partitioner: DefaultPartitioner, partitions: list[int]) -> None:
        self._partitioner = partitioner
        self._partitions = partitions
        self._without_key = random.choice(partitions)  # noqa: S311 - nothing secret

    def partition(self, record: OutputRecord) -> int:
        if record.partition is not None:
            return record.partition
        if record.key is None:
            return self._without_key
        return int(self._partitioner(record.key, self._partitions, self._partitions))


def _fill(batch: Any, waiting: Waiting) -> tuple[Any, int]:
    """Put in as many records as go, one at least; the batch and how many they are."""
    count = 0
    for _, record in waiting:
        headers = list(record.headers.items())
        if (
            batch.append(timestamp=None, key=record.key, value=record.value, headers=headers)
            is None
        ):
            break
        count += 1
    batch.close()
    return batch, count
