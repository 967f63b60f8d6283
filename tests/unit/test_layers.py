"""Rules of the whole tree that neither lint nor import-linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("models/tidings_models", "streams/tidings_streams", "services/tidings_services")
# Besides the settings, one module sets (never reads) a variable that ONNX Runtime reads at import.
EXEMPT = {
    ROOT / "services" / "tidings_services" / "settings.py",
    ROOT / "models" / "tidings_models" / "onnx_runtime.py",
}
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}


def readings_of_the_environment(source: str) -> Iterator[int]:
    """The lines on which a module touches the process's environment."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for name in node.names if name.name in ENVIRONMENT)


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_reading_the_environment_is_noticed(source: str) -> None:
    assert list(readings_of_the_environment(source))


@pytest.mark.parametrize(
    "module",
    [path for path in MODULES if path not in EXEMPT],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_the_settings_read_the_environment(module: Path) -> None:
    lines = list(readings_of_the_environment(module.read_text(encoding="utf-8")))

    assert lines == [], f"line {lines}: read the setting in settings.py and pass its value"
