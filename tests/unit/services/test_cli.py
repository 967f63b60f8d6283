from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tidings_services import __version__
from tidings_services.cli import app
from tidings_services.settings import load_settings


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def commands(group: typer.Typer, path: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    for command in group.registered_commands:
        assert command.callback is not None
        yield (*path, command.name or command.callback.__name__.replace("_", "-"))
    for sub in group.registered_groups:
        assert sub.typer_instance is not None
        yield from commands(sub.typer_instance, (*path, str(sub.name)))


ALL = sorted(commands(app))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_the_commands_are_there() -> None:
    wanted = {
        ("demo",), ("broker",), ("topics", "create"), ("run", "intents"), ("run", "sentiment"),
        ("classify",), ("replay",), ("config",), ("dashboard",), ("audit",),
        *(("dead-letters", name) for name in ("list", "show", "replay")),
        *(("models", name) for name in ("finetune", "export", "quantize", "evaluate", "build")),
    }  # fmt: skip
    assert wanted <= set(ALL)


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_shows_an_example(command: tuple[str, ...]) -> None:
    code, output = run(*command, "--help")

    assert code == 0
    assert "Example" in output
    assert f"tidings {' '.join(command)}" in " ".join(output.replace("│", " ").split())


def test_version_is_told() -> None:
    assert run("--version") == (0, f"tidings {__version__}\n")


def test_config_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_SASL_PASSWORD", "s3cret")
    code, output = run("config", "--json")

    assert code == 0
    assert json.loads(output)["TIDINGS_SASL_PASSWORD"] == "(hidden)"
    assert "s3cret" not in output + run("config")[1]


def tidings(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tidings_services", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_bad_setting_is_one_line_and_exit_code_2() -> None:
    done = tidings("config", TIDINGS_HTTP_PORT="seventy")

    assert done.returncode == 2
    assert done.stderr.startswith("tidings: TIDINGS_HTTP_PORT")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "create"),
        ("audit", "--from", "customer-messages", "--to", "routed-messages"),
        ("dead-letters", "list"),
        ("dead-letters", "show", "0:0"),
        ("dead-letters", "replay", "--all", "--yes"),
    ],
    ids=" ".join,
)
def test_broker_that_is_not_there_is_told_and_exit_code_4(arguments: tuple[str, ...]) -> None:
    done = tidings(*arguments, TIDINGS_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert done.returncode == 4
    assert "TIDINGS_BOOTSTRAP_SERVERS" in done.stderr


def test_bundle_that_is_not_there_stops_a_worker_with_exit_code_2(tmp_path: Path) -> None:
    done = tidings("run", "intents", TIDINGS_INTENTS_BUNDLE=str(tmp_path / "none"))

    assert done.returncode == 2
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr
