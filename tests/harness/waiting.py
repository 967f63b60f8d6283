"""Waiting for something to become true, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEFAULT_TIMEOUT_SECONDS = 60.0


def wait_for(
    read: Callable[[], T],
    accept: Callable[[T], object] = bool,
    *,
    what: str,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    interval: float = 0.1,
) -> T:
    """Call `read` until `accept` likes its value, and return that value.

    Raises AssertionError, which says what was awaited and what was there last.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = read()
        if accept(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; there was: {value!r:.2000}")
        time.sleep(interval)
