"""`tidings demo` and `tidings broker`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tidings_services.settings import load_settings


def demo(
    duration: Annotated[
        float | None, typer.Option(min=1, help="Seconds to run; until Ctrl-C where unset.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, max=200, help="Customer messages a second; half as many news.")
    ] = 12.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run everything on this machine: a broker, both applications, the page, and messages.

    The exit code is 0 where every message came out, 1 where one is missing or a process failed.

    Example: tidings demo --duration 60
    """
    from tidings_services.broker import BrokerMissing
    from tidings_services.demo import run_demo
    from tidings_services.demo_processes import ProcessDied

    try:
        complete = run_demo(
            settings=load_settings(), rate=rate, duration=duration, json_summary=as_json
        )
    except (BrokerMissing, ProcessDied) as error:
        typer.echo(f"tidings demo: {error}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if complete else 1)


def broker(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1.")] = 9092,
) -> None:
    """Run the embedded broker (Tansu, in memory) until SIGTERM or Ctrl-C; for the demo only.

    Example: tidings broker --port 9092
    """
    from tidings_services.broker import LOOPBACK, BrokerMissing, broker_command
    from tidings_services.ports import is_listening

    if is_listening(port):
        typer.echo(f"tidings broker: {LOOPBACK}:{port} is busy; choose a --port", err=True)
        raise typer.Exit(2)
    try:
        command = broker_command(port)
    except BrokerMissing as error:
        typer.echo(f"tidings broker: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Kafka protocol at {LOOPBACK}:{port}; records are kept in memory only")
    os.execv(command[0], command)  # noqa: S606 - no shell, our own binary
