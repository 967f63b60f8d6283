"""A real Apache Kafka node: broker and controller in one process, on the loopback interface."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from harness.kafka_plan import NodePlan
from harness.processes import LOOPBACK, Process, is_listening

KAFKA_FOLDER = Path(__file__).parents[1] / "integration" / "kafka"
START_TIMEOUT_SECONDS = 60.0
# A short life on a small machine: start quickly, use little memory.
JAVA_OPTIONS = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class KafkaMissing(Exception):  # noqa: N818 - a state of the machine
    """Kafka can not be had here; the message says what to install."""


def fetch_kafka() -> Path:
    """The folder of Kafka's jars, fetched by Maven where they are not there yet."""
    done = subprocess.run(
        [str(KAFKA_FOLDER / "fetch.sh")], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise KafkaMissing(done.stderr.strip())
    if shutil.which("java") is None:
        raise KafkaMissing(
            "The tests run a real Apache Kafka, which needs Java 17.\n"
            "Debian and Ubuntu: apt-get install openjdk-17-jre-headless"
        )
    return Path(done.stdout.strip())


class KafkaBroker:
    """A Kafka node with a data folder of its own; it can be stopped, killed and started again."""

    def __init__(self, folder: Path, plan: NodePlan | None = None) -> None:
        """Format the data folder `folder`/data; nothing runs yet.  Alone where there is no plan."""
        self.folder = folder
        self.plan = plan or NodePlan()
        self._jars = fetch_kafka()
        self._settings = folder / "server.properties"
        self._process: Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._properties())
        self._format()

    @property
    def port(self) -> int:
        return self.plan.port

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start the node and wait until it serves consumer groups."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the node; it is not ready yet."""
        self._process = Process(
            f"Kafka node {self.plan.number}",
            self._java("kafka.Kafka", str(self._settings)),
            log=self.folder / "kafka.log",
        )

    def wait_until_ready(self) -> None:
        """Wait until a launched node serves consumer groups."""
        assert self._process is not None, "the node was not launched"
        self._process.wait_until(self._serves_groups, what="ready", timeout=START_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Stop the node in an orderly way; its data stay."""
        self._end(lambda process: process.terminate(timeout=60))

    def kill(self) -> None:
        """End the node at once (SIGKILL); its data stay."""
        self._end(lambda process: process.kill())

    def pause(self) -> None:
        """Let the node hang (SIGSTOP): its connections stay, nothing answers, until `resume`."""
        assert self._process is not None, "the node does not run"
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused node go on (SIGCONT)."""
        assert self._process is not None, "the node does not run"
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop the node and start it again with the same data and address."""
        self.stop()
        self.start()

    def log_tail(self) -> str:
        return self._process.log_tail() if self._process else "Kafka was not started"

    def _end(self, way: Callable[[Process], int]) -> None:
        if self._process is not None and self._process.running:
            way(self._process)
        self._process = None

    def _serves_groups(self) -> bool:
        if not is_listening(self.port):  # kafka-python leaks a socket where nobody listens
            return False
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap_servers, bootstrap_timeout_ms=2_000
            )
        except KafkaError:
            return False
        try:
            admin.list_group_offsets("nobody")  # makes the first one create its internal topic
        except KafkaError:
            return False
        else:
            return True
        finally:
            admin.close()

    def _format(self) -> None:
        identity = f"--cluster-id={self.plan.cluster_id}"  # it may begin with a dash
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", identity, "-c", self._settings),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"formatting Kafka's storage failed\n{done.stdout}{done.stderr}")

    def _java(self, *arguments: str | Path) -> list[str]:
        return [
            "java",
            *JAVA_OPTIONS,
            f"-Dlog4j2.configurationFile={KAFKA_FOLDER / 'log4j2.xml'}",
            "-cp",
            f"{self._jars}/*",
            *map(str, arguments),
        ]

    def _properties(self) -> str:
        plan = self.plan
        settings = {
            "process.roles": "broker,controller",
            "node.id": plan.number,
            "controller.quorum.voters": plan.voters,
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},"
            f"CONTROLLER://{LOOPBACK}:{plan.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": "false",
            "num.partitions": 3,
            "default.replication.factor": plan.replicas,
            "min.insync.replicas": plan.in_sync_replicas,
            "offsets.topic.replication.factor": plan.replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": plan.replicas,
            "transaction.state.log.min.isr": plan.in_sync_replicas,
            "transaction.state.log.num.partitions": 4,
            # A node that is gone is noticed after seconds, as the tests do not last longer.
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 500,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "log.segment.delete.delay.ms": 1000,
        }
        if len(plan.ports) == 1:
            # Everybody may do everything, but where a test says otherwise.  Nodes of a cluster
            # would have to be told from everybody: they ask each other before any rule is known.
            settings |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found": "true",
            }
        return "".join(f"{name}={value}\n" for name, value in settings.items())
