"""The page in a real Chromium, fed by a real Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from harness.dashboard import DashboardProcess
from harness.kafka_topics import Topics
from harness.page import LOST_CONNECTION, WatchedPage, chromium
from harness.processes import free_port


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium for this test only: playwright's event loop must be gone before the next."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def start_dashboard(topics: Topics, tmp_path: Path) -> Iterator[Callable[[], DashboardProcess]]:
    """Start a dashboard, at the same address every time; what still runs is stopped."""
    port = free_port()
    started: list[DashboardProcess] = []

    def start() -> DashboardProcess:
        dashboard = DashboardProcess(
            port=port,
            settings={"bootstrap_servers": topics.bootstrap_servers},
            log=tmp_path / "dashboard.log",
        )
        started.append(dashboard)
        dashboard.wait_until_alive()
        return dashboard

    yield start
    for dashboard in started:
        if dashboard.running:
            dashboard.kill()


@pytest.fixture
def dashboard(start_dashboard: Callable[[], DashboardProcess]) -> DashboardProcess:
    return start_dashboard()


@pytest.fixture
def page(browser: Browser, dashboard: DashboardProcess) -> Iterator[WatchedPage]:
    """A page that is open and live.  At the end: no error, and no request elsewhere."""
    watched = WatchedPage(browser.new_page(locale="en-GB"), dashboard.url)
    watched.open()
    yield watched
    assert watched.foreign == []
    assert [fault for fault in watched.faults if not any(e in fault for e in LOST_CONNECTION)] == []
