"""Starting and stopping the dashboard: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from tidings_services.dashboard.app import create_app
from tidings_services.dashboard.events import EventStream
from tidings_services.dashboard.feed import Feed
from tidings_services.dashboard.metrics import DashboardMetrics
from tidings_services.dashboard.parts import Parts
from tidings_services.dashboard.picture import Picture
from tidings_services.dashboard.status import Start
from tidings_streams.kafka_connection import KafkaConnection

STOP_SECONDS = 2


class Server(uvicorn.Server):
    """uvicorn that ends the event streams first, so that open pages do not hold it up."""

    def __init__(self, config: uvicorn.Config, *, before_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then what uvicorn does."""
        self._before_shutdown()
        await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket; raises OSError where the address is not to be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


async def serve(*, connection: KafkaConnection, start: Start, bound: socket.socket) -> None:
    """Read Kafka and serve the page until SIGTERM or SIGINT; a fault in the feed is raised."""
    metrics = DashboardMetrics(CollectorRegistry())
    picture = Picture(clock=time.time)
    feed = Feed(connection=connection, start=start, picture=picture, metrics=metrics)
    parts = Parts(view=lambda: {"feed": feed.status(), **picture.view()}, clock=time.time)
    events = EventStream(parts=parts, metrics=metrics)
    app = create_app(parts=parts, events=events, status=feed.status, metrics=metrics)
    server = Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        ),
        before_shutdown=events.stop,
    )
    # uvicorn raises the signal again once it has stopped; by then it has been answered.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    await _run_together(feed.run(), server, bound)


async def _run_together(reading: Any, server: Server, bound: socket.socket) -> None:
    feed = asyncio.create_task(reading, name="feed")
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="server")
    await asyncio.wait({feed, serving}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if feed.done():
        feed.result()  # raises what ended it: it never ends by itself
    feed.cancel()
    await asyncio.wait({feed}, timeout=STOP_SECONDS)
