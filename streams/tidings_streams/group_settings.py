"""How a member of a consumer group behaves, and what it does as partitions come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """How a consumer group behaves.

    `release_seconds` bounds how long a rebalance waits for what is in flight; a worker that reads
    nothing for `max_poll_seconds` leaves its group; a fetch of an idle topic is answered after
    `fetch_wait_seconds`.
    """

    session_timeout_seconds: float
    release_seconds: float
    commit_interval_seconds: float
    max_poll_seconds: float
    fetch_wait_seconds: float
    read_committed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHooks:
    """What happens when partitions come and go.

    `release` ends what is in flight before partitions go, `forget` follows when they are gone, and
    `assigned` when there are new ones.
    """

    release: Callable[[], Awaitable[None]]
    forget: Callable[[], None]
    assigned: Callable[[], None]
