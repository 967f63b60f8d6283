"""No process that the tests start outlives them, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.waiting import wait_for

TESTS = Path(__file__).parents[2]
PARENT = f"""
import sys, time
sys.path.append({str(TESTS)!r})
from pathlib import Path
from harness.processes import Process
ended = Process("short", ["true"], log=Path(sys.argv[1]) / "short.log")
ended.wait(timeout=10)
child = Process("long", ["sleep", "300"], log=Path(sys.argv[1]) / "long.log")
print(child.pid, flush=True)
time.sleep(300)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").is_dir() else True
    )


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_child_ends_with_its_parent(tmp_path: Path, way: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout as output:
        child = int(output.readline())
    assert is_alive(child)

    parent.send_signal(way)
    parent.wait(timeout=10)

    wait_for(lambda: not is_alive(child), what="the child to end with its parent", timeout=10)
