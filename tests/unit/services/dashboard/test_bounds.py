"""The picture's memory is bounded, and what is left out is the oldest."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.outputs import NOON, dead_letter, routed
from tidings_services.dashboard.decisions import (
    KEPT,
    MOST_CHARACTERS,
    LatestDecisions,
    failure,
    intent_decision,
)
from tidings_services.dashboard.rates import MOST_AGES, EventAges
from tidings_services.dashboard.tally import OTHER, Seen, Tally


def test_oldest_identity_is_forgotten_first() -> None:
    seen = Seen(most=2)

    assert [seen.is_new(name) for name in "abca"] == [True, True, True, True]
    assert not seen.is_new("c")
    assert len(seen) == 2


@given(st.lists(st.text(max_size=3)), st.integers(1, 5))
def test_tally_is_bounded_and_loses_no_count(labels: list[str], most_labels: int) -> None:
    tally = Tally(most_labels=most_labels)
    for label in labels:
        tally.add(label)

    assert tally.total == len(labels)
    assert len(tally) <= most_labels + 1


def test_label_beyond_the_bound_counts_as_other() -> None:
    tally = Tally(most_labels=1)
    for label in ("a", "b", "c"):
        tally.add(label)

    assert tally.most_common() == [(OTHER, 2), ("a", 1)]


def test_newest_decisions_are_kept_whatever_their_order_of_arrival() -> None:
    latest = LatestDecisions()
    for n in reversed(range(3 * KEPT)):
        latest.add(intent_decision(routed(n, at=NOON + timedelta(seconds=n))))

    newest = [decision.message_id for decision in latest.view()]

    assert newest == [f"m-{n}" for n in range(3 * KEPT - 1, 2 * KEPT - 1, -1)]


def test_busy_outcome_does_not_push_out_another() -> None:
    latest = LatestDecisions()
    latest.add(failure(dead_letter(0)))
    for n in range(1, 500):
        latest.add(intent_decision(routed(n, at=NOON + timedelta(seconds=n))))

    assert [decision.outcome for decision in latest.view()].count("dead") == 1


def test_long_text_is_cut() -> None:
    text = intent_decision(routed(text="x" * 20_000)).text

    assert len(text) == MOST_CHARACTERS
    assert text.endswith("…")


def test_ages_are_of_the_last_minute_only() -> None:
    ages = EventAges()
    ages.add(happened_at=0, decided_at=30)
    ages.add(happened_at=98, decided_at=100)

    assert ages.summary(now=120).p95 == 2


def test_number_of_ages_is_bounded() -> None:
    ages = EventAges()
    for n in range(3 * MOST_AGES):
        ages.add(happened_at=0, decided_at=1 + n / 1e6)

    assert len(ages._ages) == MOST_AGES


def test_producer_clock_ahead_of_the_worker_is_no_age() -> None:
    ages = EventAges()
    ages.add(happened_at=105, decided_at=100)

    assert ages.summary(now=101).p50 == 0
