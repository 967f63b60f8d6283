"""Where every input went, counted from the topics alone: the chaos tests' own judge.

It knows nothing of the worker but the wire contract, and is kept beside `tidings audit` so that a
fault in either shows as a difference between the two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.chaos_input import KIND_HEADER, WHOLESOME
from harness.kafka_topics import Record
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
    queue_topic,
)

OUTCOMES = (ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS)
EXAMPLES = 5

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the inputs; all but the first three are 0 where nothing went wrong.

    `inputs` and `outputs` are counts of records, outputs without the queues' copies, and
    `dead_letters` those of them that are.  `missing`: inputs without any output.  `repeated`:
    outputs beyond the first of an input in a topic.  `in_several`: inputs in more than one topic of
    outcomes.  `unknown`: outputs of no input.  `unqueued`: routed inputs whose queue has no copy;
    `misqueued`: copies in a queue of an input that was not routed there; `queue_repeated`: copies
    beyond the first.  `misjudged`: poison that is no dead letter, and wholesome inputs that are one
    for another reason than a failed inference.  `misnamed`: event ids that two inputs share, or
    inputs with two in one topic.  `disordered`: inputs whose first output in a topic comes before
    that of an earlier one with the same key.
    """

    inputs: int
    outputs: int
    dead_letters: int
    missing: int
    repeated: int
    in_several: int
    unknown: int
    unqueued: int
    misqueued: int
    queue_repeated: int
    misjudged: int
    misnamed: int
    disordered: int
    examples: Mapping[str, Sequence[object]]

    def faults(self) -> dict[str, int]:
        """What may never be, by name; empty where the promise was kept at least once."""
        repeats = {"repeated", "queue_repeated"}
        counts = {name: count for name, count in asdict(self).items() if isinstance(count, int)}
        for name in ("inputs", "outputs", "dead_letters", *repeats):
            del counts[name]
        return {name: count for name, count in counts.items() if count}


def judge(
    inputs: Sequence[Record],
    outputs: Mapping[str, Sequence[Record]],
    queues: Mapping[str, Sequence[Record]],
) -> Verdict:
    """Judge by all records of `customer-messages`, of the outcomes' topics, and of the queues'.

    Each topic's records are in the order of partition and offset.
    """
    known = {record.place: record for record in inputs}
    found = {topic: Counter(_source(each) for each in outputs[topic]) for topic in OUTCOMES}
    topics_of: dict[Place, set[str]] = defaultdict(set)
    for topic, places in found.items():
        for place in places:
            topics_of[place].add(topic)
    faults: dict[str, list[object]] = {
        "missing": sorted(known.keys() - topics_of.keys()),
        "in_several": [place for place, topics in sorted(topics_of.items()) if len(topics) > 1],
        "unknown": sorted(topics_of.keys() - known.keys()),
        "misjudged": list(_misjudged(known, outputs)),
        "misnamed": list(_misnamed(outputs)),
        "disordered": list(_disordered(outputs)),
    }
    wanted = {(queue_topic(each.json["queue"]), _source(each)) for each in outputs[ROUTED_MESSAGES]}
    copies = Counter((topic, _source(each)) for topic in queues for each in queues[topic])
    faults["unqueued"] = sorted(wanted - copies.keys())
    faults["misqueued"] = sorted(copies.keys() - wanted)
    return Verdict(
        inputs=len(inputs),
        outputs=sum(places.total() for places in found.values()),
        dead_letters=found[DEAD_LETTERS].total(),
        repeated=sum(places.total() - len(places) for places in found.values()),
        queue_repeated=copies.total() - len(copies),
        examples={name: some[:EXAMPLES] for name, some in faults.items() if some},
        **{name: len(some) for name, some in faults.items()},
    )


def _source(output: Record) -> Place:
    source = output.json["source"]
    assert source["topic"] == CUSTOMER_MESSAGES, f"{output.topic} has an output of {source}"
    return source["partition"], source["offset"]


def _misjudged(
    known: Mapping[Place, Record], outputs: Mapping[str, Sequence[Record]]
) -> Iterable[tuple[str, Place, str]]:
    """Outputs that their input's kind, which its header tells, should not have had."""
    for topic in OUTCOMES:
        for output in outputs[topic]:
            place = _source(output)
            if place not in known:
                continue
            kind = known[place].headers[KIND_HEADER].decode()
            is_letter = topic == DEAD_LETTERS
            failed = is_letter and output.json["reason"] == "inference_failed"
            if is_letter != (kind != WHOLESOME) and not (kind == WHOLESOME and failed):
                yield topic, place, kind


def _misnamed(outputs: Mapping[str, Sequence[Record]]) -> Iterable[Any]:
    """Event ids that do not stand for exactly one (topic, input)."""
    named: dict[bytes, set[tuple[str, Place]]] = defaultdict(set)
    names: dict[tuple[str, Place], set[bytes]] = defaultdict(set)
    for topic in OUTCOMES:
        for output in outputs[topic]:
            where = (topic, _source(output))
            named[output.headers["ce_id"]].add(where)
            names[where].add(output.headers["ce_id"])
    yield from (sorted(places) for places in named.values() if len(places) > 1)
    yield from (place for place, ids in names.items() if len(ids) > 1)


def _disordered(outputs: Mapping[str, Sequence[Record]]) -> Iterable[tuple[str, Place]]:
    """Decisions whose first occurrence stands before that of an earlier input with their key.

    A key's inputs are all in one partition, and so are its outputs in one topic.
    """
    for topic in (ROUTED_MESSAGES, TRIAGE_MESSAGES):
        seen: set[Place] = set()
        latest: dict[tuple[bytes | None, int], int] = {}
        for output in outputs[topic]:
            partition, offset = place = _source(output)
            if place in seen:
                continue
            seen.add(place)
            if offset < latest.get((output.key, partition), -1):
                yield topic, place
            latest[output.key, partition] = max(offset, latest.get((output.key, partition), -1))
