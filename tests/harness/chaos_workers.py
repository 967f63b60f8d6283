"""The workers of a chaos test: a few of one group; killed, hung, sent away and replaced."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.chaos_model import SOUND, ModelFaults
from harness.kafka_topics import Topics
from harness.worker import SESSION_TIMEOUT_SECONDS, TIDINGS, Worker

TESTS = Path(__file__).parents[1]
PROGRAM = f"import sys; sys.path.append({str(TESTS)!r}); import harness.chaos_worker as w; w.main()"
DRAIN_SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class ChaosWorkers:
    """Starts workers on the topics, remembers what happened to them, and leaves none behind."""

    topics: Topics
    folder: Path
    settings: Mapping[str, str]
    seed: int
    faults: ModelFaults = SOUND
    kills: int = 0
    leaves: int = 0
    crashes: list[str] = field(default_factory=list)
    slowest_leave_seconds: float = 0.0
    alive: list[Worker] = field(default_factory=list)
    _started: list[Worker] = field(default_factory=list)

    def start(self, *, wait: bool = True) -> Worker:
        """Start one more."""
        worker = Worker(
            "intents",
            settings={
                "bootstrap_servers": self.topics.bootstrap_servers,
                "group_prefix": self.topics.group_prefix,
                "session_timeout_seconds": str(SESSION_TIMEOUT_SECONDS),
                "inference_threads": "1",
                **self.settings,
            },
            log=self.folder / f"worker-{len(self._started)}.log",
            program=self._program(),
        )
        self._started.append(worker)
        self.alive.append(worker)
        if wait:
            worker.wait_until_ready()
        return worker

    def kill(self, worker: Worker) -> None:
        """End one at once (SIGKILL)."""
        self.alive.remove(worker)
        if worker.running:
            self.kills += 1
        worker.kill()

    def leave(self, worker: Worker) -> None:
        """Ask one to go (SIGTERM); it must go in time and with exit code 0."""
        self.alive.remove(worker)
        began = time.monotonic()
        code = worker.terminate(timeout=DRAIN_SECONDS)
        self.leaves += 1
        self.slowest_leave_seconds = max(self.slowest_leave_seconds, time.monotonic() - began)
        assert code == 0, f"a worker that was asked to go ended with {code}\n{worker.log_tail()}"

    def leave_all(self) -> None:
        """Ask all to go."""
        for worker in tuple(self.alive):
            self.leave(worker)

    def hang(self, worker: Worker, seconds: float) -> None:
        """Let one hang (SIGSTOP) for a time; beyond the session timeout its group goes on alone."""
        worker.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            worker.send_signal(signal.SIGCONT)

    def replace_crashed(self) -> None:
        """Note each worker that ended by itself, and start another, as Kubernetes does."""
        for worker in [each for each in self.alive if not each.running]:
            self.alive.remove(worker)
            self.crashes.append(f"exit code {worker.exit_code}: {worker.log_tail(12)}")
            self.start(wait=False)

    def kill_all(self) -> None:
        """End whatever still runs."""
        for worker in self._started:
            if worker.running:
                worker.kill()

    def log_tails(self) -> str:
        """The end of each worker's log."""
        return "\n".join(worker.log_tail(30) for worker in self._started)

    def _program(self) -> list[str]:
        if self.faults == SOUND:
            return [*TIDINGS]
        return [sys.executable, "-c", PROGRAM, f"--seed={self.seed}", *self.faults.arguments()]
