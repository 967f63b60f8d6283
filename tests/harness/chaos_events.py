"""What can happen to a running scenario, each a method; `happen` draws one of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.chaos_run import ChaosRun
from harness.kafka_broker import KafkaBroker
from harness.worker import SESSION_TIMEOUT_SECONDS
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
)

MOST_WORKERS = 3
TOPICS = (CUSTOMER_MESSAGES, ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens; `workers` is how many it needs for one to be left over."""

    happen: Callable[[], None]
    workers: int = 0


class ChaosEvents:
    """Events on a scenario's workers and nodes, each drawn from its seed and written down."""

    def __init__(self, run: ChaosRun) -> None:
        self._run = run

    def happen(self) -> None:
        """Let one event happen; a worker joins first where there are too few for it."""
        events = [
            *self.of_workers(),
            Event(happen=self.restart_node),
            Event(happen=self.slow_node),
            Event(happen=self.move_leader),
        ]
        self.take(self._run.chance.choice(events))

    def of_workers(self) -> list[Event]:
        """A worker joins, leaves, hangs or is killed."""
        return [
            Event(happen=self.join),
            Event(happen=self.leave, workers=2),
            Event(happen=self.hang, workers=2),
            Event(happen=self.kill, workers=2),
        ]

    def take(self, event: Event) -> None:
        """Let an event happen."""
        self._run.workers.replace_crashed()
        if len(self._run.workers.alive) < event.workers:
            self.join()
        event.happen()

    def join(self) -> None:
        """One worker more, or, where there are many, one less."""
        if len(self._run.workers.alive) >= MOST_WORKERS:
            self.leave()
            return
        self._run.workers.start()
        self._run.note(f"a worker joined: {len(self._run.workers.alive)}")

    def leave(self) -> None:
        """A worker goes (SIGTERM)."""
        self._run.workers.leave(self._run.chance.choice(self._run.workers.alive))
        self._run.note(f"a worker left: {len(self._run.workers.alive)}")

    def kill(self) -> None:
        """A worker is killed (SIGKILL)."""
        self._run.workers.kill(self._run.chance.choice(self._run.workers.alive))
        self._run.note(f"a worker is killed: {len(self._run.workers.alive)}")

    def hang(self) -> None:
        """A worker hangs for so long that the group goes on without it, and then wakes up."""
        self._run.note("a worker hangs")
        worker = self._run.chance.choice(self._run.workers.alive)
        self._run.workers.hang(worker, SESSION_TIMEOUT_SECONDS + 2)
        self._run.note("it wakes up")

    def restart_node(self, *away_seconds: float) -> None:
        """A node is stopped or killed, and is away between two bounds (1 and 8 seconds)."""
        node = self._node()
        way = self._run.chance.choice([node.stop, node.kill])
        self._run.note(f"{way.__name__} node {node.plan.number}")
        way()
        self._run.pause(*(away_seconds or (1, 8)))
        node.start()
        self._run.cluster.wait_until_in_sync()
        self._run.note(f"node {node.plan.number} is back")

    def slow_node(self) -> None:
        """A node hangs for half a second to three."""
        node = self._node()
        self._run.note(f"node {node.plan.number} hangs")
        self._run.cluster.pause(node)
        self._run.pause(0.5, 3)
        self._run.cluster.resume(node)

    def move_leader(self) -> None:
        """Another node leads a partition of an input or output topic."""
        topic = self._run.chance.choice(TOPICS)
        leaders = self._run.cluster.leaders(topic)
        partition = self._run.chance.choice(sorted(leaders))
        numbers = {node.plan.number for node in self._run.cluster.nodes} - {leaders[partition]}
        chosen = self._run.chance.choice(sorted(numbers))
        self._run.cluster.move_leader(topic, partition, chosen)
        self._run.note(f"node {chosen} leads {topic}/{partition}, not {leaders[partition]}")

    def _node(self) -> KafkaBroker:
        return self._run.chance.choice(self._run.cluster.nodes)
