"""Trend windows: equal to a fold over the scored messages, computed here, whatever happens."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scipy import stats

from harness.committed_reader import read_committed
from harness.kafka_topics import Record, Topics
from harness.messages import news_message
from harness.waiting import wait_for
from harness.worker import StartWorker, Worker
from tidings_streams.topics import (
    DEAD_LETTERS,
    NEWS_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

WINDOW_SECONDS = (60, 3_600, 86_400)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WEEK = 7 * 86_400
TEXTS = (
    "Microsoft beats expectations and raises its outlook",
    "Tesla shares plunge as deliveries miss estimates",
    "Boeing to hold its annual meeting on Tuesday",
    "Microsoft and Intel sign a supply agreement",
    "The weather on the coast stays mild this week",
)

Key = tuple[str, int, datetime]


def news(count: int) -> list[dict[str, Any]]:
    """Messages over some hours around midnight, not in the order of their times."""
    return [
        news_message(
            number,
            TEXTS[number % len(TEXTS)],
            published_at=(NOON + timedelta(seconds=(number * 7919) % 50_000)).isoformat(),
        )
        for number in range(count)
    ]


def fold(scored: Iterable[Record]) -> dict[Key, dict[str, Any]]:
    """What the windows must say of scored messages, each counted once."""
    once = {record.headers["ce_id"]: record.json for record in scored}
    groups: dict[Key, list[dict[str, Any]]] = {}
    for value in once.values():
        if value["ticker"] is None:
            continue
        second = math.floor(datetime.fromisoformat(value["published_at"]).timestamp())
        for seconds in WINDOW_SECONDS:
            start = datetime.fromtimestamp(second - second % seconds, UTC)
            groups.setdefault((value["ticker"], seconds, start), []).append(value)
    return {key: describe(values) for key, values in groups.items()}


def describe(values: list[dict[str, Any]]) -> dict[str, Any]:
    nets = [value["net_sentiment"] for value in values]
    mean, low, high = statistics.fmean(nets), -1.0, 1.0
    if len(nets) > 1:
        half = stats.t.ppf(0.975, len(nets) - 1) * statistics.stdev(nets) / math.sqrt(len(nets))
        low, high = max(-1.0, mean - half), min(1.0, mean + half)
    labels = [value["label"] for value in values]
    return {
        "messages": len(values),
        "mean": pytest.approx(mean, abs=1e-9),
        "low": pytest.approx(low, abs=1e-3),
        "high": pytest.approx(high, abs=1e-3),
        "share_positive": pytest.approx(labels.count("positive") / len(labels)),
        "share_negative": pytest.approx(labels.count("negative") / len(labels)),
    }


def newest(trends: Iterable[Record]) -> dict[Key, dict[str, Any]]:
    """The window that each key's newest record describes."""
    windows = {record.key: record.json for record in trends}
    fields = ("messages", "mean", "low", "high", "share_positive", "share_negative")
    return {
        (
            window["ticker"],
            window["window_seconds"],
            datetime.fromisoformat(window["window_start"]),
        ): {field: window[field] for field in fields}
        for window in windows.values()
    }


def wait_until_folded(topics: Topics) -> None:
    """Wait until every news message is scored and every scored one is in its windows."""
    topics.wait_until_committed("sentiment", NEWS_MESSAGES, timeout=120)
    topics.wait_until_committed("trends", SCORED_MESSAGES, timeout=120)


def test_windows_equal_a_fold_over_the_scored_messages(
    topics: Topics, start_worker: StartWorker
) -> None:
    start_worker("sentiment", lateness_seconds=WEEK)
    topics.produce_json(NEWS_MESSAGES, news(400), key="source")
    wait_until_folded(topics)

    windows = newest(topics.read_all(SENTIMENT_TRENDS))
    assert windows == fold(topics.read_all(SCORED_MESSAGES))
    assert {ticker for ticker, _, _ in windows} == {"MSFT", "TSLA", "BA", "INTC"}
    assert sum(each["messages"] for key, each in windows.items() if key[1] == 86_400) == 400


def test_window_is_keyed_by_what_it_is_and_stays_on_its_ticker_s_partition(
    topics: Topics, start_worker: StartWorker
) -> None:
    start_worker("sentiment")
    topics.produce_json(NEWS_MESSAGES, [news_message(1, TEXTS[0])])
    wait_until_folded(topics)

    (scored,) = topics.read_all(SCORED_MESSAGES)
    trends = topics.read_all(SENTIMENT_TRENDS)
    assert {record.key for record in trends} == {
        b"MSFT|60|2026-11-23T10:00:00Z",
        b"MSFT|3600|2026-11-23T10:00:00Z",
        b"MSFT|86400|2026-11-23T00:00:00Z",
    }
    assert {record.partition for record in trends} == {scored.partition}
    assert {record.headers["ce_type"] for record in trends} == {b"tidings.trend.updated"}
    assert len({record.headers["ce_id"] for record in trends}) == 3


def test_window_of_one_message_claims_nothing(topics: Topics, start_worker: StartWorker) -> None:
    start_worker("sentiment")
    topics.produce_json(NEWS_MESSAGES, [news_message(1, TEXTS[0])])
    wait_until_folded(topics)

    for window in newest(topics.read_all(SENTIMENT_TRENDS)).values():
        assert (window["messages"], window["low"], window["high"]) == (1, -1, 1)


@pytest.mark.parametrize("way", ["terminated", "killed"])
def test_windows_are_exact_after_a_worker_s_restart(
    topics: Topics, start_worker: StartWorker, way: str
) -> None:
    first, second = news(600)[:300], news(600)[300:]
    for half in (first, second):
        worker = start_worker("sentiment", lateness_seconds=WEEK, trend_interval_seconds=0.2)
        before = sum(topics.end_offsets(SENTIMENT_TRENDS).values())
        topics.produce_json(NEWS_MESSAGES, half, key="source")
        wait_for(
            lambda: sum(topics.end_offsets(SENTIMENT_TRENDS).values()),
            lambda written, before=before: written > before,
            what="the first windows of this half",
        )
        if way == "terminated":
            assert worker.terminate() == 0
        else:
            worker.kill()
    start_worker("sentiment", lateness_seconds=WEEK)
    wait_until_folded(topics)

    scored = topics.read_all(SCORED_MESSAGES)
    assert newest(topics.read_all(SENTIMENT_TRENDS)) == fold(scored)
    repeats = len(scored) - len({record.headers["ce_id"] for record in scored})
    print(f"{way} twice in 600 messages: {repeats} scores repeated")  # noqa: T201


def test_message_for_closed_windows_is_counted_as_late_and_changes_none(
    topics: Topics, start_worker: StartWorker
) -> None:
    worker = start_worker("sentiment", lateness_seconds=60)
    text = TEXTS[0]
    topics.produce_json(NEWS_MESSAGES, [news_message(1, text, published_at=NOON.isoformat())])
    wait_until_folded(topics)
    early = (NOON - timedelta(days=2)).isoformat()
    topics.produce_json(NEWS_MESSAGES, [news_message(2, text, published_at=early)])
    wait_until_folded(topics)

    wait_for(
        lambda: worker.samples("tidings_messages_total"),
        lambda counts: counts.get(("trends", "late")) == 1,
        what="the message to be counted as late",
    )
    windows = newest(topics.read_all(SENTIMENT_TRENDS))
    assert {start.date() for _, _, start in windows} == {NOON.date()}
    assert {window["messages"] for window in windows.values()} == {1}


@pytest.mark.parametrize("published_at", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z"])
def test_message_from_a_distant_past_has_its_windows(
    topics: Topics, start_worker: StartWorker, published_at: str
) -> None:
    start_worker("sentiment")
    topics.produce_json(NEWS_MESSAGES, [news_message(1, TEXTS[0], published_at=published_at)])
    wait_until_folded(topics)

    windows = newest(topics.read_all(SENTIMENT_TRENDS))
    assert windows == fold(topics.read_all(SCORED_MESSAGES))
    assert len(windows) == 3


def test_bad_scored_message_becomes_a_dead_letter_and_the_trends_go_on(
    topics: Topics, start_worker: StartWorker
) -> None:
    worker = start_worker("sentiment", lateness_seconds=WEEK)
    topics.produce_json(NEWS_MESSAGES, [news_message(1, TEXTS[0])])
    wait_until_folded(topics)
    (scored,) = topics.read_all(SCORED_MESSAGES)
    undated = {**scored.json, "published_at": "0001-01-01T00:00:00+14:00"}
    bad = [(scored.key, value, {}) for value in (None, b"zebra", json.dumps(undated).encode())]
    places = topics.produce(SCORED_MESSAGES, bad)
    topics.produce_json(NEWS_MESSAGES, [news_message(2, TEXTS[0])])
    wait_until_folded(topics)

    letters = [letter.json for letter in topics.read_all(DEAD_LETTERS)]
    assert [letter["reason"] for letter in letters] == ["null_value", "not_json", "invalid_field"]
    sources = [letter["source"] for letter in letters]
    assert [(each["partition"], each["offset"]) for each in sources] == places
    assert {each["topic"] for each in sources} == {SCORED_MESSAGES}
    assert {each["messages"] for each in newest(topics.read_all(SENTIMENT_TRENDS)).values()} == {2}
    assert worker.running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_windows_are_exact_when_workers_join_and_leave_while_news_come_in(
    topics: Topics, start_worker: StartWorker, delivery: str
) -> None:
    def start() -> Worker:
        return start_worker(
            "sentiment", lateness_seconds=WEEK, trend_interval_seconds=0.5, delivery=delivery
        )

    parts = [news(900)[at : at + 180] for at in range(0, 900, 180)]
    first = start()
    topics.produce_json(NEWS_MESSAGES, parts[0], key="source")
    second = start()
    topics.produce_json(NEWS_MESSAGES, parts[1], key="source")
    third = start()
    topics.produce_json(NEWS_MESSAGES, parts[2], key="source")
    assert first.terminate() == 0
    topics.produce_json(NEWS_MESSAGES, parts[3], key="source")
    second.kill()
    topics.produce_json(NEWS_MESSAGES, parts[4], key="source")
    topics.wait_until_committed("sentiment", NEWS_MESSAGES, timeout=120)

    # Behind the last committed offset a transaction's marker may stand: look at what was written.
    names = (SCORED_MESSAGES, SENTIMENT_TRENDS)
    written = wait_for(
        lambda: read_committed(topics.bootstrap_servers, names),
        lambda read: newest(read[SENTIMENT_TRENDS]) == fold(read[SCORED_MESSAGES]),
        what="the windows to equal a fold",
        interval=1.0,
    )
    assert third.running
    assert len({record.headers["ce_id"] for record in written[SCORED_MESSAGES]}) >= 900
