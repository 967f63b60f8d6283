"""The Faust app that hosts a worker's services: start, signals, an orderly stop."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import faust
from faust.app.base import BootStrategy
from mode import ServiceT


class HostStrategy(BootStrategy):
    """Starts no Kafka client of Faust's own: the services bring theirs."""

    enable_kafka = False


class HostApp(faust.App):
    """A Faust app that hosts services."""

    BootStrategy = HostStrategy
    producer_only = True


def build_host(name: str, services: Sequence[ServiceT]) -> faust.App:
    """A Faust app that starts these services in order and stops them in the opposite one."""
    app = HostApp(
        name,
        broker="kafka://",
        web_enabled=False,
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / f"{name}-data"),
        worker_redirect_stdouts=False,
    )
    for service in services:
        app.add_dependency(service)
    return app
