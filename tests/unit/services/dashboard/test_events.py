"""The event stream, over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from harness.dashboard import DashboardApp
from harness.outputs import routed
from harness.waiting import wait_for
from tidings_services.dashboard.events import MOST_CLIENTS
from tidings_services.dashboard.server import bind


@pytest.fixture
def dashboard() -> DashboardApp:
    return DashboardApp()


async def next_event(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    name = ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            return name, json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def test_stream_begins_with_a_snapshot_and_goes_on_with_changes(
    dashboard: DashboardApp,
) -> None:
    dashboard.picture.fold(routed(0))
    async with dashboard.served() as client, client.stream("GET", "/events") as response:
        lines = response.aiter_lines()

        name, snapshot = await next_event(lines)
        dashboard.picture.fold(routed(1))
        dashboard.now += 1
        later, update = await next_event(lines)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert (name, later) == ("snapshot", "update")
    assert snapshot["parts"]["totals"]["outcomes"]["routed"]["total"] == 1
    assert update["parts"]["totals"]["outcomes"]["routed"]["total"] == 2
    assert "feed" not in update["parts"]


async def test_open_page_is_counted_until_it_leaves(dashboard: DashboardApp) -> None:
    clients = dashboard.metrics.clients._value
    async with dashboard.served() as client:
        async with client.stream("GET", "/events") as response:
            await next_event(response.aiter_lines())
            assert clients.get() == 1
        await asyncio.to_thread(
            wait_for,
            clients.get,
            lambda open_pages: open_pages == 0,
            what="the page to have left",
            timeout=10,
        )


async def test_open_page_does_not_hold_up_the_stop(dashboard: DashboardApp) -> None:
    clock = asyncio.get_running_loop().time
    async with dashboard.served() as client, client.stream("GET", "/events") as response:
        lines = response.aiter_lines()
        await next_event(lines)
        began = clock()
        dashboard.events.stop()
        rest = [line async for line in lines]

    assert not any(line.startswith("data:") for line in rest)
    assert clock() - began < 3


async def test_page_beyond_the_limit_is_turned_away(dashboard: DashboardApp) -> None:
    streams = [dashboard.events.events() for _ in range(MOST_CLIENTS)]
    for stream in streams:
        await anext(stream)

    transport = httpx.ASGITransport(dashboard.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        response = await client.get("/events")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "10"
    dashboard.events.stop()
    for stream in streams:
        async for _ in stream:
            pass


def test_busy_port_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", other.getsockname()[1])
