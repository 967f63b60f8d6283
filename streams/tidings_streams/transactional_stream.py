"""`Kafka` by aiokafka, exactly once: outputs and offsets in one transaction per partition.

Each input partition has a producer of its own, whose transactional id is made of group, topic and
partition.  Whoever gets the partition starts a producer of that id: the brokers then end the
transaction of its predecessor and refuse it for good (fencing), and only after that the committed
offset is read, from which reading begins.  So every transaction begins at the offset that the last
one committed, whoever made it.  After a failure the offset tells whether the transaction took
place.  Faust's own guarantee was not used: faust-streaming issues 323 and 517.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from tidings_streams.backoff import Backoff
from tidings_streams.kafka import InputRecord, Outputs, Substitute
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_writer import FAILURES, BatchRefused, OutputWriter

logger = logging.getLogger(__name__)

REBALANCE_TIMEOUT_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class _Partition:
    """An input partition's producer, and the group's offset as of its last transaction."""

    producer: Producer
    committed: int | None


@dataclass(slots=True, kw_only=True)
class _Transaction:
    """What is to be written and committed together; `end` is the offset after its records."""

    place: TopicPartition
    end: int
    outputs: list[Outputs]
    one_by_one: bool = False


class _Superseded(Exception):  # noqa: N818 - a state, not a fault
    """The partition has another owner, or had one since."""


class ExactlyOnceStream:
    """What read-committed readers see of the outputs comes exactly once."""

    def __init__(
        self,
        consumer: GroupConsumer,
        connection: KafkaConnection,
        *,
        on_retry: Callable[[], None],
        connect: Callable[..., Any] = AIOKafkaProducer,
    ) -> None:
        """Write through clients that `connect` makes; `on_retry` hears of each failure."""
        self._consumer = consumer
        self._connection = connection
        self._on_retry = on_retry
        self._connect = connect
        self._partitions: dict[int, _Partition] = {}

    async def start(self) -> None:
        """Connect and join the group."""
        await self._consumer.start(self._prepare)

    async def stop(self) -> None:
        """Leave the group and disconnect."""
        await self._consumer.stop()
        await self._close()

    def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """See `Kafka.batches`."""
        return self._consumer.batches()

    async def _prepare(self, places: Sequence[TopicPartition]) -> None:
        """Fence the partitions' former owners, and read from where they came to."""
        assignment = self._consumer.assignment
        await self._close()
        await asyncio.gather(*(self._take_over(place, assignment) for place in places))

    async def deliver(
        self, records: Sequence[InputRecord], outputs: Sequence[Outputs], substitute: Substitute
    ) -> Sequence[bool]:
        """See `Kafka.deliver`; each partition's records are one transaction."""
        delivered = [False] * len(records)
        rows: dict[int, list[int]] = defaultdict(list)
        for row, record in enumerate(records):
            if self._consumer.is_current(record):
                rows[record.partition].append(row)

        async def deliver_partition(partition: int, mine: list[int]) -> None:
            last = records[mine[-1]]
            transaction = _Transaction(
                place=TopicPartition(last.topic, partition),
                end=last.offset + 1,
                outputs=[outputs[row] for row in mine],
            )
            try:
                await self._complete(
                    transaction,
                    lambda index, refusal: substitute(mine[index], refusal),
                    lambda: self._consumer.is_current(last),
                )
            except _Superseded:
                await self._await_rebalance(last)
                return
            for row in mine:
                delivered[row] = True
            if self._consumer.is_current(last):
                self._consumer.note_delivered({transaction.place: transaction.end})

        await asyncio.gather(*(deliver_partition(*each) for each in rows.items()))
        return delivered

    async def _take_over(self, place: TopicPartition, assignment: int) -> None:
        transactional_id = f"{self._consumer.group}-{place.topic}-{place.partition}"
        producer = Producer(
            self._connection, transactional_id=transactional_id, connect=self._connect
        )
        backoff = Backoff()
        while self._consumer.assignment == assignment and not self._consumer.revoking:
            try:
                await producer.renew(producer.current)
                committed = await self._consumer.committed(place)
                await self._consumer.read_from(place, committed)
            except KafkaError as error:
                await backoff.wait(f"taking over {place}", error)
            else:
                mine = _Partition(producer=producer, committed=committed)
                self._partitions[place.partition] = mine
                return
        await producer.stop()  # somebody else's meanwhile, and not to be fenced

    async def _complete(
        self, transaction: _Transaction, substitute: Substitute, is_ours: Callable[[], bool]
    ) -> None:
        """Make the transaction, however often it fails; raises _Superseded."""
        mine = self._partitions.get(transaction.place.partition)
        if mine is None:
            raise _Superseded
        backoff = Backoff()
        uncertain = False
        while is_ours():
            try:
                if uncertain:
                    await mine.producer.renew(mine.producer.current)
                    if await self._took_place(transaction, mine):
                        return
                    uncertain = False
                await self._transact(transaction, mine)
            except ProducerFenced as error:
                if self._consumer.revoking:
                    raise _Superseded from error  # the group has let somebody else have it
                uncertain = True
                await self._wait_to_retry(transaction, error, backoff)
            except BatchRefused as refused:
                uncertain = True
                self._put_in_its_place(transaction, refused, substitute)
            except FAILURES as error:
                uncertain = True
                await self._wait_to_retry(transaction, error, backoff)
            else:
                return
        raise _Superseded

    async def _wait_to_retry(
        self, transaction: _Transaction, error: Exception, backoff: Backoff
    ) -> None:
        self._on_retry()
        await backoff.wait(f"the transaction of {transaction.place}", error)

    async def _transact(self, transaction: _Transaction, mine: _Partition) -> None:
        producer = mine.producer.require()
        writer = OutputWriter(mine.producer, on_error=_give_up, in_transactions=True)
        await producer.begin_transaction()
        records = [output for outputs in transaction.outputs for output in outputs]
        replies = await writer.write(records, one_by_one=transaction.one_by_one)
        for index, refusal in enumerate(replies):
            if refusal is not None:
                raise BatchRefused([index], refusal)
        offsets = {transaction.place: transaction.end}
        await producer.send_offsets_to_transaction(offsets, self._consumer.group)
        await producer.commit_transaction()
        mine.committed = transaction.end

    async def _took_place(self, transaction: _Transaction, mine: _Partition) -> bool:
        """Whether a transaction of unknown end was committed; raises _Superseded."""
        committed = await self._consumer.committed(transaction.place)
        if committed == transaction.end:
            mine.committed = committed
            return True
        if committed != mine.committed:
            raise _Superseded
        return False

    @staticmethod
    def _put_in_its_place(
        transaction: _Transaction, refused: BatchRefused, substitute: Substitute
    ) -> None:
        """Replace the one refused output's record; several in a batch are tried one by one."""
        if len(refused.indices) > 1:
            transaction.one_by_one = True
            return
        owners = [row for row, outputs in enumerate(transaction.outputs) for _ in outputs]
        row = owners[refused.indices[0]]
        transaction.outputs[row] = substitute(row, refused.refusal)

    async def _await_rebalance(self, record: InputRecord) -> None:
        """Wait for the group to say that the partition is not ours.

        Raises RuntimeError where it does not: going on would leave records out.
        """
        logger.warning("%s/%d has another owner", record.topic, record.partition)
        end = asyncio.get_running_loop().time() + REBALANCE_TIMEOUT_SECONDS
        while self._consumer.is_current(record) and not self._consumer.revoking:
            if asyncio.get_running_loop().time() > end:
                raise RuntimeError(
                    f"another producer wrote for {record.topic}/{record.partition}, which is ours: "
                    f"does a worker outside of the group {self._consumer.group} use its name?"
                )
            await asyncio.sleep(0.1)

    async def _close(self) -> None:
        partitions, self._partitions = self._partitions, {}
        await asyncio.gather(*(each.producer.stop() for each in partitions.values()))


async def _give_up(error: Exception, _client: Any, _backoff: Backoff) -> None:
    raise error
