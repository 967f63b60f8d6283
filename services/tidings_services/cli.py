"""The `tidings` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidings_services import __version__
from tidings_services.commands import (
    audit,
    classify,
    config,
    dashboard,
    dead_letters,
    demo,
    models,
    replay,
    run,
    topics,
)
from tidings_services.settings import SettingsError

app = typer.Typer(
    name="tidings",
    help="Streaming NLP on Kafka: intents routed, sentiment followed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def show_version(wanted: bool) -> None:
    """Print the version and leave, where it was asked for."""
    if wanted:
        typer.echo(f"tidings {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Streaming NLP on Kafka: intents routed, sentiment followed."""


app.command()(demo.demo)
app.command()(demo.broker)
app.add_typer(run.app, name="run")
app.add_typer(topics.app, name="topics")
app.add_typer(models.app, name="models")
app.command()(classify.classify)
app.command()(replay.replay)
app.command()(audit.audit)
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(config.config)
app.command()(dashboard.dashboard)


def main() -> None:
    """Run the command; a fault in the settings is told in one line, exit code 2."""
    try:
        app()
    except SettingsError as error:
        typer.echo(f"tidings: {error}", err=True)
        sys.exit(2)
