"""How a worker's process ends, seen from outside: a test can not let its own process end."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, time
from tidings_services.commands.run import leave
threading.Thread(target=time.sleep, args=({thread_seconds},), daemon={daemon}).start()
print("leaves", flush=True)
leave({code})
"""


def end(code: object, *, thread_seconds: float = 0.0, daemon: bool = False) -> tuple[int, str]:
    """The status of a process that leaves with a code while a thread sleeps, and what it logged."""
    program = PROGRAM.format(code=repr(code), thread_seconds=thread_seconds, daemon=daemon)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "leaves\n"
    return done.returncode, done.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_process_ends_with_its_status_though_a_thread_hangs(code: int) -> None:
    status, log = end(code, thread_seconds=3600)

    assert status == code
    assert "a thread hangs; the process ends without it" in log


def test_process_whose_threads_end_says_nothing_of_them() -> None:
    assert end(7, thread_seconds=0.2) == (7, "")


def test_threads_that_end_with_the_process_are_not_waited_for() -> None:
    assert end(None, thread_seconds=3600, daemon=True) == (0, "")


@pytest.mark.parametrize(("code", "expected"), [(None, 0), ("it went wrong", 1)])
def test_status_of_a_hanging_process_is_what_python_makes_of_the_code(
    code: str | None, expected: int
) -> None:
    assert end(code, thread_seconds=3600)[0] == expected
