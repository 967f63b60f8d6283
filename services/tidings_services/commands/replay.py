"""`tidings replay`: a file into a topic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tidings_services.settings import load_settings


def replay(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON lines.")],
    topic: Annotated[str, typer.Option(help="Topic to write to.")],
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Messages a second (10 where nothing is said).")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Keep the rows' own spacing, so many times as fast."),
    ] = None,
    key_field: Annotated[str | None, typer.Option(help="Field that is the record's key.")] = None,
    time_field: Annotated[
        str | None, typer.Option(help="Field that holds a row's time; stamped where missing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Replay CSV or JSON lines into a topic.

    For `customer-messages` and `news-messages` the key and the time field are known.

    Example: tidings replay messages.csv --topic customer-messages --rate 50
    """
    from tidings_services import replay as replays
    from tidings_services.kafka_clients import KafkaUnreachable, new_producer

    if rate is not None and speed is not None:
        raise typer.BadParameter("--rate and --speed exclude each other")
    known = replays.TARGETS.get(topic, replays.Target(topic=topic))
    target = replays.Target(
        topic=topic,
        key_field=key_field or known.key_field,
        time_field=time_field or known.time_field,
    )
    if speed is not None and target.time_field is None:
        raise typer.BadParameter("--speed needs --time-field")
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(f"{file.name} to {topic}"), MofNCompleteColumn())
    try:
        producer = new_producer(load_settings())
        rows = replays.read_rows(file)
        if speed is None:
            schedule = replays.pace_by_rate(rows, rate=rate or 10.0)
        else:
            schedule = replays.pace_by_time(rows, time_field=target.time_field or "", speed=speed)
        with Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("replay", total=None)
            count = replays.replay(
                producer, target, schedule, on_sent=lambda _: progress.advance(task)
            )
    except replays.ReplayError as error:
        typer.echo(f"tidings replay: {error}", err=True)
        raise typer.Exit(2) from None
    except KafkaUnreachable as error:
        typer.echo(f"tidings replay: {error}", err=True)
        raise typer.Exit(4) from None
    result = {"topic": topic, "sent": count}
    typer.echo(json.dumps(result) if as_json else f"{count} messages sent to {topic}")
