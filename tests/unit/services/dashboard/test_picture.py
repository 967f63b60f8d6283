"""What the picture shows of the records it took in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.outputs import NOON, dead_letter, routed, scored, trend, triaged
from tidings_services.dashboard.picture import SHOWN_INTENTS, Picture
from tidings_streams.records import NewsMessage, Reason, Value

NOW = NOON.timestamp()


def picture_of(*values: Value, now: float = NOW) -> Picture:
    picture = Picture(clock=lambda: now)
    for value in values:
        picture.fold(value)
    return picture


def total(picture: Picture, outcome: str) -> int:
    found: int = picture.view()["totals"]["outcomes"][outcome]["total"]
    return found


def test_each_outcome_is_counted_for_itself() -> None:
    picture = picture_of(
        routed(0), routed(1), triaged(2), dead_letter(3), scored(0), scored(0, ticker="HLVM")
    )

    totals = picture.view()["totals"]["outcomes"]

    assert {name: numbers["total"] for name, numbers in totals.items()} == {
        "routed": 2,
        "triaged": 1,
        "scored": 2,
        "dead": 1,
    }


def test_repeat_is_told_and_not_counted() -> None:
    picture = Picture(clock=lambda: NOW)

    assert picture.fold(routed(7))
    assert not picture.fold(routed(7, intent="lost_card"))

    assert total(picture, "routed") == 1
    assert len(picture.view()["decisions"]) == 1


def test_message_about_two_companies_is_two_records() -> None:
    assert total(picture_of(scored(0, ticker="A"), scored(0, ticker="B")), "scored") == 2


def test_message_without_company_is_counted() -> None:
    picture = picture_of(scored(0, ticker=None))

    assert total(picture, "scored") == 1
    assert picture.view()["decisions"][0].destination is None


@given(
    st.lists(
        st.tuples(st.sampled_from([routed, triaged, scored, dead_letter]), st.integers(0, 30)),
        max_size=120,
    )
)
def test_totals_are_the_number_of_distinct_records(records: list[tuple[Any, int]]) -> None:
    picture = picture_of(*(make(offset) for make, offset in records))
    # A customer message ends in one place: the first one to tell of it counts.
    distinct = {("news" if make is scored else "customer", offset) for make, offset in records}

    totals = picture.view()["totals"]["outcomes"]

    assert sum(numbers["total"] for numbers in totals.values()) == len(distinct)


@given(st.lists(st.integers(0, 400), max_size=60))
def test_history_holds_every_record_of_the_last_five_minutes(seconds_ago: list[int]) -> None:
    picture = picture_of(
        *(routed(n, at=NOON - timedelta(seconds=ago)) for n, ago in enumerate(seconds_ago))
    )

    throughput = picture.view()["throughput"]

    # The step that is not over yet is not shown: noon itself is not in the history.
    shown = sum(throughput["outcomes"]["routed"]) * throughput["step"]
    assert round(shown) == sum(1 for ago in seconds_ago if 1 <= ago <= 300)


def test_rate_is_of_the_last_five_complete_seconds() -> None:
    at = (NOON - timedelta(seconds=n % 5 + 1) for n in range(20))
    picture = picture_of(*(routed(n, at=moment) for n, moment in enumerate(at)))

    assert picture.view()["totals"]["outcomes"]["routed"]["per_second"] == 4.0


def test_old_backlog_does_not_count_as_rate() -> None:
    picture = picture_of(*(routed(n, at=NOON - timedelta(hours=1)) for n in range(20)))

    view = picture.view()

    assert view["totals"]["outcomes"]["routed"] == {"total": 20, "per_second": 0.0}
    assert view["ages"]["intents"].p50 is None


def test_clock_ahead_of_ours_is_taken_for_now() -> None:
    picture = picture_of(routed(0, at=NOON + timedelta(hours=1)), now=NOW + 0.5)

    assert sum(picture.view()["throughput"]["outcomes"]["routed"]) == 0
    assert total(picture, "routed") == 1


def test_intents_are_ordered_by_count_and_tell_how_many_were_triaged() -> None:
    picture = picture_of(
        routed(0, intent="lost_card"),
        routed(1, intent="lost_card"),
        routed(2, intent="age_limit"),
        triaged(3, intent="age_limit"),
    )

    assert picture.view()["intents"]["rows"] == [
        {"label": "lost_card", "count": 2, "triaged": 0},
        {"label": "age_limit", "count": 1, "triaged": 1},
    ]


def test_only_the_most_frequent_intents_are_shown() -> None:
    picture = picture_of(*(routed(n, intent=f"intent_{n}") for n in range(40)))

    intents = picture.view()["intents"]

    assert intents["known"] == 40
    assert len(intents["rows"]) == SHOWN_INTENTS


def test_triage_share_is_of_decided_customer_messages() -> None:
    picture = picture_of(
        routed(0), routed(1), routed(2), triaged(3, because="out_of_scope"), dead_letter(4)
    )

    triage = picture.view()["triage"]

    assert triage["share"] == 0.25
    assert triage["rows"] == [{"label": "out_of_scope", "count": 1}]


def test_nothing_decided_has_no_triage_share() -> None:
    assert picture_of().view()["triage"]["share"] is None


def test_dead_letters_are_counted_by_reason() -> None:
    picture = picture_of(dead_letter(0), dead_letter(1, reason=Reason.EMPTY_TEXT), dead_letter(2))

    assert picture.view()["dead_letters"] == {
        "total": 3,
        "rows": [{"label": "not_json", "count": 2}, {"label": "empty_text", "count": 1}],
    }


def test_event_age_is_from_the_event_to_its_decision() -> None:
    ages = (timedelta(milliseconds=10 * n) for n in range(1, 101))
    picture = picture_of(*(routed(n, sent_at=NOON - age) for n, age in enumerate(ages)))

    age = picture.view()["ages"]["intents"]

    assert (age.p50, age.p95) == (0.5, 0.95)


@pytest.mark.parametrize("name_first", [True, False])
def test_company_name_comes_with_the_trend_of_its_ticker(name_first: bool) -> None:
    window, message = trend("NGLB"), scored(0, ticker="NGLB", entity="Northgale Bank")
    picture = picture_of(*([message, window] if name_first else [window, message]))

    assert picture.view()["trends"][0].entity == "Northgale Bank"


def test_record_of_an_input_topic_is_a_programming_error() -> None:
    news = NewsMessage(id="1", text="t", published_at=NOON, source="wire")

    with pytest.raises(TypeError, match="NewsMessage"):
        Picture(clock=lambda: NOW).fold(news)
