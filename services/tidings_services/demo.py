"""The demo: broker, both workers, the page, and messages to look at, all on this machine."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from kafka import KafkaConsumer
from rich.console import Console
from rich.live import Live

from tidings_services.broker import LOOPBACK, broker_command
from tidings_services.connection import kafka_connection
from tidings_services.demo_input import demo_file
from tidings_services.demo_ledger import Ledger
from tidings_services.demo_processes import Children, answers, our_command
from tidings_services.demo_report import addresses, as_json, progress_line, progress_table, summary
from tidings_services.demo_streams import DemoStreams
from tidings_services.kafka_clients import new_producer
from tidings_services.ports import Ports, is_listening
from tidings_services.settings import Settings, child_environment
from tidings_services.topic_creation import create_topics
from tidings_streams.routing import read_routing_file

START_SECONDS = 60.0
DRAIN_SECONDS = 45.0
PLAIN_LINE_SECONDS = 10.0
# The broker lets a joining worker wait for half of this, so it is short; see broker.py.
SESSION_SECONDS = 2.0
# The embedded broker holds every fetch for as long as it may.
FETCH_WAIT_SECONDS = 0.02


class Stopped(Exception):  # noqa: N818 - a signal, not a fault
    """Somebody asked the demo to stop."""


def run_demo(
    *, settings: Settings, rate: float, duration: float | None, json_summary: bool
) -> bool:
    """Run the demo until Ctrl-C or for `duration` seconds; whether in = out.

    Raises ProcessDied where a process fails, BrokerMissing where the broker is not installed.
    """
    console = Console(stderr=json_summary)
    folder = Path(tempfile.mkdtemp(prefix="tidings-demo-"))
    ports = Ports()
    settings = settings.model_copy(
        update={
            "bootstrap_servers": f"{LOOPBACK}:{ports.broker}",
            "security_protocol": "PLAINTEXT",
            "partitions": 3,
            "replication_factor": 1,
        }
    )
    ledger = Ledger()
    with stopping_signals(), Children(folder=folder) as children:
        try:
            start_everything(console, children, settings, ports)
            streams = DemoStreams(
                producer=new_producer(settings),
                new_consumer=lambda: new_consumer(settings),
                rate=rate,
            )
            streams.start()
            console.print(addresses(ports, folder, duration))
            watch(console, children, streams, ledger, duration)
        except Stopped:
            console.print("Stopped before the first message.")
            return True
        console.print("Stopping: no more input, waiting for what is under way.")
        drain(children, streams, ledger)
    console.print(summary(ledger))
    if json_summary:
        sys.stdout.write(as_json(ledger) + "\n")
    return ledger.missing == 0 and ledger.contradictions == 0


def start_everything(
    console: Console, children: Children, settings: Settings, ports: Ports
) -> None:
    """Start broker, topics, workers and page, and wait until each is ready."""
    begin = time.monotonic()
    with console.status("Starting the embedded broker"):
        children.start("broker", broker_command(ports.broker), child_environment())
        children.wait_until(
            lambda: is_listening(ports.broker), seconds=START_SECONDS, what="starting the broker"
        )
        create_topics(settings, queues=read_routing_file(None).queues)
    common = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": "PLAINTEXT",
        "session_timeout_seconds": str(SESSION_SECONDS),
        "fetch_wait_seconds": str(FETCH_WAIT_SECONDS),
        "inference_threads": "1",  # two workers share this machine
        "http_host": LOOPBACK,
        "companies": str(demo_file("companies.yaml")),
        "dashboard_from": "earliest",
    }
    for name, port, command in (
        ("dashboard", ports.page, ("dashboard",)),
        ("intents", ports.intents, ("run", "intents")),
        ("sentiment", ports.sentiment, ("run", "sentiment")),
    ):
        environment = child_environment(**common, http_port=str(port))
        children.start(name, our_command(*command), environment)
    with console.status("Loading the models"):
        for name, port in (
            ("the page", ports.page),
            ("the intent router", ports.intents),
            ("the sentiment monitor", ports.sentiment),
        ):
            ready = ports.url(port, "/readyz")
            children.wait_until(
                partial(answers, ready), seconds=START_SECONDS, what=f"starting {name}"
            )
    console.print(f"Ready in {time.monotonic() - begin:.1f} s.")


def new_consumer(settings: Settings) -> KafkaConsumer:
    """A consumer without a group."""
    return KafkaConsumer(
        **kafka_connection(settings).client_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )


def watch(
    console: Console,
    children: Children,
    streams: DemoStreams,
    ledger: Ledger,
    duration: float | None,
) -> None:
    """Show progress until the time is over or somebody stops the demo."""
    begin = time.monotonic()
    next_line = begin + PLAIN_LINE_SECONDS
    live = Live(console=console, auto_refresh=False, transient=True)
    try:
        with live:
            while duration is None or time.monotonic() < begin + duration:
                time.sleep(0.25)
                children.check()
                streams.settle(ledger)
                seconds = time.monotonic() - begin
                if console.is_terminal:
                    live.update(progress_table(ledger, seconds), refresh=True)
                elif time.monotonic() >= next_line:
                    console.print(progress_line(ledger, seconds))
                    next_line += PLAIN_LINE_SECONDS
    except Stopped:
        pass


def drain(children: Children, streams: DemoStreams, ledger: Ledger) -> None:
    """Stop the input and wait until everything came out, or for a bounded time."""
    streams.stop_input()
    end = time.monotonic() + DRAIN_SECONDS
    streams.settle(ledger)
    while ledger.missing and time.monotonic() < end:
        time.sleep(0.2)
        children.check()
        streams.settle(ledger)
    streams.stop_output()
    streams.settle(ledger)


@contextmanager
def stopping_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal raise Stopped once; further ones are ignored."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
