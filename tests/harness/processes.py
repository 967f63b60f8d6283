"""A program that a test starts, with its log, and a port for it."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.leash import LEASH
from harness.waiting import wait_for

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A loopback port nobody listens on, below the range from which outgoing connections take."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


def is_listening(port: int) -> bool:
    """Whether a connection to a loopback port is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


class Process:
    """A child process whose output goes to a file."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Start `command`, with the environment `env` or else our own."""
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
            )
        LEASH.hold(self._popen.pid)

    @property
    def running(self) -> bool:
        return self.exit_code is None

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        code = self._popen.poll()
        if code is not None:
            LEASH.release(self._popen.pid)
        return code

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout: float) -> None:
        """Wait until `ready`; raises AssertionError with the log's end where it never is."""
        try:
            wait_for(
                lambda: ready() or not self.running,
                what=f"{self.name} to be {what}",
                timeout=timeout,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from None
        if not self.running:
            raise AssertionError(
                f"{self.name} ended with {self.exit_code} before it was {what}\n{self.log_tail()}"
            )

    def terminate(self, *, timeout: float = 30.0) -> int:
        """Ask it to stop (SIGTERM) and return its exit code; raises AssertionError if it stays."""
        self._popen.send_signal(signal.SIGTERM)
        return self.wait(timeout=timeout)

    def kill(self) -> int:
        """End it at once (SIGKILL)."""
        self._popen.kill()
        return self._ended(self._popen.wait())

    def send_signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, *, timeout: float) -> int:
        """Wait for its end and return its exit code; kills it and raises if it goes on."""
        try:
            return self._ended(self._popen.wait(timeout))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {timeout:g} s\n{self.log_tail()}"
            ) from None

    def _ended(self, code: int) -> int:
        LEASH.release(self._popen.pid)
        return code

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def log_tail(self, lines: int = 60) -> str:
        """The last lines of its output, under a heading."""
        tail = "\n".join(self.log_text().splitlines()[-lines:])
        return f"--- end of the log of {self.name} ---\n{tail}\n---"
