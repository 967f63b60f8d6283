from __future__ import annotations

import os
from pathlib import Path

import pytest

from tidings_models.cpu_limit import (
    available_cpus,
    cgroup_limits,
    parse_cfs,
    parse_cpu_max,
    usable_cpus,
)


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="ascii")


@pytest.mark.parametrize(
    ("content", "processors"),
    [
        ("max 100000\n", None),
        ("200000 100000\n", 2.0),
        ("150000 100000\n", 1.5),
        ("50000 100000\n", 0.5),
        ("100000\n", None),
        ("", None),
        ("200000 0\n", None),
        ("-1 100000\n", None),
    ],
)
def test_cpu_max_is_quota_and_period(content: str, processors: float | None) -> None:
    assert parse_cpu_max(content) == processors


@pytest.mark.parametrize(
    ("quota", "period", "processors"),
    [
        ("-1\n", "100000\n", None),
        ("400000\n", "100000\n", 4.0),
        ("25000\n", "50000\n", 0.5),
        ("", "", None),
        ("100000\n", "0\n", None),
    ],
)
def test_cfs_quota_of_minus_one_is_no_limit(
    quota: str, period: str, processors: float | None
) -> None:
    assert parse_cfs(quota, period) == processors


@pytest.mark.parametrize(
    ("affinity", "limits", "cpus"),
    [(8, [], 8), (8, [2.0], 2), (8, [1.5], 1), (8, [0.25], 1), (2, [4.0], 2), (8, [4.0, 2.9], 2)],
)
def test_least_limit_counts_in_whole_processors(
    affinity: int, limits: list[float], cpus: int
) -> None:
    assert usable_cpus(affinity, limits) == cpus


def test_container_with_its_own_cgroup_namespace_is_limited(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"},
    )

    assert list(cgroup_limits(tmp_path)) == [3.0]


def test_limit_of_a_cgroup_above_counts_too(tmp_path: Path) -> None:
    pod = "sys/fs/cgroup/kubepods.slice/pod1"
    write(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/kubepods.slice/pod1/container.scope\n",
            f"{pod}/container.scope/cpu.max": "max 100000\n",
            f"{pod}/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/kubepods.slice/cpu.max": "800000 100000\n",
        },
    )

    assert list(cgroup_limits(tmp_path)) == [1.5, 8.0]


def test_version_1_limit_counts_where_the_path_is_the_hosts(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "proc/self/cgroup": "11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )

    assert list(cgroup_limits(tmp_path)) == [2.0]


def test_path_that_leaves_the_mount_is_not_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/../../sibling\n",
            "sys/sibling/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/cpu.max": "500000 100000\n",
        },
    )

    assert list(cgroup_limits(tmp_path)) == [5.0]


def test_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    assert list(cgroup_limits(tmp_path)) == []
    assert available_cpus(tmp_path) == len(os.sched_getaffinity(0))


def test_half_a_processor_is_one(tmp_path: Path) -> None:
    write(tmp_path, **{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})

    assert available_cpus(tmp_path) == 1
