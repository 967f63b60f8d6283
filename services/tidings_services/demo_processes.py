"""The demo's processes: started, watched, and every one of them stopped."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

STOP_SECONDS = 15.0
TAIL_LINES = 15


class ProcessDied(Exception):  # noqa: N818 - the fact is the name
    """A process ended that should run; the message has the end of its log."""


@dataclass(slots=True, kw_only=True)
class Child:
    """One running process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    _log_file: IO[bytes]

    def check(self) -> None:
        """Raise ProcessDied where the process has ended."""
        code = self.process.poll()
        if code is not None:
            raise ProcessDied(
                f"{self.name} ended with exit code {code}; the end of {self.log}:\n{self.tail()}"
            )

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def stop(self) -> None:
        """End the process: politely, then by force."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log_file.close()


@dataclass(slots=True, kw_only=True)
class Children:
    """All processes of the demo.  As a context manager, it stops them, the last one first."""

    folder: Path
    _children: list[Child] = field(default_factory=list)

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a process in a session of its own, so that Ctrl-C does not reach it."""
        log = self.folder / f"{name}.log"
        log_file = log.open("wb")
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        child = Child(name=name, process=process, log=log, _log_file=log_file)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise ProcessDied where one of them has ended."""
        for child in self._children:
            child.check()

    def wait_until(self, is_reached: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Wait for a state; raises ProcessDied where a process ends or the time is over."""
        end = time.monotonic() + seconds
        while not is_reached():
            self.check()
            if time.monotonic() > end:
                logs = "\n".join(f"--- {child.log}\n{child.tail()}" for child in self._children)
                raise ProcessDied(f"{what} took more than {seconds:.0f} s\n{logs}")
            time.sleep(0.1)


def our_command(*arguments: str) -> list[str]:
    """The `tidings` command with these arguments, run by this interpreter."""
    return [sys.executable, "-m", "tidings_services", *arguments]


def answers(url: str) -> bool:
    """Whether a URL on this machine answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as response:  # noqa: S310 - our own URL
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
