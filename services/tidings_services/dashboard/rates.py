"""How many records a second, and how old an event was when it was decided."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Where a record ended."""

    ROUTED = "routed"
    TRIAGED = "triaged"
    SCORED = "scored"
    DEAD = "dead"


OUTCOMES = tuple(Outcome)
HISTORY_SECONDS = 300
STEP_SECONDS = 2
RATE_SECONDS = 5
AGE_SECONDS = 60
MOST_AGES = 4096


class SecondCounts:
    """Records by outcome in each of the last `HISTORY_SECONDS` seconds of decision time."""

    def __init__(self) -> None:
        size = HISTORY_SECONDS + 2 * STEP_SECONDS
        self._seconds = [-1] * size
        self._counts = [dict.fromkeys(OUTCOMES, 0) for _ in range(size)]

    def add(self, outcome: Outcome, *, at: float, now: float) -> None:
        """Count a record decided `at`; a clock ahead of ours is taken for now."""
        second = int(min(at, now))
        slot = second % len(self._seconds)
        if second < self._seconds[slot]:
            return  # older than the ring reaches back
        if second > self._seconds[slot]:
            self._seconds[slot] = second
            self._counts[slot] = dict.fromkeys(OUTCOMES, 0)
        self._counts[slot][outcome] += 1

    def per_second(self, outcome: Outcome, *, now: float) -> float:
        """Average the last `RATE_SECONDS` complete seconds."""
        last = int(now)
        return sum(self._at(s, outcome) for s in range(last - RATE_SECONDS, last)) / RATE_SECONDS

    def history(self, outcome: Outcome, *, end: int) -> list[float]:
        """Give the rates of `STEP_SECONDS` steps, oldest first, the last ending at `end`."""
        starts = range(end - HISTORY_SECONDS, end, STEP_SECONDS)
        return [
            sum(self._at(start + n, outcome) for n in range(STEP_SECONDS)) / STEP_SECONDS
            for start in starts
        ]

    def _at(self, second: int, outcome: Outcome) -> int:
        slot = second % len(self._seconds)
        return self._counts[slot][outcome] if self._seconds[slot] == second else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeSummary:
    """Event ages in seconds of the last minute; null where nothing was decided in it."""

    p50: float | None
    p95: float | None


class EventAges:
    """Seconds from an event to its decision: the newest `MOST_AGES` of the last minute."""

    def __init__(self) -> None:
        self._ages: deque[tuple[float, float]] = deque(maxlen=MOST_AGES)

    def add(self, *, happened_at: float, decided_at: float) -> None:
        """Note one decision; a producer's clock ahead of the worker's counts as no age."""
        self._ages.append((decided_at, max(0.0, decided_at - happened_at)))

    def summary(self, *, now: float) -> AgeSummary:
        """Take the median and the 95th percentile (nearest rank)."""
        ages = sorted(age for decided_at, age in self._ages if decided_at > now - AGE_SECONDS)
        if not ages:
            return AgeSummary(p50=None, p95=None)
        return AgeSummary(p50=_nearest_rank(ages, 0.50), p95=_nearest_rank(ages, 0.95))


def _nearest_rank(ordered: list[float], share: float) -> float:
    rank = max(1, -int(-share * len(ordered) // 1))
    return round(ordered[min(rank, len(ordered)) - 1], 3)
