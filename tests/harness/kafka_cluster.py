"""Three real Kafka nodes on the loopback interface, and what can happen to them.

Every partition has three copies, and a record is acknowledged once two have it: with one node away
all goes on, with two nothing does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from harness.kafka_broker import KafkaBroker
from harness.kafka_plan import NodePlan, new_cluster_id
from harness.processes import free_port
from harness.waiting import wait_for

T = TypeVar("T")

NODES = 3
PREFERRED_ELECTION = 0


class KafkaCluster:
    """A cluster whose nodes are stopped, killed, paused and started again one by one."""

    def __init__(self, folder: Path) -> None:
        """Format the nodes' data folders; nothing runs yet."""
        ports = _free_ports(2 * NODES)
        cluster_id = new_cluster_id()
        plans = [
            NodePlan(
                number=number,
                ports=ports[:NODES],
                controller_ports=ports[NODES:],
                cluster_id=cluster_id,
            )
            for number in range(1, NODES + 1)
        ]
        with ThreadPoolExecutor(NODES) as pool:
            made = pool.map(lambda plan: KafkaBroker(folder / f"node-{plan.number}", plan), plans)
            self.nodes = tuple(made)
        self._paused: set[KafkaBroker] = set()

    @property
    def bootstrap_servers(self) -> str:
        """All nodes, separated by commas."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def node(self, number: int) -> KafkaBroker:
        """The node with a number, as leaders are named by."""
        return self.nodes[number - 1]

    def start(self) -> None:
        """Start the nodes that do not run, together, and wait until they serve."""
        launched = [node for node in self.nodes if not node.running]
        for node in launched:
            node.launch()
        for node in launched:
            node.wait_until_ready()

    def kill(self) -> None:
        """End all nodes at once (SIGKILL)."""
        for node in self.nodes:
            node.kill()
        self._paused.clear()

    def pause(self, node: KafkaBroker) -> None:
        """Let a node hang; see `KafkaBroker.pause`."""
        self._paused.add(node)
        node.pause()

    def resume(self, node: KafkaBroker) -> None:
        """Let a paused node go on."""
        self._paused.discard(node)
        if node.running:
            node.resume()

    def heal(self) -> None:
        """Let every node run again, and wait until every copy of every partition is in sync."""
        for node in tuple(self._paused):
            self.resume(node)
        self.start()
        self.wait_until_in_sync()

    def wait_until_in_sync(self, timeout: float = 90.0) -> None:
        """Wait until no partition lacks a copy; only then may the next node be taken away."""
        wait_for(
            self._lagging,
            lambda lagging: not lagging,
            what="every copy of every partition to be in sync",
            timeout=timeout,
            interval=0.3,
        )

    def leaders(self, topic: str) -> dict[int, int]:
        """The node that leads each partition of a topic; -1 where none does."""
        (described,) = self._ask(lambda admin: admin.describe_topics([topic]))
        return {each["partition_index"]: each["leader_id"] for each in described["partitions"]}

    def move_leader(self, topic: str, partition: int, to: int) -> None:
        """Make a node the leader of a partition, and wait until it is."""
        place = TopicPartition(topic, partition)
        order = [to, *(node.plan.number for node in self.nodes if node.plan.number != to)]

        def elect(admin: KafkaAdminClient) -> None:
            admin.alter_partition_reassignments({place: order})
            admin.elect_leaders(PREFERRED_ELECTION, {topic: [partition]}, raise_errors=False)

        def leader() -> int:
            self._ask(elect)
            return self.leaders(topic)[partition]

        wait_for(leader, lambda now: now == to, what=f"{to} to lead {topic}/{partition}")

    def log_tails(self) -> str:
        """The end of each node's log."""
        return "\n".join(node.log_tail() for node in self.nodes)

    def _lagging(self) -> list[str]:
        return [
            f"{topic['name']}/{each['partition_index']} is on {each['isr_nodes']} only"
            for topic in self._ask(lambda admin: admin.describe_topics())
            for each in topic["partitions"]
            if len(each["isr_nodes"]) < NODES
        ]

    def _ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        """The answer to a question; where it falls to a node that is away, another is asked."""

        def ask() -> list[T] | KafkaError:
            try:
                admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
            except KafkaError as error:
                return error
            try:
                return [question(admin)]
            except KafkaError as error:
                return error
            finally:
                admin.close()

        answer = wait_for(ask, lambda it: isinstance(it, list), what="the cluster to answer")
        assert isinstance(answer, list)
        return answer[0]


def _free_ports(count: int) -> tuple[int, ...]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return tuple(ports)
