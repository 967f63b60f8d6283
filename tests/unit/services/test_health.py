from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from tidings_services.health import Health, HealthServer, PortInUse


@dataclass
class State:
    """What the worker says of itself."""

    ready: bool = False
    stalled: float = 0.0


def make_server(state: State, registry: CollectorRegistry, port: int = 0) -> HealthServer:
    health = Health(
        is_ready=lambda: state.ready,
        stalled_seconds=lambda: state.stalled,
        stall_limit_seconds=60.0,
    )
    return HealthServer(host="127.0.0.1", port=port, registry=registry, health=health)


@asynccontextmanager
async def serving(state: State, registry: CollectorRegistry) -> AsyncIterator[int]:
    """The port of a server that runs."""
    server = make_server(state, registry)
    await server.on_start()
    assert server._runner is not None
    try:
        yield server._runner.addresses[0][1]
    finally:
        await server.on_stop()


async def get(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("stalled", "status", "text"),
    [
        (0.0, 200, "alive\n"),
        (59.9, 200, "alive\n"),
        (60.0, 503, "stalled: records wait and none was processed for 60 s\n"),
    ],
)
async def test_worker_is_alive_until_it_is_stalled_for_too_long(
    stalled: float, status: int, text: str
) -> None:
    async with serving(State(stalled=stalled), CollectorRegistry()) as port:
        assert await get(port, "/healthz") == (status, text)


async def test_worker_is_alive_again_when_it_gets_on() -> None:
    state = State(stalled=100.0)
    async with serving(state, CollectorRegistry()) as port:
        assert (await get(port, "/healthz"))[0] == 503
        state.stalled = 0.0
        assert (await get(port, "/healthz"))[0] == 200


async def test_worker_is_ready_once_it_has_its_partitions() -> None:
    state = State()
    async with serving(state, CollectorRegistry()) as port:
        assert await get(port, "/readyz") == (503, "waiting for partitions\n")
        assert (await get(port, "/healthz"))[0] == 200, "a worker that waits is alive"
        state.ready = True
        assert await get(port, "/readyz") == (200, "ready\n")


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Gauge("tidings_trend_windows", "Open windows.", registry=registry).set(3)
    async with serving(State(), registry) as port:
        status, text = await get(port, "/metrics")

    assert status == 200
    assert "tidings_trend_windows 3.0" in text.splitlines()


async def test_port_that_is_taken_is_named_with_the_setting() -> None:
    async with serving(State(), CollectorRegistry()) as port:
        second = make_server(State(), CollectorRegistry(), port)
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port} .*set TIDINGS_HTTP_PORT"):
            await second.on_start()
        await second.on_stop()
