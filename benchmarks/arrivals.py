"""Open-loop arrivals: messages leave when the schedule says, whatever the worker does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import selectors
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from benchmarks.kafka_bench import DECISIONS, PARTITIONS
from benchmarks.texts import customer_message

from tidings_streams.topics import CUSTOMER_MESSAGES

LEAD_SECONDS = 0.5
DRAIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Poisson arrivals of texts; ids count from `first`, so that runs can not be mixed up."""

    rate: float
    seconds: float
    seed: int
    first: int
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Seconds from a message's scheduled time to its decision at the reader, in schedule order.

    None where no decision came; `late` is how far behind the schedule each message was handed to
    the producer, which the latencies contain.
    """

    decided_after: tuple[float | None, ...]
    late: tuple[float, ...]


def poisson_schedule(*, rate: float, seconds: float, seed: int) -> list[float]:
    """Arrival times in seconds from the start, with exponential gaps of mean 1 / `rate`."""
    chance = random.Random(seed)  # noqa: S311 - arrivals, no secret
    times: list[float] = []
    at = chance.expovariate(rate)
    while at < seconds:
        times.append(at)
        at += chance.expovariate(rate)
    return times


def percentile(values: Sequence[float], rank: float) -> float:
    """The nearest-rank percentile: the least value that `rank` percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * rank / 100) - 1)]


def drive(servers: str, load: Load) -> Latencies:
    """Send the load and wait for its decisions, at most 20 s beyond its end."""
    # Waits by select(2) are exact to the microsecond; epoll's are rounded up to milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    try:
        return loop.run_until_complete(_drive(servers, load))
    finally:
        loop.close()


async def _drive(servers: str, load: Load) -> Latencies:
    schedule = poisson_schedule(rate=load.rate, seconds=load.seconds, seed=load.seed)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, enable_auto_commit=False, fetch_max_wait_ms=100
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks=1, linger_ms=0)
    await consumer.start()
    await producer.start()
    try:
        await _watch_decisions_from_now(consumer)
        decided: dict[int, float] = {}
        start = time.time() + LEAD_SECONDS
        reading = asyncio.create_task(_read(consumer, load, len(schedule), decided))
        late = await _send(producer, load, schedule, start)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reading, DRAIN_SECONDS)
    finally:
        await producer.stop()
        await consumer.stop()
    return Latencies(
        decided_after=tuple(
            decided[number] - start - at if number in decided else None
            for number, at in enumerate(schedule)
        ),
        late=tuple(late),
    )


async def _watch_decisions_from_now(consumer: AIOKafkaConsumer) -> None:
    places = [TopicPartition(topic, n) for topic in DECISIONS for n in range(PARTITIONS)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    for place in places:
        await consumer.position(place)


async def _send(
    producer: AIOKafkaProducer, load: Load, schedule: Sequence[float], start: float
) -> list[float]:
    late = []
    for number, at in enumerate(schedule):
        wait = start + at - time.time()
        if wait > 0:
            await asyncio.sleep(wait)
        late.append(time.time() - start - at)
        text = load.texts[number % len(load.texts)]
        key, value = customer_message(load.first + number, text)
        await producer.send(CUSTOMER_MESSAGES, value, key=key)
    return late


async def _read(
    consumer: AIOKafkaConsumer, load: Load, count: int, decided: dict[int, float]
) -> None:
    while len(decided) < count:
        found = await consumer.getmany(timeout_ms=1000)
        now = time.time()
        for records in found.values():
            for record in records:
                message = json.loads(record.value)["message_id"]
                number = int(message.removeprefix("m-")) - load.first
                if 0 <= number < count:
                    decided.setdefault(number, now)
