"""What the page does while the dashboard, or Kafka, is not there."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from harness.dashboard import DashboardProcess
from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics
from harness.outputs import routed
from harness.page import WatchedPage
from tidings_streams.records import encode_value
from tidings_streams.topics import ROUTED_MESSAGES

pytestmark = [pytest.mark.browser, pytest.mark.kafka]


def decide(topics: Topics, offset: int, text: str) -> None:
    decision = routed(offset, at=datetime.now(UTC), text=text)
    topics.produce(ROUTED_MESSAGES, [(b"key", encode_value(decision), {})])


def test_page_goes_on_after_the_dashboard_was_restarted(
    topics: Topics,
    page: WatchedPage,
    dashboard: DashboardProcess,
    start_dashboard: Callable[[], DashboardProcess],
) -> None:
    decide(topics, 1, "before")
    page.row("before").wait_for()

    began = time.monotonic()
    assert dashboard.terminate() == 0
    assert time.monotonic() - began < 5
    page.wait_for_text("#connection", "Reconnecting")
    assert "before" in page.text("#rows")
    start_dashboard()

    page.wait_for_text("#connection", "Live")
    decide(topics, 2, "after")
    page.row("after").wait_for()
    page.wait_for_text("#tile-routed .value", "2")


def test_page_says_that_kafka_is_away_and_goes_on_when_it_is_back(
    kafka: KafkaBroker, topics: Topics, page: WatchedPage
) -> None:
    decide(topics, 1, "before")
    page.row("before").wait_for()

    kafka.stop()
    try:
        page.wait_for_text("#connection", "Kafka is away")
        page.wait_for_text("#notice", "does not answer")
    finally:
        kafka.start()

    page.wait_for_text("#connection", "Live", timeout=60)
    decide(topics, 2, "after")
    page.row("after").wait_for()
    page.wait_for_text("#tile-routed .value", "2")
