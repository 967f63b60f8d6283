"""Waiting longer and longer for a broker that is away."""

from __future__ import annotations

import asyncio
import logging
import random

logger = logging.getLogger(__name__)


class Backoff:
    """Waits `first_seconds` at first, then twice as long each time, up to `most_seconds`.

    Each wait is off by up to a half, so that workers do not all come back at once.
    """

    def __init__(self, *, first_seconds: float = 0.1, most_seconds: float = 5.0) -> None:
        self._next = first_seconds
        self._most = most_seconds

    async def wait(self, what: str, reason: Exception) -> None:
        """Log what failed and why, and sleep."""
        seconds = self._next * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret
        logger.warning("%s: %s %s; again in %.1f s", what, type(reason).__name__, reason, seconds)
        await asyncio.sleep(seconds)
        self._next = min(2 * self._next, self._most)
