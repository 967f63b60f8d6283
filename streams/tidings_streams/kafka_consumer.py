"""One topic read in a consumer group: what is read, what is committed, and rebalances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from tidings_streams.aiokafka_offsets import heed_offset_fetch_errors
from tidings_streams.backoff import Backoff
from tidings_streams.group_settings import GroupHooks, GroupSettings
from tidings_streams.kafka import InputRecord
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.offset_committer import OffsetCommitter

logger = logging.getLogger(__name__)

POLL_MILLISECONDS = 200
FETCH_BYTES_PER_PARTITION = 262_144
END_OFFSETS_TIMEOUT_SECONDS = 5.0
MOST_FAILURES = 8


Prepare = Callable[[Sequence[TopicPartition]], Awaitable[None]]
"""Makes partitions ready and says from which offsets they are read, by `read_from`."""


class GroupConsumer(ConsumerRebalanceListener):
    """A member of a consumer group on one topic; offsets are committed by `commit_soon` only."""

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        group: str,
        topic: str,
        settings: GroupSettings,
        hooks: GroupHooks,
        max_records: int,
        connect: Callable[..., Any] = AIOKafkaConsumer,
    ) -> None:
        """Belong to a group; `connect` makes the client, of AIOKafkaConsumer's options."""
        self.topic = topic
        self.group = group
        self.next_offsets: dict[int, int] = {}
        self._connection = connection
        self._settings = settings
        self._hooks = hooks
        self._max_records = max_records
        self._connect = connect
        self._consumer: Any = None
        self._committer: OffsetCommitter | None = None
        self._read_up_to: dict[int, int] = {}
        self._assignment = 0
        self._joined = False
        self._prepare: Prepare | None = None
        self._prepared = 0
        self._given = 0
        self._revoking = False
        self._ended = asyncio.Event()

    @property
    def revoking(self) -> bool:
        """Whether a rebalance has begun and waits for what is in flight."""
        return self._revoking

    @property
    def assigned(self) -> bool:
        """Whether the group has given this member its partitions, be they none."""
        return self._joined

    @property
    def assignment(self) -> int:
        """How many assignments of partitions there have been; each ends the one before."""
        return self._assignment

    def is_current(self, record: InputRecord) -> bool:
        """Whether the record was read under the assignment that is in force."""
        return record.assignment == self._assignment

    async def start(self, prepare: Prepare | None = None) -> None:
        """Connect and join the group; raises KafkaError where no broker answers.

        `prepare`, where given, is awaited before the first record of new partitions is taken.
        """
        settings = self._settings
        self._prepare = prepare
        self._consumer = self._connect(
            **self._connection.client_options(),
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if settings.read_committed else "read_uncommitted",
            session_timeout_ms=_milliseconds(settings.session_timeout_seconds),
            heartbeat_interval_ms=_milliseconds(settings.session_timeout_seconds / 4),
            rebalance_timeout_ms=_milliseconds(
                2 * settings.session_timeout_seconds + settings.release_seconds
            ),
            max_poll_interval_ms=_milliseconds(settings.max_poll_seconds),
            fetch_max_wait_ms=_milliseconds(settings.fetch_wait_seconds),
            max_partition_fetch_bytes=FETCH_BYTES_PER_PARTITION,
        )
        await self._consumer.start()
        heed_offset_fetch_errors(self._consumer)
        self._committer = OffsetCommitter(
            self._consumer,
            topic=self.topic,
            interval_seconds=settings.commit_interval_seconds,
            patience_seconds=settings.session_timeout_seconds,
        )
        self._consumer.subscribe([self.topic], listener=self)
        self._committer.start()

    async def stop(self) -> None:
        """Commit what is left to commit, leave the group and disconnect."""
        self._ended.set()
        if self._committer is not None:
            await self._committer.stop()
            await self._committer.commit_in_time()
        if self._consumer is not None:
            stopping = asyncio.ensure_future(self._consumer.stop())
            # A coordinator that hangs would be waited for, and a fetch's own cancellation may come
            # out of it (aiokafka#647): whatever it is, the group does without us soon.
            await asyncio.wait({stopping}, timeout=self._settings.session_timeout_seconds)
            stopping.cancel()

    def end(self) -> None:
        """Read no more: `batches` ends soon."""
        self._ended.set()

    async def batches(self) -> AsyncIterator[Sequence[InputRecord]]:
        """Yield what is there, up to `max_records`; see `Kafka.batches`."""
        failures = 0
        backoff = Backoff()
        while True:
            try:
                result = await self._fetch()
            except KafkaError as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                await backoff.wait(f"reading {self.topic}", error)
                continue
            if result is None:
                return
            failures, backoff = 0, Backoff()
            assignment, fetched = result
            if assignment != self._assignment or self._revoking:
                continue  # on its way when a rebalance began: read again, by whoever has it then
            if self._prepare is not None and self._prepared != assignment:
                if self._given == assignment:
                    await self._prepare(sorted(self._consumer.assignment()))
                    self._prepared = assignment
            elif fetched:
                for place, some in fetched.items():
                    self.next_offsets.setdefault(place.partition, some[0].offset)
                    self._read_up_to[place.partition] = some[-1].offset + 1
                yield [
                    _input_record(record, assignment)
                    for records in fetched.values()
                    for record in records
                ]

    async def _get(self) -> tuple[int, Mapping[TopicPartition, Sequence[Any]]]:
        """What there is, and the assignment under which aiokafka gave it."""
        fetched = await self._consumer.getmany(
            timeout_ms=POLL_MILLISECONDS, max_records=self._max_records
        )
        return self._assignment, fetched

    async def _fetch(self) -> tuple[int, Mapping[TopicPartition, Sequence[Any]]] | None:
        """What there is, perhaps nothing; None once reading has ended."""
        fetching = asyncio.ensure_future(self._get())
        ended = asyncio.ensure_future(self._ended.wait())
        await asyncio.wait({fetching, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if self._ended.is_set():
            fetching.cancel()
            await asyncio.wait({fetching})
            return None
        self._check_tasks()
        return fetching.result()

    def _check_tasks(self) -> None:
        """Raise RuntimeError where a task that goes on for ever has ended."""
        fetcher = self._consumer._fetcher.error_future  # noqa: SLF001 - nothing else tells
        committer = None if self._committer is None else self._committer.task
        for task in (committer, fetcher):
            if task is not None and task.done():
                cause = None if task.cancelled() else task.exception()
                raise RuntimeError(f"a task of the consumer of {self.topic} ended") from cause

    def commit_soon(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets, of records read under the assignment in force, in a while."""
        self.note_delivered(offsets)
        if self._committer is not None:
            self._committer.commit_soon(offsets)

    def note_delivered(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Know how far each partition is done; `offsets` are those of the next records."""
        self.next_offsets |= {place.partition: offset for place, offset in offsets.items()}

    async def committed(self, place: TopicPartition) -> int | None:
        """The group's committed offset of a partition, or None."""
        offset: int | None = await self._consumer.committed(place)
        return offset

    async def lags(self) -> dict[int, int]:
        """The number of records of each own partition that are not done.

        Raises KafkaError or TimeoutError where the brokers do not say.
        """
        places = list(self._consumer.assignment())
        if not places:
            return {}
        async with asyncio.timeout(END_OFFSETS_TIMEOUT_SECONDS):
            ends = await self._consumer.end_offsets(places)
            return {
                place.partition: max(0, ends[place] - await self._next_offset(place))
                for place in places
            }

    async def _next_offset(self, place: TopicPartition) -> int:
        done = self.next_offsets.get(place.partition)
        if done is None or done == self._read_up_to[place.partition]:
            # Nothing is under way; the position is also behind what is no record, such as markers.
            position: int = await self._consumer.position(place)
            return position
        return done

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """End what is in flight and commit it, before anybody else gets the partitions."""
        self._revoking = True
        if revoked:
            try:
                async with asyncio.timeout(self._settings.release_seconds):
                    await self._hooks.release()
            except TimeoutError:
                logger.warning(
                    "%s: what is in flight was not done within %.0f s; it will be repeated",
                    self.topic,
                    self._settings.release_seconds,
                )
            if self._committer is not None:
                await self._committer.commit_in_time()
                await self._committer.forget()
        self._assignment += 1
        self._revoking = False
        self.next_offsets.clear()
        self._read_up_to.clear()
        self._hooks.forget()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Go on with the partitions that the group gave."""
        self._joined = True
        self._given = self._assignment
        self._hooks.assigned()

    async def read_from(self, place: TopicPartition, offset: int | None) -> None:
        """Read a partition from an offset on, or from its beginning."""
        if offset is None:
            await self._consumer.seek_to_beginning(place)
        else:
            self._consumer.seek(place, offset)


def _input_record(record: Any, assignment: int) -> InputRecord:
    return InputRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers={name: value for name, value in record.headers if value},
        assignment=assignment,
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
