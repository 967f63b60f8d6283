"""A real Prometheus that scrapes given targets every second."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from harness.processes import LOOPBACK, Process, free_port, is_listening


class PrometheusMissing(Exception):  # noqa: N818 - a state of the machine
    """Prometheus is not installed; the message says how to get it."""


class Prometheus(Process):
    """Debian's `prometheus` with a store of its own."""

    def __init__(self, folder: Path, targets: Mapping[str, str]) -> None:
        """Start it; `targets` are job names and the host:port of each one's /metrics."""
        program = shutil.which("prometheus")
        if program is None:
            raise PrometheusMissing(
                "The tests scrape with a real Prometheus.\nDebian: apt-get install prometheus"
            )
        self.targets = dict(targets)
        self.port = free_port()
        settings = folder / "prometheus.yml"
        settings.write_text(json.dumps(self._settings()))  # JSON is YAML
        super().__init__(
            "Prometheus",
            [
                program,
                f"--config.file={settings}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={LOOPBACK}:{self.port}",
            ],
            log=folder / "prometheus.log",
        )
        self.wait_until(self._is_ready, what="ready", timeout=60)

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The present value of each series of a PromQL expression, by its labels, sorted.

        Raises AssertionError for an expression that Prometheus refuses.
        """
        answer = self._get("/api/v1/query", query=expression)
        assert answer["status"] == "success", answer
        return {
            tuple(sorted(series["metric"].items())): float(series["value"][1])
            for series in answer["data"]["result"]
        }

    def value(self, expression: str) -> float | None:
        """The present value of an expression of one series; None where there is none yet."""
        series = self.query(expression)
        assert len(series) <= 1, f"{expression} has {len(series)} series"
        return next(iter(series.values()), None)

    def _is_ready(self) -> bool:
        if not is_listening(self.port):
            return False
        ready = httpx.get(f"http://{LOOPBACK}:{self.port}/-/ready", timeout=10)
        return ready.status_code == 200

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"http://{LOOPBACK}:{self.port}{path}"
        return httpx.get(url, params=parameters, timeout=10).json()

    def _settings(self) -> dict[str, Any]:
        return {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]}
                for job, target in self.targets.items()
            ],
        }


StartPrometheus = Callable[[Mapping[str, str]], Prometheus]
"""The fixture `start_prometheus`: jobs by name, each with the host:port of its /metrics."""
