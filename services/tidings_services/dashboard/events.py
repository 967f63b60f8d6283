"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tidings_services.dashboard.metrics import DashboardMetrics
from tidings_services.dashboard.parts import REFRESH_SECONDS, Parts

HEARTBEAT_SECONDS = 10.0
MOST_CLIENTS = 200


class EventStream:
    """The pages that are open.

    Nothing is queued for a page: when it has taken one update, the next is made of what changed
    since.  A slow one so gets fewer updates and holds no memory.
    """

    def __init__(self, *, parts: Parts, metrics: DashboardMetrics) -> None:
        self._parts = parts
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._clients = 0

    @property
    def full(self) -> bool:
        """Whether a further page has to be turned away."""
        return self._clients >= MOST_CLIENTS

    def stop(self) -> None:
        """End every page's stream; the pages will try again."""
        self._stopping.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Send a snapshot at once, then what changed, and heartbeats while nothing does."""
        self._clients += 1
        self._metrics.clients.inc()
        try:
            async for event in self._events():
                yield event
        finally:
            self._clients -= 1
            self._metrics.clients.dec()

    async def _events(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        version, content = self._parts.changed_since(0)
        yield b"retry: 1000\nevent: snapshot\ndata: %s\n\n" % (content or b"{}")
        spoke_at = clock()
        while not await self._stopped_within(REFRESH_SECONDS):
            version, content = self._parts.changed_since(version)
            if content is not None:
                yield b"event: update\ndata: %s\n\n" % content
                spoke_at = clock()
            elif clock() - spoke_at >= HEARTBEAT_SECONDS:
                yield b": still here\n\n"
                spoke_at = clock()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
