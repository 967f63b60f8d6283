"""The audit's ledger: small cases by name, and random ones against a naive reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_services.audit_ledger import Ledger, output_place
from tidings_services.audit_report import MOST_EXAMPLES, AuditReport

INPUT = "customer-messages"
OUTPUTS = ("routed-messages", "triage-messages", "dead-letters", "queue-cards")
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output by hand: where it is, what it names, and its event id."""

    topic: str
    source: Place | None
    identity: bytes | None = None

    @property
    def value(self) -> bytes:
        if self.source is None:
            return b'{"message_id": "m"}'
        topic, partition, offset = self.source
        place = {"topic": topic, "partition": partition, "offset": offset}
        return json.dumps({"message_id": "m", "source": place}).encode()


def routed(offset: int, *, topic: str = "routed-messages", partition: int = 0) -> Output:
    identity = f"{INPUT}/{partition}/{offset}/{topic}".encode()
    return Output(topic=topic, source=(INPUT, partition, offset), identity=identity)


def audit(
    offsets: Sequence[int],
    outputs: Sequence[Output],
    *,
    end: int | None = None,
    committed: int | None = None,
) -> AuditReport:
    """The report of one partition."""
    ledger = Ledger(inputs=(INPUT,), outputs=OUTPUTS)
    ledger.add_inputs(INPUT, 0, offsets)
    ledger.end_inputs(INPUT, 0, max(offsets) + 1 if end is None else end)
    for output in outputs:
        ledger.add_outputs(output.topic, [(output.value, output.identity)])
    return ledger.report({} if committed is None else {(INPUT, 0): committed})


def test_every_input_decided_is_nothing_missing() -> None:
    report = audit([5, 6, 9], [routed(5), routed(6), routed(9)])

    assert report.as_json() == {
        "inputs": 3, "outputs": 3, "missing": 0, "pending": 0, "repeated": 0, "in_several": 0,
        "expired": 0, "unreadable": 0, "missing_examples": [],
    }  # fmt: skip


def test_input_without_output_is_missing_and_named() -> None:
    report = audit([5, 6, 9], [routed(5), routed(9)])

    assert report.missing == 1
    assert report.as_json()["missing_examples"] == [{"topic": INPUT, "partition": 0, "offset": 6}]


def test_offset_without_a_record_is_no_input() -> None:
    assert audit([5, 9], [routed(5), routed(9)], end=20).inputs == 2


def test_input_that_the_group_has_not_committed_is_pending() -> None:
    report = audit([5, 6, 9], [], committed=6)

    assert (report.missing, report.pending) == (1, 2)
    assert report.partitions[0].first_missing == (5,)


def test_input_decided_ahead_of_the_commit_is_not_pending() -> None:
    assert audit([5, 6], [routed(6)], committed=5).pending == 1


def test_second_output_with_the_same_event_id_is_repeated() -> None:
    report = audit([5], [routed(5), routed(5), routed(5)])

    assert (report.repeated, report.in_several) == (2, 0)


def test_decision_and_dead_letter_are_several_places() -> None:
    report = audit([5, 6], [routed(5), routed(5, topic="dead-letters"), routed(6)])

    assert (report.in_several, report.repeated) == (1, 0)


def test_queue_holds_a_copy_and_is_no_other_place() -> None:
    report = audit([5], [routed(5), routed(5, topic="queue-cards")])

    assert (report.in_several, report.missing) == (0, 0)
    assert output_place("queue-cards") == "routed-messages"


def test_output_of_an_input_that_is_gone_or_too_new_is_expired() -> None:
    outputs = [routed(4), routed(5), routed(7), routed(10), routed(3, partition=8)]
    report = audit([5, 8], outputs, end=10)

    assert (report.gone, report.newer, report.expired) == (3, 1, 4)
    assert report.partitions[0].first_missing == (8,)


def test_output_of_another_input_topic_is_passed_over() -> None:
    other = Output(topic="dead-letters", source=("news-messages", 0, 5), identity=b"x")

    report = audit([5], [routed(5), other, other])

    assert (report.outputs, report.repeated, report.expired) == (1, 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b'{"source": "wire"}',
        b'{"source": {"topic": "customer-messages", "partition": 0}}',
        b'{"source": {"topic": "customer-messages", "partition": 0, "offset": -1}}',
        b'{"source": {"topic": "news-messages", "partition": 0, "offset": 9223372036854775808}}',
        b'{"source": {"topic": "customer-messages", "partition": 0, "offset": 1e30}}',
    ],
)
def test_output_that_names_no_input_is_unreadable(value: bytes | None) -> None:
    ledger = Ledger(inputs=(INPUT,), outputs=OUTPUTS)
    ledger.add_outputs("dead-letters", [(value, b"id")])

    report = ledger.report({})
    assert (report.unreadable, report.outputs) == (1, 1)


@pytest.mark.parametrize("places", [1, 7, 8, 15, 16, 31, 32, 63])
def test_every_output_topic_has_a_mark_of_its_own(places: int) -> None:
    topics = [f"out-{number}" for number in range(places)]
    ledger = Ledger(inputs=(INPUT,), outputs=topics)
    ledger.add_inputs(INPUT, 0, range(places + 1))
    for offset, topic in enumerate(topics):
        value = routed(offset).value
        ledger.add_outputs(topic, [(value, None)])
    ledger.add_outputs(topics[0], [(routed(places - 1).value, None)])

    report = ledger.report({})
    assert (report.decided, report.missing) == (places, 1)
    assert report.in_several == (1 if places > 1 else 0)


def test_a_million_offsets_and_more_are_counted_across_strides() -> None:
    count = 2_500_000
    ledger = Ledger(inputs=(INPUT,), outputs=("out",))
    for start in range(0, count, 100_000):
        ledger.add_inputs(INPUT, 0, range(start, start + 100_000))
    ledger.add_outputs("out", [(routed(offset).value, None) for offset in (0, 1_048_576)])

    report = ledger.report({(INPUT, 0): 1_500_000})
    assert (report.inputs, report.decided) == (count, 2)
    assert (report.missing, report.pending) == (1_499_998, 1_000_000)
    assert report.partitions[0].first_missing == tuple(range(1, 21))


topics = st.sampled_from(["customer-messages", "news-messages", "other"])
sources = st.tuples(topics, st.integers(0, 2), st.integers(0, 25))
made_outputs = st.builds(
    Output,
    topic=st.sampled_from(OUTPUTS),
    source=st.none() | sources,
    identity=st.none() | st.binary(max_size=1),
)
partitions = st.tuples(st.sampled_from(["customer-messages", "news-messages"]), st.integers(0, 2))
inputs_of_partitions = st.dictionaries(
    partitions, st.tuples(st.sets(st.integers(0, 20)), st.integers(0, 5))
)


def naive(
    inputs: dict[tuple[str, int], tuple[set[int], int]],
    outputs: Sequence[Output],
    committed: dict[tuple[str, int], int],
) -> dict[str, Any]:
    """The report by sets and loops, in the words of the documentation."""
    there = {(*place, offset) for place, (offsets, _) in inputs.items() for offset in offsets}
    audited = [each for each in outputs if each.source is None or each.source[0] != "other"]
    places: dict[Place, set[str]] = {}
    seen: set[bytes] = set()
    repeated = expired = 0
    for output in audited:
        if output.source is None:
            continue
        if output.source in there:
            places.setdefault(output.source, set()).add(output_place(output.topic))
        else:
            expired += 1
        if output.identity is not None:
            repeated += output.identity in seen
            seen.add(output.identity)
    open_ones = sorted(there - places.keys())
    missing = [at for at in open_ones if at[2] < committed.get(at[:2], 1_000)]
    return {
        "inputs": len(there),
        "outputs": len(audited),
        "missing": len(missing),
        "pending": len(open_ones) - len(missing),
        "repeated": repeated,
        "in_several": sum(len(several) > 1 for several in places.values()),
        "expired": expired,
        "unreadable": sum(each.source is None for each in audited),
        "missing_examples": [
            {"topic": topic, "partition": partition, "offset": offset}
            for topic, partition, offset in missing[:MOST_EXAMPLES]
        ],
    }


@given(
    inputs=inputs_of_partitions,
    outputs=st.lists(made_outputs),
    committed=st.dictionaries(partitions, st.integers(0, 25)),
    cut=st.integers(0, 20),
)
def test_report_equals_that_of_a_naive_reference(
    inputs: dict[tuple[str, int], tuple[set[int], int]],
    outputs: list[Output],
    committed: dict[tuple[str, int], int],
    cut: int,
) -> None:
    ledger = Ledger(inputs=("customer-messages", "news-messages"), outputs=OUTPUTS)
    for (topic, partition), (offsets, beyond) in inputs.items():
        ordered = sorted(offsets)
        for part in (ordered[:cut], ordered[cut:]):
            ledger.add_inputs(topic, partition, part)
        ledger.end_inputs(topic, partition, (ordered[-1] + 1 if ordered else 0) + beyond)
    for topic in OUTPUTS:
        ledger.add_outputs(
            topic, [(each.value, each.identity) for each in outputs if each.topic == topic]
        )

    assert ledger.report(committed).as_json() == naive(inputs, outputs, committed)
