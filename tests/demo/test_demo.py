"""The whole demo against the embedded broker, from the runtime's own environment."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.waiting import wait_for

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
TIDINGS = ROOT / ".venv" / "bin" / "tidings"

pytestmark = [pytest.mark.demo, pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def installed() -> None:
    if not TIDINGS.exists():
        pytest.fail("the demo runs from .venv: make install", pytrace=False)


@pytest.fixture
def busy_ports() -> Iterator[None]:
    """The ports that the demo likes best are somebody else's."""
    listeners = []
    for port in (9092, 8080, 8081, 8082):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            listener.close()  # it is busy already
            continue
        listeners.append(listener)
    yield
    for listener in listeners:
        listener.close()


def our_processes(log_folder: str) -> list[str]:
    """The command lines of processes whose output goes to the demo's folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if str((process / "fd" / "1").readlink()).startswith(log_folder):
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_runtime_has_no_torch() -> None:
    code = (
        "import importlib.util as util;"
        "print([name for name in ('torch', 'transformers') if util.find_spec(name)])"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_demo_ends_by_itself_and_loses_nothing(busy_ports: None) -> None:
    done = subprocess.run(
        [TIDINGS, "demo", "--duration", "20", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["missing"] == 0
    assert summary["in_two_places"] == 0
    parts = [summary[name] for name in ("routed", "triaged", "scored", "dead_lettered")]
    assert all(part > 0 for part in parts), summary
    assert sum(parts) == summary["in"]
    assert "in = out" in done.stderr
    assert "http://127.0.0.1:8080/" not in done.stderr, "a busy port is replaced"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_stops_all_it_started(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+") as out:
        demo = subprocess.Popen(
            [TIDINGS, "demo"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
        )
        try:
            told = (tmp_path / "out").read_text
            wait_for(lambda: "metrics" in told(), what="the addresses", timeout=60)
            page = re.search(r"page +(http://\S+)", told())
            logs = re.search(r"logs +(\S+)", told())
            assert page is not None
            assert logs is not None
            wait_for(lambda: decisions(page[1]) > 0, what="a decision on the page", timeout=30)
            assert len(our_processes(logs[1])) == 4
            demo.send_signal(number)
            assert demo.wait(90) == 0, told()
        finally:
            demo.kill()
            demo.wait()

    assert "in = out" in told()
    assert our_processes(logs[1]) == []


def decisions(page: str) -> int:
    """How many decisions the page shows."""
    with urllib.request.urlopen(f"{page}api/state", timeout=5) as response:  # noqa: S310 - the demo's own address
        return len(json.load(response)["decisions"])
