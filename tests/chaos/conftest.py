"""Chaos on a real Kafka cluster of three nodes.

CHAOS=long              the long form; the short one where unset
CHAOS_SEED=7            the schedules and streams of the run that printed this seed
CHAOS_SETTINGS=...      the workers' settings, as name=value, separated by commas
CHAOS_REPORT=FILE       adds a line of JSON for each scenario
"""

from __future__ import annotations

import logging
import os
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.chaos_model import SOUND, ModelFaults
from harness.chaos_run import ChaosPlan, ChaosRun
from harness.kafka_broker import KafkaMissing
from harness.kafka_cluster import KafkaCluster
from harness.kafka_topics import Topics
from tidings_services.settings import Settings
from tidings_streams.routing import read_routing_file
from tidings_streams.topics import topic_specs

PARTITIONS = 4
HIDDEN = ("scenario", "form", "seed")
lines: list[dict[str, object]] = []

StartChaos = Callable[..., ChaosRun]


@pytest.fixture(scope="session")
def chaos_plan() -> ChaosPlan:
    """What the environment asks for."""
    given = os.environ.get("CHAOS_SETTINGS", "")
    settings = dict(pair.split("=", 1) for pair in given.split(",") if pair)
    if unknown := settings.keys() - Settings.model_fields.keys():
        pytest.fail(f"CHAOS_SETTINGS has what no worker knows: {sorted(unknown)}", pytrace=False)
    report = os.environ.get("CHAOS_REPORT")
    return ChaosPlan(
        seed=int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000)),
        long=os.environ.get("CHAOS") == "long",
        settings=settings,
        report=Path(report) if report else None,
    )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three running nodes, for all chaos tests."""
    try:
        made = KafkaCluster(tmp_path_factory.mktemp("cluster"))
    except KafkaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture(autouse=True)
def quiet_client() -> Iterator[None]:
    """Let kafka-python, with which the tests themselves speak, not log what they do to it."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.fixture
def cluster_topics(cluster: KafkaCluster) -> Topics:
    """Empty topics with three copies of each partition, on a cluster that is whole."""
    cluster.heal()
    topics = Topics(cluster.bootstrap_servers, group_prefix=f"chaos-{uuid.uuid4().hex[:8]}-")
    topics.recreate(topic_specs(queues=read_routing_file(None).queues, partitions=PARTITIONS))
    return topics


@pytest.fixture
def start_chaos(
    chaos_plan: ChaosPlan,
    cluster: KafkaCluster,
    cluster_topics: Topics,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[StartChaos]:
    """Prepare the test's scenario: the stream's rate (a second), faults, and settings of its own.

    Its line of the report is kept for the summary, also where the test failed.
    """
    prepared: list[ChaosRun] = []

    def start(*, rate: float, faults: ModelFaults = SOUND, **settings: str) -> ChaosRun:
        run = ChaosRun(
            scenario=request.node.name.removeprefix("test_"),
            plan=replace(chaos_plan, settings={**chaos_plan.settings, **settings}),
            cluster=cluster,
            topics=cluster_topics,
            folder=tmp_path,
            rate=rate,
            faults=faults,
        )
        prepared.append(run)
        return run

    yield start
    lines.extend(run.line() for run in prepared)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what every scenario counted; a failed one's line ends where it failed."""
    if not lines:
        return
    terminalreporter.section(f"chaos: CHAOS_SEED={lines[0]['seed']}")
    for line in lines:
        shown = {name: value for name, value in line.items() if name not in HIDDEN and value}
        terminalreporter.write_line(
            f"{line['scenario']}: " + ", ".join(f"{name} {value}" for name, value in shown.items())
        )
