"""Reads what an audit needs, in the order in which a live stream gives no false alarm.

1. The inputs, to where they end.
2. What the consumer group committed: the outputs of all inputs before that were acknowledged.
3. The outputs, to where they end now.  An open transaction at an end is waited for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from aiokafka import ConsumerRecord, TopicPartition

from tidings_services.audit_ledger import Ledger, RawOutput
from tidings_services.audit_report import AuditReport
from tidings_services.topic_reading import TopicReader
from tidings_streams import intents, sentiment
from tidings_streams.topics import CUSTOMER_MESSAGES, NEWS_MESSAGES

APPLICATIONS = {CUSTOMER_MESSAGES: intents.NAME, NEWS_MESSAGES: sentiment.NAME}
CLOCKS_DIFFER = timedelta(hours=1)
"""How much later than the broker a producer's clock may be: Kafka refuses records beyond it."""

Batch: TypeAlias = tuple[TopicPartition, Sequence[ConsumerRecord]]

OnProgress = Callable[[str, int, int], None]
"""Called with what is read ("inputs" or "outputs"), how many records were, how many are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What to audit: topics, the consumer group of each input topic that has one, and since when.

    `since` is compared with the records' timestamps.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    groups: Mapping[str, str]
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A finished audit: the report, and notes that a reader of it should know."""

    report: AuditReport
    notes: tuple[str, ...]


def groups_of(topics: Iterable[str], *, prefix: str, named: str | None = None) -> Mapping[str, str]:
    """The consumer group of each topic that has one: the named one, or else the application's.

    An empty name means that there is none.
    """
    if named is not None:
        return dict.fromkeys(topics, named) if named else {}
    return {topic: prefix + APPLICATIONS[topic] for topic in topics if topic in APPLICATIONS}


async def run_audit(reader: TopicReader, plan: AuditPlan, *, on_progress: OnProgress) -> Audit:
    """Read and compare; raises TopicUnknown, and what the reader raises."""
    inputs = await reader.partitions(plan.inputs)
    outputs = await reader.partitions(plan.outputs)
    ledger = Ledger(inputs=plan.inputs, outputs=plan.outputs)

    progress = _Progress(reader, "inputs", on_progress)
    async for place, records in progress.over(reader.read(inputs, since=plan.since)):
        ledger.add_inputs(place.topic, place.partition, [each.offset for each in records])
    for place in inputs:
        ledger.end_inputs(place.topic, place.partition, reader.ends[place])

    committed = {
        group: await reader.committed(group, inputs) for group in set(plan.groups.values())
    }

    progress = _Progress(reader, "outputs", on_progress)
    since = None if plan.since is None else plan.since - CLOCKS_DIFFER
    async for place, records in progress.over(reader.read(outputs, since=since)):
        ledger.add_outputs(place.topic, [_raw(record) for record in records])

    offsets = {
        (place.topic, place.partition): committed[plan.groups[place.topic]].get(place, 0)
        for place in inputs
        if place.topic in plan.groups
    }
    report = ledger.report(offsets)
    notes = [*_group_notes(plan, committed), *_held_back_notes(reader)]
    if report.missing and plan.since is None:
        notes += _retention_notes(reader)
    return Audit(report=report, notes=tuple(notes))


class _Progress:
    """Counts records as they are read, and tells."""

    def __init__(self, reader: TopicReader, what: str, on_progress: OnProgress) -> None:
        self._reader = reader
        self._what = what
        self._on_progress = on_progress
        self._count = 0

    async def over(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        async for place, records in batches:
            yield place, records
            self._count += len(records)
            self._on_progress(self._what, self._count, self._reader.remaining)


def _raw(record: ConsumerRecord) -> RawOutput:
    for name, value in record.headers:
        if name == "ce_id":
            return record.value, value
    return record.value, None


def _group_notes(
    plan: AuditPlan, committed: Mapping[str, Mapping[TopicPartition, int]]
) -> list[str]:
    return [
        f"the group {group} has committed nothing of {topic}: all of it may be pending.  "
        "If another group reads it, name that with --group."
        for topic, group in plan.groups.items()
        if not any(place.topic == topic for place in committed[group])
    ]


def _held_back_notes(reader: TopicReader) -> list[str]:
    return [
        f"{place.topic}, partition {place.partition} was read up to offset {offset} only: "
        "an open transaction hides what is behind"
        for place, offset in reader.held_back.items()
    ]


def _retention_notes(reader: TopicReader) -> list[str]:
    topics = sorted({place.topic for place, start in reader.starts.items() if start > 0})
    if not topics:
        return []
    return [
        f"retention took the oldest records of {', '.join(topics)}: where the outputs of a missing "
        "input may have been among them, audit with --since what is younger"
    ]
