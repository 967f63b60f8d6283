"""`tidings run`: the workers."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tidings_services.settings import Settings, load_settings

if TYPE_CHECKING:
    import faust

app = typer.Typer(help="Run a worker until SIGTERM or Ctrl-C.", no_args_is_help=True)

Port = Annotated[
    int | None, typer.Option(help="Port of /metrics, /healthz and /readyz; TIDINGS_HTTP_PORT.")
]


@app.command()
def intents(port: Port = None) -> None:
    """Route customer messages to queues, or to a person.

    Example: TIDINGS_BOOTSTRAP_SERVERS=kafka:9092 tidings run intents --port 8081
    """
    from tidings_services.preflight import intents_topics
    from tidings_services.workers import build_intents_worker

    run_worker(build_intents_worker, intents_topics, port)


@app.command()
def sentiment(port: Port = None) -> None:
    """Score news per company, and fold the scores into trends.

    Example: TIDINGS_BOOTSTRAP_SERVERS=kafka:9092 tidings run sentiment --port 8082
    """
    from tidings_services.preflight import sentiment_topics
    from tidings_services.workers import build_sentiment_worker

    run_worker(build_sentiment_worker, sentiment_topics, port)


def run_worker(
    build: Callable[[Settings], faust.App],
    topics: Callable[[Settings], set[str]],
    port: int | None,
) -> None:
    """Run a Faust worker on uvloop.

    Ends the process with 0 after a signal, 1 after a crash, 4 where Kafka or a topic is not there.
    """
    import faust
    from mode.loop import use

    from tidings_services.kafka_clients import KafkaUnreachable
    from tidings_services.preflight import TopicsMissing, require_topics

    use("uvloop")
    settings = load_settings()
    if port is not None:
        settings = settings.model_copy(update={"http_port": port})
    logging.basicConfig(level=settings.log_level.upper())
    logging.getLogger("aiokafka").setLevel(logging.INFO)  # its debug log quotes whole records
    worker_app = build(settings)
    try:
        require_topics(settings, topics(settings))
    except (KafkaUnreachable, TopicsMissing) as error:
        typer.echo(f"tidings run: {error}", err=True)
        raise typer.Exit(4) from None
    worker = faust.Worker(worker_app, loglevel=settings.log_level, logfile=None)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        leave(end.code)


def leave(code: str | int | None) -> NoReturn:
    """End the process, also where a thread hangs: Python itself would wait for it for ever."""
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    for thread in others:
        thread.join(timeout=1.0)
    if any(thread.is_alive() for thread in others):
        logging.getLogger(__name__).warning("a thread hangs; the process ends without it")
        logging.shutdown()
        os._exit(code if isinstance(code, int) else int(code is not None))
    sys.exit(code)
