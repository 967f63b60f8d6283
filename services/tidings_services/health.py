"""A worker's own HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from mode import Service
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


class PortInUse(Exception):  # noqa: N818 - the fact is the name
    """The worker's port is taken; the message names it and the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a worker's state is made of.

    `is_ready` says whether the consumer group gave the worker its partitions; `stalled_seconds`
    for how long a partition with records to process has not moved, of which `stall_limit_seconds`
    are too many.
    """

    is_ready: Callable[[], bool]
    stalled_seconds: Callable[[], float]
    stall_limit_seconds: float


class HealthServer(Service):
    """Serves a worker's state on the worker's own event loop, so that a blocked loop is noticed.

    /healthz is 200 as long as the loop runs and the worker gets on, or has nothing to do; it is 503
    once the worker is stalled.  /readyz is 200 once the worker is ready, 503 before.
    """

    def __init__(
        self, *, host: str, port: int, registry: CollectorRegistry, health: Health
    ) -> None:
        super().__init__()
        self._host = host
        self._port = port
        self._registry = registry
        self._health = health
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Bind the port; raises PortInUse."""
        routes = web.Application()
        routes.router.add_get("/healthz", self._healthz)
        routes.router.add_get("/readyz", self._readyz)
        routes.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(routes, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise PortInUse(
                f"{self._host}:{self._port} can not be bound ({error.strerror}); "
                "set TIDINGS_HTTP_PORT to a free port"
            ) from error

    async def on_stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        stalled = self._health.stalled_seconds()
        if stalled >= self._health.stall_limit_seconds:
            text = f"stalled: records wait and none was processed for {stalled:.0f} s\n"
            return web.Response(status=503, text=text)
        return web.Response(text="alive\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._health.is_ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="waiting for partitions\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})
