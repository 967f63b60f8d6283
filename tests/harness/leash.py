"""Ends what the tests started, also where the tests themselves were killed.

A fixture's end is not enough: SIGKILL and an impatient `timeout` skip it, and a Kafka node would
go on for ever.  So a helper process holds the ids of our children; when the pipe to it closes, for
whatever reason, it kills those that it still holds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


class Leash:
    """The parent's end: which children to kill when we are gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._helper: subprocess.Popen[str] | None = None

    def hold(self, pid: int) -> None:
        """Kill this child should we end before `release`."""
        self._tell(f"+{pid}")

    def release(self, pid: int) -> None:
        """Forget this child: it ended, and its id may soon be another's."""
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._helper is None:
                self._helper = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__],
                    stdin=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for us, not for it
                )
            assert self._helper.stdin is not None
            self._helper.stdin.write(line + "\n")
            self._helper.stdin.flush()


LEASH = Leash()


def main() -> None:
    """Read `+pid` and `-pid` until the pipe closes, then kill what is held."""
    held: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        held.add(pid) if line[0] == "+" else held.discard(pid)
    for pid in held:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
