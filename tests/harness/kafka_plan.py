"""A Kafka node's place in its cluster: number, ports, copies."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field

from harness.processes import LOOPBACK, free_port


def new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """A node's number, from 1, and what all nodes of its cluster know of each other.

    `ports` and `controller_ports` have one entry per node, the first one's first.
    """

    number: int = 1
    ports: tuple[int, ...] = field(default_factory=lambda: (free_port(),))
    controller_ports: tuple[int, ...] = field(default_factory=lambda: (free_port(),))
    cluster_id: str = field(default_factory=new_cluster_id)

    @property
    def port(self) -> int:
        """Where clients find this node."""
        return self.ports[self.number - 1]

    @property
    def controller_port(self) -> int:
        """Where the other controllers find this node."""
        return self.controller_ports[self.number - 1]

    @property
    def voters(self) -> str:
        """All controllers, as Kafka's settings name them."""
        numbered = enumerate(self.controller_ports, start=1)
        return ",".join(f"{number}@{LOOPBACK}:{port}" for number, port in numbered)

    @property
    def replicas(self) -> int:
        """How many copies there are of a partition."""
        return min(3, len(self.ports))

    @property
    def in_sync_replicas(self) -> int:
        """How many of them must have a record before it is acknowledged."""
        return max(1, self.replicas - 1)
