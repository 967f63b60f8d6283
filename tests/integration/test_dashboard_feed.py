"""What the dashboard reads from a real Kafka, seen through its own answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from harness.dashboard import DashboardProcess
from harness.kafka_broker import KafkaBroker
from harness.kafka_topics import Topics
from harness.outputs import routed, scored, trend
from harness.processes import free_port
from harness.waiting import wait_for
from tidings_streams.records import Value, encode_value
from tidings_streams.topics import (
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
    topic_specs,
)

pytestmark = pytest.mark.kafka
Start = Callable[..., DashboardProcess]


@pytest.fixture
def start(topics: Topics, tmp_path: Path) -> Iterator[Start]:
    """Start a dashboard with settings; it is stopped at the end, within its time."""
    started: list[DashboardProcess] = []

    def begin(**settings: str) -> DashboardProcess:
        dashboard = DashboardProcess(
            port=free_port(),
            settings={"bootstrap_servers": topics.bootstrap_servers, **settings},
            log=tmp_path / "dashboard.log",
        )
        started.append(dashboard)
        dashboard.wait_until_alive()
        return dashboard

    yield begin
    for dashboard in started:
        assert dashboard.terminate(timeout=5) == 0


def produce(topics: Topics, topic: str, values: Iterable[Value]) -> None:
    topics.produce(topic, [(b"key", encode_value(value), {}) for value in values])


def now() -> datetime:
    return datetime.now(UTC)


def wait_for_total(dashboard: DashboardProcess, outcome: str, total: int) -> None:
    wait_for(
        lambda: dashboard.total(outcome),
        lambda number: number >= total,
        what=f"{total} {outcome}",
        timeout=30,
    )
    assert dashboard.total(outcome) == total


def wait_for_feed(dashboard: DashboardProcess, state: str) -> None:
    wait_for(
        lambda: dashboard.state()["feed"]["state"],
        lambda found: found == state,
        what=f"the feed to be {state}",
        timeout=60,
    )


def sample(dashboard: DashboardProcess, name: str) -> float:
    """The sum of a metric's samples."""
    lines = dashboard.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_earliest_counts_what_was_there_before(topics: Topics, start: Start) -> None:
    produce(topics, ROUTED_MESSAGES, [routed(n, at=now()) for n in range(500)])

    dashboard = start(dashboard_from="earliest")

    wait_for_total(dashboard, "routed", 500)
    assert sample(dashboard, "tidings_dashboard_records_total") == 500


def test_latest_begins_now_but_trends_have_their_history(topics: Topics, start: Start) -> None:
    produce(topics, ROUTED_MESSAGES, [routed(n, at=now()) for n in range(5)])
    produce(topics, SENTIMENT_TRENDS, [trend("NGLB", start=now())])
    dashboard = start(dashboard_from="latest")
    wait_for(lambda: dashboard.state()["trends"], what="the trend", timeout=30)

    produce(topics, ROUTED_MESSAGES, [routed(5, at=now(), text="the first that counts")])

    wait_for_total(dashboard, "routed", 1)
    assert dashboard.state()["decisions"][0]["text"] == "the first that counts"


def test_topic_that_is_created_later_is_read_from_its_beginning(
    topics: Topics, start: Start
) -> None:
    topics.delete_all()
    dashboard = start(dashboard_from="latest")
    wait_for_feed(dashboard, "waiting")
    assert topics.names() == []  # looking for a topic does not create it

    topics.create(topic_specs(queues=(), partitions=2))
    produce(topics, SCORED_MESSAGES, [scored(n, at=now()) for n in range(7)])

    wait_for_total(dashboard, "scored", 7)
    wait_for_feed(dashboard, "reading")


def test_unreadable_record_is_counted_and_skipped(topics: Topics, start: Start) -> None:
    bad = [b"not json", b"\xff\xfe", b"[" * 5000, b'{"message_id": 1}', b"null"]
    topics.produce(ROUTED_MESSAGES, [(b"k", value, {}) for value in bad], partition=0)
    topics.produce(ROUTED_MESSAGES, [(b"k", None, {})], partition=0)
    produce(topics, ROUTED_MESSAGES, [routed(1, at=now())])

    dashboard = start()

    wait_for_total(dashboard, "routed", 1)
    wait_for(
        lambda: sample(dashboard, "tidings_dashboard_undecodable_total"),
        lambda number: number == len(bad) + 1,
        what="the unreadable records to be counted",
        timeout=30,
    )


def test_deleted_window_is_no_fault(topics: Topics, start: Start) -> None:
    topics.produce(SENTIMENT_TRENDS, [(b"NGLB|60|0", None, {})])
    produce(topics, SENTIMENT_TRENDS, [trend("HLVM", start=now())])

    dashboard = start()

    wait_for(lambda: dashboard.state()["trends"], what="the trend", timeout=30)
    assert sample(dashboard, "tidings_dashboard_undecodable_total") == 0


def test_restarted_kafka_loses_and_repeats_nothing(
    kafka: KafkaBroker, topics: Topics, start: Start
) -> None:
    produce(topics, ROUTED_MESSAGES, [routed(n, at=now()) for n in range(40)])
    dashboard = start()
    wait_for_total(dashboard, "routed", 40)

    kafka.restart()
    produce(topics, ROUTED_MESSAGES, [routed(n, at=now()) for n in range(40, 60)])

    wait_for_total(dashboard, "routed", 60)
    assert sample(dashboard, "tidings_dashboard_repeats_total") == 0


def test_dashboard_started_before_kafka_waits_for_it(
    kafka: KafkaBroker, topics: Topics, start: Start
) -> None:
    produce(topics, ROUTED_MESSAGES, [routed(1, at=now())])
    kafka.stop()
    try:
        dashboard = start()
        wait_for_feed(dashboard, "away")
        assert dashboard.get("/readyz").status_code == 503
    finally:
        kafka.start()

    wait_for_total(dashboard, "routed", 1)
    assert dashboard.get("/readyz").status_code == 200


def test_open_stream_does_not_hold_up_the_stop(start: Start) -> None:
    dashboard = start()

    with httpx.stream("GET", f"{dashboard.url}/events", timeout=10) as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 1000"
        assert dashboard.terminate(timeout=5) == 0


def test_busy_port_is_told_in_one_line(start: Start, tmp_path: Path) -> None:
    port = int(start().url.rpartition(":")[2])

    second = DashboardProcess(port=port, settings={}, log=tmp_path / "second.log")

    assert second.wait(timeout=30) == 2
    assert second.log_text().count("\n") == 1
    assert f"can not bind to 127.0.0.1:{port}" in second.log_text()
