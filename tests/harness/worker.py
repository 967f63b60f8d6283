"""A Tidings worker as a user starts it: `tidings run`, a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx
from prometheus_client.parser import text_string_to_metric_families

from harness.kafka_topics import Topics
from harness.processes import LOOPBACK, Process, free_port

# It loads ONNX Runtime and a model; on a busy machine with two cores that takes its time.
READY_TIMEOUT_SECONDS = 90.0
TIDINGS = (sys.executable, "-m", "tidings_services")
# Short, so that a worker that was killed is soon out of its group.
SESSION_TIMEOUT_SECONDS = 3.0


def tidings_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these TIDINGS_ settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    return others | {f"TIDINGS_{name.upper()}": value for name, value in settings.items()}


class Worker(Process):
    """`tidings run APPLICATION`."""

    def __init__(
        self,
        application: str,
        *,
        settings: Mapping[str, str],
        log: Path,
        program: Sequence[str] = TIDINGS,
    ) -> None:
        """Start it; `settings` are named as in `Settings`.  It is not ready yet."""
        self.application = application
        self.port = free_port()
        super().__init__(
            f"tidings run {application}",
            [*program, "run", application],
            log=log,
            env=tidings_environment({"http_port": str(self.port), **settings}),
        )

    @property
    def address(self) -> str:
        """Host and port of its /metrics."""
        return f"{LOOPBACK}:{self.port}"

    def get(self, path: str) -> httpx.Response:
        """What it answers at a path; raises httpx.TransportError where it does not."""
        return httpx.get(f"http://{self.address}{path}", timeout=10)

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> None:
        """Wait for /readyz; raises AssertionError with the log's end where it fails."""
        self.wait_until(self.is_ready, what="ready", timeout=READY_TIMEOUT_SECONDS)

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a metric on /metrics by the values of their labels, sorted by label."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == name
        }


class Workers:
    """The workers of a test or of a module, all on the same topics; at the end none is left."""

    def __init__(self, topics: Topics, folder: Path) -> None:
        self._topics = topics
        self._folder = folder
        self._started: list[Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._started:
            if worker.running:
                worker.kill()

    def start(self, application: str, *, wait: bool = True, **settings: object) -> Worker:
        """Start `tidings run APPLICATION`; `settings` are named as in `Settings`."""
        worker = Worker(
            application,
            settings={
                "bootstrap_servers": self._topics.bootstrap_servers,
                "group_prefix": self._topics.group_prefix,
                "session_timeout_seconds": str(SESSION_TIMEOUT_SECONDS),
                "inference_threads": "1",
                **{name: str(value) for name, value in settings.items()},
            },
            log=self._folder / f"{application}-{len(self._started)}.log",
        )
        self._started.append(worker)
        if wait:
            worker.wait_until_ready()
        return worker

    def show_logs(self) -> None:
        """Print the end of each log; pytest shows it with a failure."""
        for worker in self._started:
            print(worker.log_tail())  # noqa: T201


StartWorker = Callable[..., Worker]
"""The fixture `start_worker`: an application's name, and settings as keywords."""
