"""`tidings dashboard`: the web page."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import typer

from tidings_services.connection import kafka_connection
from tidings_services.dashboard.server import bind, serve
from tidings_services.settings import load_settings


def dashboard(
    host: Annotated[
        str | None, typer.Option(help="Address to bind to; TIDINGS_HTTP_HOST where not given.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Port; 0 takes a free one.  TIDINGS_HTTP_PORT where not given."
        ),
    ] = None,
) -> None:
    """Serve the web page: what is decided, as it is decided.

    Example: [bold]tidings dashboard --port 8080[/bold]
    """
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if settings.log_level != "debug":  # it tells of an absent broker ten times a second
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    connection = kafka_connection(settings)
    host = settings.http_host if host is None else host
    port = settings.http_port if port is None else port
    try:
        bound = bind(host, port)
    except OSError as error:
        typer.echo(
            f"tidings: can not bind to {host}:{port}: {error.strerror}.  "
            "Choose another with --port, or 0 for a free one.",
            err=True,
        )
        raise typer.Exit(2) from None
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"Dashboard: http://{shown}:{bound.getsockname()[1]}/")
    asyncio.run(serve(connection=connection, start=settings.dashboard_from, bound=bound))
