"""The `tidings` command on a test's topics, as a person or a script runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from harness.kafka_topics import Topics
from harness.worker import tidings_environment


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
        env=tidings_environment(
            {
                "bootstrap_servers": topics.bootstrap_servers,
                "group_prefix": topics.group_prefix,
            }
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
