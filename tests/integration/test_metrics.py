"""What a worker says of itself: health, readiness, and metrics as a real Prometheus sees them."""

from __future__ import annotations

import re

import httpx
import pytest

from harness.kafka_topics import Topics
from harness.messages import customer_message, encode, news_message
from harness.prometheus import Prometheus, StartPrometheus
from harness.waiting import wait_for
from harness.worker import StartWorker
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    NEWS_MESSAGES,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    TRIAGE_MESSAGES,
)

pytestmark = pytest.mark.kafka

FAMILY = re.compile(r"^# TYPE (tidings_\w+) (\w+)$", re.MULTILINE)


def query_until(prometheus: Prometheus, expression: str, expected: float) -> None:
    """Wait until a query returns a value."""
    wait_for(
        lambda: prometheus.value(expression),
        lambda value: value == expected,
        what=f"{expression} to be {expected:g}",
    )


@pytest.mark.prometheus
def test_prometheus_returns_the_counts_of_the_intent_router(
    topics: Topics, start_worker: StartWorker, start_prometheus: StartPrometheus
) -> None:
    worker = start_worker("intents")
    prometheus = start_prometheus({"intents": worker.address})
    records = [
        (None, encode(customer_message(number, text)), {})
        for number, text in enumerate(["How do I change my PIN?"] * 30 + ["zzxy qwrt vbnh"] * 5)
    ]
    bad = [(None, b"not JSON", {})] * 4 + [(b"key", None, {})] * 3
    topics.produce(CUSTOMER_MESSAGES, [*records, *bad])
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)

    routed = topics.read_all(ROUTED_MESSAGES)
    triaged = topics.read_all(TRIAGE_MESSAGES)
    assert len(routed) + len(triaged) == 35
    where = 'application="intents"'
    query_until(prometheus, f"sum(tidings_messages_total{{{where}}})", 42)
    for outcome, count in (("routed", len(routed)), ("dead_lettered", 7)):
        query_until(
            prometheus, f'sum(tidings_messages_total{{{where},outcome="{outcome}"}})', count
        )
    query_until(prometheus, f"sum(tidings_abstentions_total{{{where}}})", len(triaged))
    query_until(prometheus, f'tidings_dead_letters_total{{{where},reason="not_json"}}', 4)
    query_until(prometheus, f'tidings_dead_letters_total{{{where},reason="null_value"}}', 3)
    query_until(prometheus, f"sum(tidings_decisions_total{{{where}}})", len(routed))
    query_until(prometheus, f"sum(tidings_event_age_seconds_count{{{where}}})", 35)
    query_until(prometheus, f"sum(tidings_batch_messages_sum{{{where}}})", 42)
    query_until(prometheus, "sum(tidings_consumer_lag_records)", 0)
    (info,) = prometheus.query("tidings_model_info")
    bundle = routed[0].json["bundle"] if routed else triaged[0].json["bundle"]
    labels = dict(info)
    assert bundle == f"{labels['bundle']}@{labels['digest'][:12]}"
    assert labels["provider"] == "cpu"


@pytest.mark.prometheus
def test_prometheus_returns_the_counts_of_the_sentiment_monitor(
    topics: Topics, start_worker: StartWorker, start_prometheus: StartPrometheus
) -> None:
    worker = start_worker("sentiment")
    prometheus = start_prometheus({"sentiment": worker.address})
    texts = [
        "Microsoft and Intel sign a supply agreement",
        "Tesla shares plunge as deliveries miss estimates",
        "The weather on the coast stays mild this week",
    ]
    news = [news_message(number, text) for number, text in enumerate(texts * 10)]
    topics.produce(NEWS_MESSAGES, [(None, encode(each), {}) for each in news])
    topics.produce(NEWS_MESSAGES, [(None, b"[]", {})] * 2)
    topics.wait_until_committed("sentiment", NEWS_MESSAGES)
    topics.wait_until_committed("trends", SCORED_MESSAGES)

    assert len(topics.read_all(SCORED_MESSAGES)) == 40
    assert len(topics.read_all(DEAD_LETTERS)) == 2
    total = "tidings_messages_total"
    query_until(prometheus, f'{total}{{application="sentiment",outcome="scored"}}', 30)
    query_until(prometheus, f'{total}{{application="sentiment",outcome="dead_lettered"}}', 2)
    query_until(prometheus, f'{total}{{application="trends",outcome="counted"}}', 30)
    query_until(prometheus, f'{total}{{application="trends",outcome="without_ticker"}}', 10)
    query_until(prometheus, 'sum(tidings_decisions_total{application="sentiment"})', 40)
    query_until(prometheus, "tidings_trend_windows", 9)
    query_until(prometheus, "sum(tidings_consumer_lag_records)", 0)


def test_metrics_follow_the_naming_rule_and_carry_no_content(
    topics: Topics, start_worker: StartWorker
) -> None:
    worker = start_worker("intents")
    topics.produce_json(
        CUSTOMER_MESSAGES,
        [customer_message(1, "zebra", id="zebra-id", customer_id="zebra-customer")],
    )
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)
    samples = wait_for(
        lambda: worker.samples("tidings_messages_total"), what="the message to be counted"
    )

    page = worker.get("/metrics").text
    assert sum(samples.values()) == 1
    assert "zebra" not in page
    units = ("_total", "_seconds", "_bytes", "_messages", "_records", "_info", "_windows", "_ratio")
    kinds = {name: kind for name, kind in FAMILY.findall(page) if not name.endswith("_created")}
    assert "tidings_messages_total" in kinds
    assert [name for name in kinds if not name.endswith(units)] == []
    assert all((kind == "counter") == name.endswith("_total") for name, kind in kinds.items())


def test_log_carries_no_content(topics: Topics, start_worker: StartWorker) -> None:
    worker = start_worker("intents", log_level="debug")
    topics.produce_json(CUSTOMER_MESSAGES, [customer_message(1, "zebra crossing")])
    topics.produce(CUSTOMER_MESSAGES, [(None, b"zebra, not JSON", {})])
    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)

    assert worker.terminate() == 0
    assert "zebra" not in worker.log_text()


@pytest.mark.parametrize("application", ["intents", "sentiment"])
def test_worker_is_alive_and_ready_once_it_has_its_partitions(
    topics: Topics, start_worker: StartWorker, application: str
) -> None:
    worker = start_worker(application)

    assert worker.get("/healthz").status_code == 200
    assert worker.get("/readyz").status_code == 200
    assert worker.get("/metrics").headers["content-type"].startswith("text/plain")
    assert worker.get("/nothing").status_code == 404


def test_openmetrics_is_served_to_who_accepts_it(topics: Topics, start_worker: StartWorker) -> None:
    worker = start_worker("intents")

    page = httpx.get(
        f"http://{worker.address}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
        timeout=10,
    )
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert page.text.endswith("# EOF\n")


def test_port_in_use_is_told_with_the_setting_s_name(
    topics: Topics, start_worker: StartWorker
) -> None:
    first = start_worker("intents")
    second = start_worker("intents", wait=False, http_port=first.port)

    assert second.wait(timeout=60) != 0
    assert "TIDINGS_HTTP_PORT" in second.log_text()
