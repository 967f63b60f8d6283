"""What is measured: how each contestant is started, and stopped whatever happens."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from benchmarks.cores import ONE_THREAD, pinned

from harness.processes import Process
from harness.worker import tidings_environment

_numbers = itertools.count(1)


class ContestantFailed(Exception):  # noqa: N818 - the fact is the name
    """A contestant did not do its work; the message has the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command with its environment; `is_ready`, where given, is awaited before the clock runs."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    is_ready: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """What is measured, each program on a core of its own, and a feeder on the load's, if any."""

    name: str
    measured: Sequence[Program]
    feeder: Program | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A started contestant: the processes that are measured, the feeder, and when they began."""

    name: str
    processes: Sequence[Process]
    feeder: Process | None
    started_at: float

    @property
    def pids(self) -> list[int]:
        """The processes that are measured, in the programs' order."""
        return [process.pid for process in self.processes]

    def check(self) -> None:
        """Raise ContestantFailed where one of the processes has ended."""
        for process in (*self.processes, *([self.feeder] if self.feeder else [])):
            if not process.running:
                raise ContestantFailed(
                    f"{process.name} ended with {process.exit_code}\n{process.log_tail(15)}"
                )


def group_name() -> str:
    """A consumer group that nobody had before."""
    return f"bench-{time.time_ns()}-{next(_numbers)}-"


def answers(url: str) -> Callable[[], bool]:
    """Whether a GET answers 200."""

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    return ready


@contextmanager
def started(
    contestant: Contestant, *, cores: Sequence[int], load: frozenset[int], logs: Path
) -> Iterator[Running]:
    """Start a contestant, each measured program on its own of `cores`; end it with the block."""
    with ExitStack() as stack:
        began = time.time()
        processes = []
        for program, core in zip(contestant.measured, cores, strict=True):
            processes.append(_start(contestant.name, program, {core}, logs))
            stack.callback(_end, processes[-1])
        for program, process in zip(contestant.measured, processes, strict=True):
            _wait_until_ready(program, process)
        feeder = None
        if contestant.feeder is not None:
            feeder = _start(f"{contestant.name} feeder", contestant.feeder, load, logs)
            stack.callback(_end, feeder)
        yield Running(name=contestant.name, processes=processes, feeder=feeder, started_at=began)


def _start(name: str, program: Program, cores: set[int] | frozenset[int], logs: Path) -> Process:
    log = logs / f"{name.replace(' ', '-').replace('/', '-')}-{next(_numbers)}.log"
    environment = {**tidings_environment(program.settings), **ONE_THREAD, **program.environment}
    command = pinned(program.command, cores)
    if program.folder is not None:
        command = ["env", f"--chdir={program.folder}", *command]
    return Process(name, command, log=log, env=environment)


def _wait_until_ready(program: Program, process: Process) -> None:
    if program.is_ready is None:
        return
    try:
        process.wait_until(program.is_ready, what="ready", timeout=120)
    except AssertionError as error:
        raise ContestantFailed(str(error)) from None


def _end(process: Process) -> None:
    """Ask it to stop, and end it where it does not."""
    if process.running:
        try:
            process.terminate(timeout=15)
        except AssertionError:
            return
