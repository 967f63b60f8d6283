"""The dashboard: its application over a picture of a test's own, and as a process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from prometheus_client import CollectorRegistry

from harness.outputs import NOON
from harness.processes import LOOPBACK, Process
from harness.worker import tidings_environment
from tidings_services.dashboard.app import create_app
from tidings_services.dashboard.events import EventStream
from tidings_services.dashboard.metrics import DashboardMetrics
from tidings_services.dashboard.parts import Parts
from tidings_services.dashboard.picture import Picture
from tidings_services.dashboard.server import Server, bind
from tidings_services.dashboard.status import FeedStatus


class DashboardApp:
    """The application over a picture of the test's own; `status` is what the feed says."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()
        self.status = FeedStatus(state="reading", detail="kafka:9092", missing=())
        self.metrics = DashboardMetrics(CollectorRegistry())
        self.picture = Picture(clock=self.clock)
        self.parts = Parts(
            view=lambda: {"feed": self.status, **self.picture.view()}, clock=self.clock
        )
        self.events = EventStream(parts=self.parts, metrics=self.metrics)
        self.app = create_app(
            parts=self.parts,
            events=self.events,
            status=lambda: self.status,
            metrics=self.metrics,
        )

    def clock(self) -> float:
        return self.now

    @asynccontextmanager
    async def served(self) -> AsyncIterator[httpx.AsyncClient]:
        """Serve it over a real socket; the event stream needs one."""
        bound = bind("127.0.0.1", 0)
        config = uvicorn.Config(self.app, lifespan="off", log_level="error")
        server = Server(config, before_shutdown=self.events.stop)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address, timeout=10) as client:
            yield client
        server.should_exit = True
        await serving


class DashboardProcess(Process):
    """`tidings dashboard`, reading from the earliest unless the settings say otherwise."""

    def __init__(self, *, port: int, settings: Mapping[str, str], log: Path) -> None:
        """Start it on a port; it is not ready yet."""
        self.url = f"http://{LOOPBACK}:{port}"
        super().__init__(
            "tidings dashboard",
            [sys.executable, "-m", "tidings_services", "dashboard", "--port", str(port)],
            log=log,
            env=tidings_environment({"dashboard_from": "earliest", **settings}),
        )

    def get(self, path: str) -> httpx.Response:
        """What it answers at a path; raises httpx.TransportError where it does not."""
        return httpx.get(f"{self.url}{path}", timeout=10)

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON."""
        content: dict[str, Any] = self.get("/api/state").json()
        return content

    def total(self, outcome: str) -> int:
        """How many records of an outcome it counted."""
        number: int = self.state()["totals"]["outcomes"][outcome]["total"]
        return number

    def is_alive(self) -> bool:
        try:
            return self.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_alive(self) -> None:
        self.wait_until(self.is_alive, what="alive", timeout=30)
