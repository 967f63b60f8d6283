"""A run's figures in a JSON file, part by part, so that one part can be measured again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, versions
from benchmarks.plan import PEERS, Plan
from benchmarks.texts import token_histogram
from benchmarks.tidings_workers import run_ceiling


class Results:
    """What is known by now, in a JSON file."""

    def __init__(self, file: Path, plan: Plan, *, quick: bool, fresh: bool) -> None:
        """Take up what the file has of an earlier run, unless this one is `fresh`."""
        self._file = file
        self._started = time.time()
        self.content: dict[str, Any] = {"parts": {}}
        if file.exists() and not fresh:
            self.content = json.loads(file.read_text(encoding="utf-8"))
        self.content["run"] = {
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            "seed": plan.seed,
            "quick": quick,
        }

    def part(self, name: str) -> dict[str, Any]:
        """A part's figures; raises SystemExit where it was never measured."""
        if name not in self.content["parts"]:
            raise SystemExit(f"{name} was not measured yet: add it to --only")
        figures: dict[str, Any] = self.content["parts"][name]["figures"]
        return figures

    def describe(self, plan: Plan, texts: list[str]) -> None:
        """Note the machine, the versions and the texts."""
        lengths = run_ceiling(plan, way="one by one", texts=1, seconds=0)["token_lengths"]
        self.content["machine"] = describe_machine()
        self.content["versions"] = {
            "Tidings": versions(plan.tidings_python),
            "the user's loop": versions(plan.user_python),
            **{peer: versions(plan.work / peer / "bin" / "python") for peer in PEERS},
        }
        self.content["texts"] = {
            "count": len(texts),
            "mean_tokens": sum(lengths) / len(lengths),
            "histogram": token_histogram(lengths),
        }

    def add(self, part: str, figures: Callable[[], dict[str, Any]]) -> None:
        """Measure a part and keep its figures."""
        began = time.monotonic()
        found = figures()
        self.content["parts"][part] = {
            "figures": found,
            "run": self.content["run"]["started_at"],
            "seconds": round(time.monotonic() - began, 1),
        }
        self._save()

    def finish(self) -> None:
        """Note how long the run took."""
        self.content["run"]["minutes"] = round((time.time() - self._started) / 60, 1)
        self._save()

    def _save(self) -> None:
        self._file.write_text(json.dumps(self.content, indent=1), encoding="utf-8")
