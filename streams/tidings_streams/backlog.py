"""A bounded queue between two stages, from which as much is taken as there is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """Items waiting for a stage; one task puts them in and one takes them out.

    Whoever waits for room before each `extend` keeps the backlog at `bound` items and one batch.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    async def room(self) -> None:
        """Wait until fewer than `bound` items wait."""
        while len(self._items) >= self._bound:
            await self._change()

    def extend(self, items: Iterable[T]) -> None:
        """Add items behind those that wait."""
        self._items.extend(items)
        self._changed.set()

    async def take(self, most: int, *, linger_seconds: float = 0.0) -> list[T]:
        """Wait for an item and take up to `most`; nothing once the backlog is closed and empty.

        With `linger_seconds`, waits so long after the first one for more of them.
        """
        while True:
            while not self._items and not self._closed:
                await self._change()
            if linger_seconds > 0:
                await self._linger(most, linger_seconds)
            if self._items or self._closed:  # what lingered may have been dropped meanwhile
                break
        taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        self._changed.set()
        return taken

    def clear(self) -> None:
        """Drop what waits."""
        self._items.clear()
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._closed = True
        self._changed.set()

    async def _linger(self, most: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while len(self._items) < most and not self._closed:
                    await self._change()
        except TimeoutError:
            pass

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
