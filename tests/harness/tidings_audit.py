"""`tidings audit` on the topics of a chaos test, beside the tests' own judge."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from harness.chaos_audit import OUTCOMES, Verdict
from harness.kafka_topics import Topics
from harness.worker import TIDINGS, tidings_environment
from tidings_services.cli import app
from tidings_streams.topics import CUSTOMER_MESSAGES

AUDIT_SECONDS = 120


def has_audit() -> bool:
    """Whether there is such a command."""
    return any(
        command.name == "audit" or getattr(command.callback, "__name__", None) == "audit"
        for command in app.registered_commands
    )


def audit_command() -> list[str]:
    """The command that audits the intent router's topics."""
    to = [argument for topic in OUTCOMES for argument in ("--to", topic)]
    return [*TIDINGS, "audit", "--from", CUSTOMER_MESSAGES, *to, "--json"]


def run_audit(topics: Topics) -> dict[str, Any]:
    """What the command reports; raises AssertionError where its exit code contradicts it."""
    settings = {
        "bootstrap_servers": topics.bootstrap_servers,
        "group_prefix": topics.group_prefix,
    }
    done = subprocess.run(
        audit_command(),
        env=tidings_environment(settings),
        capture_output=True,
        text=True,
        timeout=AUDIT_SECONDS,
        check=False,
    )
    assert done.returncode in {0, 1}, f"tidings audit failed: {done.stderr}"
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(report["missing"]), f"exit {done.returncode} for {report}"
    return report


def differences(verdict: Verdict, report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Where the judge and the command disagree: what each counted."""
    names = ("inputs", "outputs", "missing", "repeated", "in_several")
    counted = {name: (getattr(verdict, name), report[name]) for name in names}
    return {name: both for name, both in counted.items() if both[0] != both[1]}
