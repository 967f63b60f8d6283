"""What a process uses: its processor time and its memory, with its children's."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

INTERVAL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """At a time of the clock, in seconds: processor time since the start, and resident memory."""

    at: float
    cpu_seconds: float
    rss_bytes: int


def process_tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants; empty where it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def take_sample(pids: Sequence[int]) -> Sample:
    """What these processes and their descendants have used by now."""
    cpu, rss = 0.0, 0
    for process in (each for pid in pids for each in process_tree(pid)):
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
                rss += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return Sample(at=time.time(), cpu_seconds=cpu, rss_bytes=rss)


def pss_bytes(pids: Sequence[int]) -> int:
    """Their proportional set size: pages that several processes share are divided among them."""
    total = 0
    for process in (each for pid in pids for each in process_tree(pid)):
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        total += sum(
            int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")
        )
    return total


def cpu_between(samples: Sequence[Sample], start: float, end: float) -> float:
    """Processor seconds between two times of the clock, interpolated between samples."""
    return _cpu_at(samples, end) - _cpu_at(samples, start)


def _cpu_at(samples: Sequence[Sample], at: float) -> float:
    after = bisect_right([sample.at for sample in samples], at)
    if after in {0, len(samples)}:
        raise ValueError(f"no samples around {at}")
    left, right = samples[after - 1], samples[after]
    share = (at - left.at) / (right.at - left.at)
    return left.cpu_seconds + share * (right.cpu_seconds - left.cpu_seconds)


class Sampler:
    """Samples some processes four times a second for as long as its block lasts."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.samples: list[Sample] = []
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.samples.append(take_sample(self._pids))
            if self._stop.wait(INTERVAL_SECONDS):
                break
