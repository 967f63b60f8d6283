"""The `tidings` command on a test's topics: a process as a script starts it, or in this one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from harness.kafka_topics import Topics
from harness.worker import tidings_environment
from tidings_services.cli import app
from tidings_services.settings import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        assert self.out, self.err
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def tidings(topics: Topics, *arguments: str, timeout: float = 120) -> Done:
    """Run `tidings` with these arguments on the topics' cluster, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "tidings_services", *arguments],
        env=_environment(topics),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def tidings_here(topics: Topics, *arguments: str) -> Done:
    """Run the same command in this process, which is a second sooner done; never in a loop."""
    load_settings.cache_clear()
    try:
        done = CliRunner().invoke(app, list(arguments), env=_environment(topics))
    finally:
        load_settings.cache_clear()
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(code=done.exit_code, out=done.stdout, err=done.stderr)


def _environment(topics: Topics) -> dict[str, str]:
    return tidings_environment(
        {"bootstrap_servers": topics.bootstrap_servers, "group_prefix": topics.group_prefix}
    )
