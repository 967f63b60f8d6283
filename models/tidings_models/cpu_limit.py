"""How many processors this process may use: the container's limit, not the machine's size."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

_UNIFIED = PurePosixPath("sys/fs/cgroup")
_CFS = (PurePosixPath("sys/fs/cgroup/cpu"), PurePosixPath("sys/fs/cgroup/cpu,cpuacct"))


def available_cpus(root: Path = Path("/")) -> int:
    """Return whole processors, at least 1: the least of affinity and every cgroup's limit.

    `root` is where `proc` and `sys` are mounted.  A file that is not there limits nothing.
    """
    return usable_cpus(_affinity(), cgroup_limits(root))


def usable_cpus(affinity: int, limits: Iterable[float]) -> int:
    """Return whole processors, at least 1; `limits` are in processors, such as 1.5.

    Rounded down: a thread more than the limit pays for is stopped for most of each period, and
    the others wait for it.
    """
    return max(1, math.floor(min([affinity, *limits])))


def parse_cpu_max(content: str) -> float | None:
    """Return processors from cgroup v2's `cpu.max`, "QUOTA PERIOD" in microseconds.

    None for "max", no limit, and for what is not in that form.
    """
    return _processors(*content.split()) if len(content.split()) == 2 else None


def parse_cfs(quota: str, period: str) -> float | None:
    """Return processors from cgroup v1's `cpu.cfs_quota_us` and `cpu.cfs_period_us`.

    None for a quota of -1, no limit, and for what is not in that form.
    """
    return _processors(quota.strip(), period.strip())


def cgroup_limits(root: Path) -> Iterator[float]:
    """Yield the limits, in processors, of this process's cgroups and of those above them."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0":
            for folder in _upwards(root / _UNIFIED, path):
                yield from _known(parse_cpu_max(_read(folder / "cpu.max")))
        elif "cpu" in controllers.split(","):
            for mount in _CFS:
                for folder in _upwards(root / mount, path):
                    quota = _read(folder / "cpu.cfs_quota_us")
                    yield from _known(parse_cfs(quota, _read(folder / "cpu.cfs_period_us")))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Yield a cgroup's folder and those above it up to the mount.

    In a container the path may be the host's and the mount the container's own: its folders are
    not there then, and the mount is the cgroup.
    """
    inner = PurePosixPath(path.lstrip("/"))
    if ".." not in inner.parts:
        yield from (mount / part for part in (inner, *inner.parents) if part.parts)
    yield mount


def _processors(quota: str, period: str) -> float | None:
    if not (quota.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None
    return int(quota) / int(period)


def _known(limit: float | None) -> Iterator[float]:
    if limit is not None:
        yield limit


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
