"""TCP ports on the loopback interface."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from tidings_services.broker import LOOPBACK


def choose_port(preferred: int) -> int:
    """The preferred port, or a free one where it is busy."""
    for port in (preferred, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise OSError(f"no port of {LOOPBACK} is free")


def is_listening(port: int) -> bool:
    """Whether somebody answers at a port."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((LOOPBACK, port)) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the demo listens: the usual ports, or free ones, on the loopback interface."""

    broker: int = field(default_factory=lambda: choose_port(9092))
    page: int = field(default_factory=lambda: choose_port(8080))
    intents: int = field(default_factory=lambda: choose_port(8081))
    sentiment: int = field(default_factory=lambda: choose_port(8082))

    def url(self, port: int, path: str = "/") -> str:
        """The address of something that listens there."""
        return f"http://{LOOPBACK}:{port}{path}"
