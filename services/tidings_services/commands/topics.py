"""`tidings topics`: the topics that the applications read and write."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tidings_services.settings import SettingsError, load_settings

app = typer.Typer(help="Kafka topics.", no_args_is_help=True)


@app.command()
def create(
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of each; TIDINGS_PARTITIONS.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make the topics that are missing; those that exist are left as they are.

    Example: TIDINGS_BOOTSTRAP_SERVERS=kafka:9092 tidings topics create --partitions 12
    """
    from tidings_services.kafka_clients import KafkaUnreachable
    from tidings_services.topic_creation import TopicsError, create_topics
    from tidings_streams.routing import RoutingTableError, read_routing_file

    settings = load_settings()
    if partitions is not None:
        settings = settings.model_copy(update={"partitions": partitions})
    try:
        queues = read_routing_file(settings.routing_table).queues
    except RoutingTableError as error:
        raise SettingsError(str(error)) from None
    try:
        made = create_topics(settings, queues=queues)
    except (KafkaUnreachable, TopicsError) as error:
        typer.echo(f"tidings topics create: {error}", err=True)
        raise typer.Exit(4) from None
    if as_json:
        typer.echo(json.dumps([{"topic": name, "created": new} for name, new in made.items()]))
        return
    table = Table("topic", "")
    for name, new in made.items():
        table.add_row(name, "created" if new else "exists")
    Console().print(table)
