"""Writes the originals of dead letters again, with headers that say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from tidings_services.dead_letter_choice import Choice
from tidings_services.dead_letter_originals import Headers, Original, find_originals
from tidings_services.dead_letter_reading import OnProgress, fetch_letters
from tidings_services.dead_letter_selection import Letter, LetterPlace
from tidings_services.kafka_faults import kafka_failure
from tidings_services.topic_reading import TopicReader
from tidings_streams.dead_letters import Replay, next_replay
from tidings_streams.kafka_connection import KafkaConnection
from tidings_streams.records import REPLAY_COUNT, REPLAY_LETTER, REPLAY_OF

TOGETHER = 500
MOST_BYTES = 64 * 1024 * 1024
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, TopicAuthorizationFailedError)
PROVENANCE = {REPLAY_OF, REPLAY_LETTER, REPLAY_COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A record to be written again; its partition is the original's, or the key's in another topic.

    `replay` is what its headers say of it.
    """

    letter: LetterPlace
    topic: str
    partition: int | None
    original: Original
    replay: Replay

    @property
    def headers(self) -> Headers:
        """The original's headers, and the provenance instead of an earlier one."""
        kept = (each for each in self.original.headers if each[0] not in PROVENANCE)
        return (*kept, *self.replay.headers().items())


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """What became of the letters: how many were written, and the places of the others.

    `without_original` are letters whose original is nowhere any more, `refused` says why the
    broker, or the client, does not take a record.
    """

    replayed: int = 0
    without_original: list[LetterPlace] = field(default_factory=list)
    refused: dict[LetterPlace, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every letter was replayed."""
        return not self.without_original and not self.refused


def make_replay(letter: Letter, original: Original, *, target: str) -> Replayed:
    """The record that replays a letter."""
    died = letter.content.source
    return Replayed(
        letter=letter.place,
        topic=target,
        partition=died.partition if target == died.topic else None,
        original=original,
        replay=next_replay(letter.source, died=died, headers=letter.headers),
    )


async def prepare(
    reader: TopicReader, choices: Sequence[Choice], result: ReplayResult
) -> AsyncIterator[list[Replayed]]:
    """The records to write, a few hundred together; what has no original goes to the result."""
    for start in range(0, len(choices), TOGETHER):
        some = choices[start : start + TOGETHER]
        letters = await fetch_letters(reader, [choice.place for choice in some])
        originals = await find_originals(reader, list(letters.values()))
        records = []
        for choice in some:
            original = originals.get(choice.place)
            if original is None:
                result.without_original.append(choice.place)
            else:
                letter = letters[choice.place]
                records.append(make_replay(letter, original, target=choice.target))
        yield records


async def replay(
    reader: TopicReader,
    connection: KafkaConnection,
    choices: Sequence[Choice],
    *,
    on_progress: OnProgress,
) -> ReplayResult:
    """Write the originals of the letters again, and wait for all in-sync replicas.

    Raises KafkaFailed where Kafka goes away: what was written by then is written.
    """
    result = ReplayResult()
    done = 0
    async with _producer(connection) as producer:
        async for records in prepare(reader, choices, result):
            await _write(producer, records, result)
            done = result.replayed + len(result.without_original) + len(result.refused)
            on_progress("replaying", done, len(choices) - done)
    return result


@asynccontextmanager
async def _producer(connection: KafkaConnection) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **connection.client_options(),
        client_id="tidings-replay",
        acks="all",
        linger_ms=10,
        max_batch_size=262_144,
        max_request_size=MOST_BYTES,
    )
    try:
        await producer.start()
        yield producer
    except (KafkaError, TimeoutError) as error:
        raise kafka_failure(connection.bootstrap_servers, error) from None
    finally:
        await producer.stop()


async def _write(
    producer: AIOKafkaProducer, records: Sequence[Replayed], result: ReplayResult
) -> None:
    """Write records and wait until each is acknowledged; a refusal goes to the result.

    The broker refuses a whole batch for one record that is too large, so those refused are tried
    again one by one.
    """
    alone: list[Replayed] = []
    sent: list[tuple[Replayed, asyncio.Future[object]]] = []
    for record in records:
        original = record.original
        if original.key is None and original.value is None:
            result.refused[record.letter] = "a record with neither key nor value can not be written"
            continue
        try:
            sent.append((record, await _send(producer, record)))
        except REFUSALS:
            alone.append(record)
    replies = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
    for (record, _), reply in zip(sent, replies, strict=True):
        if isinstance(reply, REFUSALS):
            alone.append(record)
        elif isinstance(reply, BaseException):
            raise reply
        else:
            result.replayed += 1
    for record in alone:
        try:
            await (await _send(producer, record))
            result.replayed += 1
        except REFUSALS as refusal:
            result.refused[record.letter] = type(refusal).__name__


async def _send(producer: AIOKafkaProducer, record: Replayed) -> asyncio.Future[object]:
    """Give a record to the producer; the future of its acknowledgement."""
    future: asyncio.Future[object] = await producer.send(
        record.topic,
        record.original.value,
        key=record.original.key,
        partition=record.partition,
        headers=list(record.headers),
    )
    return future
