"""Picks records of a partition by their offsets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaTimeoutError

POLL_MS = 200
FAR_OFFSETS = 2_000  # a record so far ahead is sought, a nearer one read up to


async def pick_records(
    consumer: AIOKafkaConsumer,
    place: TopicPartition,
    offsets: Sequence[int],
    *,
    patience_seconds: float,
) -> list[ConsumerRecord]:
    """The records of a partition at these ascending offsets, as far as they are there.

    Raises KafkaError and TimeoutError, the latter where nothing moved for so long.
    """
    found: list[ConsumerRecord] = []
    wanted = set(offsets)
    clock = asyncio.get_running_loop().time
    consumer.assign([place])
    async with asyncio.timeout(patience_seconds):
        await consumer.seek_to_beginning(place)
    position = await position_of(consumer, place, patience_seconds=patience_seconds)
    for offset in offsets:
        if offset > position + FAR_OFFSETS:
            consumer.seek(place, offset)
            position = offset
        moved_at = clock()
        while position <= offset:
            fetched = await consumer.getmany(place, timeout_ms=POLL_MS)
            found.extend(each for each in fetched.get(place, ()) if each.offset in wanted)
            before = position
            position = await position_of(consumer, place, patience_seconds=patience_seconds)
            if position < before or _ends_before(consumer, place, offset):
                return found
            if position > before:
                moved_at = clock()
            elif clock() - moved_at > patience_seconds:
                raise KafkaTimeoutError(f"nothing came for {patience_seconds:g} s")
    return found


async def position_of(
    consumer: AIOKafkaConsumer, place: TopicPartition, *, patience_seconds: float
) -> int:
    """The next offset of a partition; aiokafka would wait for a broker without an end."""
    async with asyncio.timeout(patience_seconds):
        position: int = await consumer.position(place)
        return position


def _ends_before(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> bool:
    """Whether a partition, or what of it is committed, is known to end before an offset."""
    ends = (consumer.highwater(place), consumer.last_stable_offset(place))
    return any(end is not None and 0 <= end <= offset for end in ends)
