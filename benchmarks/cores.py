"""Which core runs what: the thing measured on one core, Kafka and the load on the others."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ),
    "1",
) | {"TOKENIZERS_PARALLELISM": "false"}
"""Environment of what is measured: every thread pool that reads it has one thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """`measured` runs what is measured; `second` a second worker; `load` Kafka and the load."""

    measured: int
    second: int
    load: frozenset[int]

    @property
    def beside_two(self) -> frozenset[int]:
        """Where Kafka and the load run beside two workers: on two cores only, they share both."""
        return self.load - {self.second} or frozenset({self.measured, self.second})


def choose_cores(available: Collection[int], measured: int | None = None) -> Cores:
    """Take the last core for what is measured, as interrupts prefer the first.

    Raises ValueError for less than two cores, or where `measured` is none of them.
    """
    if len(available) < 2:
        raise ValueError("the benchmark needs two cores: one is measured, the other has Kafka")
    chosen = max(available) if measured is None else measured
    if chosen not in available:
        raise ValueError(f"there is no core {chosen}; there are {sorted(available)}")
    others = frozenset(available) - {chosen}
    return Cores(measured=chosen, second=max(others), load=others)


def pinned(command: Sequence[str], cores: Iterable[int]) -> list[str]:
    """The command, started on these cores only."""
    return ["taskset", "--cpu-list", ",".join(str(core) for core in sorted(cores)), *command]


def pin_threads(pid: int, cores: Collection[int]) -> None:
    """Put every thread of a process on these cores, also one that had chosen its own."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue


def busy_seconds(cores: Iterable[int]) -> float:
    """Time since boot that these cores were not idle; what a hypervisor took counts as busy."""
    wanted = {f"cpu{core}" for core in cores}
    ticks = 0
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *counts = line.split()
        if name in wanted:
            user, nice, system, _idle, _wait, interrupt, soft, steal = map(int, counts[:8])
            ticks += user + nice + system + interrupt + soft + steal
    return ticks / os.sysconf("SC_CLK_TCK")
