"""`tidings config`: the settings in force."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from tidings_services.settings import Settings, load_settings, variable_name


def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print the settings as JSON.")] = False,
) -> None:
    """Print the settings in force; secrets are hidden.

    Example: TIDINGS_BOOTSTRAP_SERVERS=kafka:9092 tidings config --json
    """
    settings = load_settings()
    shown = {_variable(name): _shown(getattr(settings, name)) for name in Settings.model_fields}
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    table = Table("variable", "value", "what it is")
    for name, field in Settings.model_fields.items():
        variable = _variable(name)
        value = shown[variable]
        mark = "" if getattr(settings, name) == field.default else "[bold]"
        table.add_row(variable, f"{mark}{'' if value is None else value}", field.description)
    Console().print(table)


def _variable(name: str) -> str:
    return variable_name(Settings.model_fields[name].alias or name)


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "(hidden)"
    return value if isinstance(value, bool | int | float | str | None) else str(value)
