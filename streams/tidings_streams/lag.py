"""How far a worker is behind: the records of its partitions that are not yet processed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from prometheus_client import Gauge

LAG_INTERVAL_SECONDS = 2.0


def watch_lag(
    app: faust.App, *, topic: str, next_offsets: Mapping[tuple[str, int], int], gauge: Gauge
) -> None:
    """Set the gauge for each partition of a topic that the worker has, every few seconds.

    The lag is the high watermark, which comes with every fetch, less the offset after the last
    acknowledged record (`next_offsets`), or less the consumer's position before the first.
    """
    reported: set[int] = set()

    async def report() -> None:
        consumer = app.consumer
        places = {tp for tp in consumer.assignment() if tp.topic == topic}
        for partition in reported - {tp.partition for tp in places}:
            gauge.remove(topic, str(partition))
            reported.discard(partition)
        for tp in places:
            end = consumer.highwater(tp)
            begin = next_offsets.get((topic, tp.partition))
            if begin is None:
                begin = await _position(consumer, tp)
            if end is not None and begin is not None:
                gauge.labels(topic, str(tp.partition)).set(max(0, end - begin))
                reported.add(tp.partition)

    app.timer(interval=LAG_INTERVAL_SECONDS)(report)


async def _position(consumer: Any, place: Any) -> int | None:
    """The offset from which the consumer fetches next."""
    position: int | None = await consumer.position(place)
    return position
