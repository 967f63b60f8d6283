"""The tests' own Prometheus: what a process exposes is what its query API returns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server

from harness.processes import LOOPBACK, free_port
from harness.prometheus import StartPrometheus
from harness.waiting import wait_for

pytestmark = pytest.mark.prometheus


@pytest.fixture
def exposed() -> Iterator[tuple[Counter, str]]:
    """A counter with a label, and the address that exposes it."""
    registry = CollectorRegistry()
    counter = Counter("tidings_checks", "Checks.", ["kind"], registry=registry)
    port = free_port()
    server, thread = start_http_server(port, LOOPBACK, registry)
    yield counter, f"{LOOPBACK}:{port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_exposed_count_is_what_a_query_returns(
    exposed: tuple[Counter, str], start_prometheus: StartPrometheus
) -> None:
    counter, address = exposed
    counter.labels("good").inc(41)
    prometheus = start_prometheus({"checks": address})

    wait_for(
        lambda: prometheus.value('tidings_checks_total{kind="good"}'),
        lambda value: value == 41,
        what="the count to be scraped",
    )
    counter.labels("good").inc()
    wait_for(
        lambda: prometheus.value('tidings_checks_total{kind="good"}'),
        lambda value: value == 42,
        what="the new count to be scraped",
    )


def test_target_that_is_down_is_reported(start_prometheus: StartPrometheus) -> None:
    prometheus = start_prometheus({"nobody": f"{LOOPBACK}:{free_port()}"})

    wait_for(
        lambda: prometheus.value('up{job="nobody"}'),
        lambda value: value == 0,
        what="the target to be seen as down",
    )
