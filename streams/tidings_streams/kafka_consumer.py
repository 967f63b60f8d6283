"""One topic read in a consumer group: what is read, what is committed, and rebalances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from tidings_streams.aiokafka_offsets import heed_offset_fetch_errors
from tidings_streams.backoff import Backoff
from tidings_streams.kafka import InputRecord
from tidings_streams.kafka_connection import KafkaConnection

logger = logging.getLogger(__name__)

POLL_MILLISECONDS = 200
FETCH_BYTES_PER_PARTITION = 262_144
END_OFFSETS_TIMEOUT_SECONDS = 5.0
MOST_FAILURES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """How a consumer group behaves.

    `release_seconds` bounds how long a rebalance waits for what is in flight; a worker that reads
    nothing for `max_poll_seconds` leaves its group; a fetch of an idle topic is answered after
    `fetch_wait_seconds`.
    """

    session_timeout_seconds: float
    release_seconds: float
    commit_interval_seconds: float
    max_poll_seconds: float
    fetch_wait_seconds: float
    read_committed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHooks:
    """What happens when partitions come and go.

    `release` ends what is in flight before partitions go, `forget` follows when they are gone, and
    `assigned` when there are new ones.
    """

    release: Callable[[], Awaitable[None]]
    forget: Callable[[], None]
    assigned: Callable[[], None]


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
        self._committer: asyncio.Task[None] | None = None
        self._to_commit: dict[TopicPartition, int] = {}
        self._commit_wanted = asyncio.Event()
        self._committing = asyncio.Lock()
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
        self._consumer.subscribe([self.topic], listener=self)
        self._committer = asyncio.create_task(self._commit_forever())

    async def stop(self) -> None:
        """Commit what is left to commit, leave the group and disconnect."""
        self._ended.set()
        if self._committer is not None:
            self._committer.cancel()
            await asyncio.wait([self._committer])
        if self._consumer is not None:
            await self._commit_in_time()
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
        for task in (self._committer, fetcher):
            if task is not None and task.done():
                cause = None if task.cancelled() else task.exception()
                raise RuntimeError(f"a task of the consumer of {self.topic} ended") from cause

    def commit_soon(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets, of records read under the assignment in force, in a while."""
        self.note_delivered(offsets)
        self._to_commit |= offsets
        self._commit_wanted.set()

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
            await self._commit_in_time()
            await self._restart_committer()
        self._assignment += 1
        self._revoking = False
        self._to_commit.clear()
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

    async def _restart_committer(self) -> None:
        """End a commit that goes on: under the next assignment it would be accepted, and wrong."""
        committer, self._committer = self._committer, None
        if committer is not None:
            committer.cancel()
            await asyncio.wait([committer])
            self._committer = asyncio.create_task(self._commit_forever())

    async def _commit_forever(self) -> None:
        while True:
            await self._commit_wanted.wait()
            self._commit_wanted.clear()
            await self._commit()
            await asyncio.sleep(self._settings.commit_interval_seconds)

    async def _commit(self) -> None:
        async with self._committing:
            offsets, assignment = dict(self._to_commit), self._assignment
            if not offsets:
                return
            try:
                await self._consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError) as error:
                # A rebalance is on: it tries again, or whoever has the partitions repeats these.
                logger.warning("%s: offsets were not committed: %s", self.topic, error)
                return
            except KafkaError as error:
                await Backoff(first_seconds=1.0).wait(f"committing {self.topic}", error)
                self._commit_wanted.set()
                return
            if assignment == self._assignment:
                for place, offset in offsets.items():
                    if self._to_commit.get(place) == offset:
                        del self._to_commit[place]

    async def _commit_in_time(self) -> None:
        """Commit now, for as long as a session lasts at most."""
        try:
            async with asyncio.timeout(self._settings.session_timeout_seconds):
                await self._commit()
        except TimeoutError:
            logger.warning("%s: the last offsets could not be committed in time", self.topic)


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
