"""What a person sees on the page."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from harness.kafka_topics import Topics
from harness.outputs import dead_letter, routed, scored, trend, triaged
from harness.page import WatchedPage
from tidings_streams.records import Value, encode_value
from tidings_streams.topics import (
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
    TRIAGE_MESSAGES,
)

pytestmark = [pytest.mark.browser, pytest.mark.kafka]
MINUS = "\N{MINUS SIGN}"
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def produce(topics: Topics, topic: str, values: Iterable[Value]) -> None:
    topics.produce(topic, [(b"key", encode_value(value), {}) for value in values])


def produce_an_afternoon(topics: Topics) -> None:
    """20 routed, 4 triaged, 1 dead; 12 scored for two companies, with their trends."""
    now = datetime.now(UTC)
    produce(topics, ROUTED_MESSAGES, [routed(n, at=now) for n in range(12)])
    produce(
        topics,
        ROUTED_MESSAGES,
        [routed(n, at=now, intent="lost_card", queue="fraud") for n in range(12, 20)],
    )
    produce(topics, TRIAGE_MESSAGES, [triaged(n, at=now, queue="triage") for n in range(20, 24)])
    produce(topics, DEAD_LETTERS, [dead_letter(24, at=now)])
    produce(topics, SCORED_MESSAGES, [scored(n, ticker="NGLB", at=now) for n in range(8)])
    produce(topics, SCORED_MESSAGES, [scored(n, ticker="HLVM", at=now) for n in range(8, 12)])
    minute = now.replace(second=0, microsecond=0)
    windows = [
        trend(ticker, start=minute - timedelta(minutes=n), mean=mean, messages=messages)
        for ticker, mean, messages in (("NGLB", 0.4, 8), ("HLVM", -0.3, 4))
        for n in range(10)
    ]
    produce(topics, SENTIMENT_TRENDS, windows)


def test_empty_page_says_what_it_waits_for(page: WatchedPage) -> None:
    page.wait_for_text("#notice", "Waiting for messages")

    assert "tidings run intents" in page.text("#notice")
    assert "routed-messages" in page.text("#decisions-empty")
    assert page.text("#tile-routed .value") == "0"


def test_page_says_which_topics_are_missing(topics: Topics, page: WatchedPage) -> None:
    topics.delete_all()

    page.wait_for_text("#notice", "to be created")
    assert "tidings topics create" in page.text("#notice")


def test_totals_are_those_of_the_records(topics: Topics, page: WatchedPage) -> None:
    produce_an_afternoon(topics)

    page.wait_for_text("#tile-routed .value", "20")
    page.wait_for_text("#tile-scored .value", "12")
    page.wait_for_text("#tile-dead .value", "1")
    page.wait_for_text("#tile-triaged .value", "16.7 %")
    assert "4 of 24" in page.text("#tile-triaged")
    assert "250 ms" in page.text("#tile-age")


def test_bars_name_intents_queues_and_reasons(topics: Topics, page: WatchedPage) -> None:
    produce_an_afternoon(topics)

    page.wait_for_text("#intents", "Card arrival\n12\nLost card\n8")
    page.wait_for_text("#queues", "Cards\n12\nFraud\n8")
    page.wait_for_text("#triage", "Unsure\n4")
    page.wait_for_text("#dead", "Not json\n1")


def test_charts_are_drawn(topics: Topics, page: WatchedPage) -> None:
    produce_an_afternoon(topics)

    page.wait_for_text("#trend-head", "NGLB Company")
    page.wait_for_text("#tile-routed .value", "20")
    assert page.painted_pixels("#throughput-chart") > 1000
    assert page.painted_pixels("#trend-chart") > 1000


def test_choosing_a_company_enlarges_its_trend(topics: Topics, page: WatchedPage) -> None:
    produce_an_afternoon(topics)
    page.wait_for_text("#trend-head", "NGLB")
    page.wait_for_text(".card[data-ticker=HLVM]", f"{MINUS}0.30")

    page.page.locator(".card[data-ticker=HLVM]").focus()
    page.page.keyboard.press("Enter")

    page.wait_for_text("#trend-head", "HLVM")
    assert f"▼ {MINUS}0.30" in page.text("#trend-head")
    pressed = page.page.locator(".card[aria-pressed=true]")
    assert pressed.get_attribute("data-ticker") == "HLVM"


def test_latest_decision_appears_with_its_details(topics: Topics, page: WatchedPage) -> None:
    produce(topics, ROUTED_MESSAGES, [routed(1, at=datetime.now(UTC), text="my card is lost")])

    row = page.row("my card is lost")
    row.wait_for()
    assert "91.0 %" in row.inner_text()
    row.get_by_role("button", name="Details").click()
    page.wait_for_text("tr.details", "customer-messages, partition 0, offset 1")
    assert "Lost card" in page.text("tr.details")


def test_text_is_never_markup(topics: Topics, page: WatchedPage) -> None:
    now = datetime.now(UTC)
    produce(
        topics,
        ROUTED_MESSAGES,
        [routed(1, at=now, text=MARKUP, intent=MARKUP, queue=MARKUP, channel=MARKUP)],
    )
    produce(topics, SCORED_MESSAGES, [scored(1, at=now, ticker=MARKUP, entity=MARKUP)])
    produce(topics, SENTIMENT_TRENDS, [trend(MARKUP, start=now)])

    page.row(MARKUP).wait_for()
    page.wait_for_text("#trend-head", MARKUP)
    page.wait_for_text("#queues", "onerror")
    page.row(MARKUP).get_by_role("button", name="Details").click()

    assert page.page.locator("main img, main script").count() == 0


def test_filter_narrows_the_decisions(topics: Topics, page: WatchedPage) -> None:
    produce_an_afternoon(topics)
    page.wait_for_text("#rows", "Not json")

    page.page.get_by_role("button", name="Triage").click()
    page.wait_for_text("#decisions-aside", "4 matches")
    page.page.get_by_role("searchbox").fill("no such text")
    page.wait_for_text("#decisions-empty", "None of the latest decisions")
    page.page.get_by_role("button", name="All").click()
    page.page.get_by_role("searchbox").fill("FRAUD")
    page.wait_for_text("#decisions-aside", "8 matches")


def test_paused_page_stands_still(topics: Topics, page: WatchedPage) -> None:
    page.page.get_by_role("button", name="Pause").click()
    page.wait_for_text("#connection", "Paused")
    produce_an_afternoon(topics)
    time.sleep(2)
    assert page.text("#tile-routed .value") == "0"

    page.page.get_by_role("button", name="Resume").click()

    page.wait_for_text("#tile-routed .value", "20")


@pytest.mark.parametrize("width", [390, 720, 1024, 1440, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_its_window(topics: Topics, page: WatchedPage, width: int, scheme: str) -> None:
    long = "unbroken" * 60
    produce(topics, ROUTED_MESSAGES, [routed(1, at=datetime.now(UTC), text=long, queue=long)])

    page.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.page.set_viewport_size({"width": width, "height": 900})
    page.row("unbroken").wait_for()

    assert page.overflow() <= 0
