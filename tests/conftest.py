"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from harness.kafka_broker import KafkaBroker, KafkaMissing
from harness.kafka_topics import Topics
from harness.prometheus import Prometheus, PrometheusMissing, StartPrometheus
from harness.worker import StartWorker, Workers
from tidings_streams.topics import topic_specs

PARTITIONS = 3
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember on the test that it failed, for the fixtures that then show a log."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running Apache Kafka, one for all tests.  A test that wants clean topics takes `topics`."""
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except KafkaMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def topics(kafka: KafkaBroker) -> Topics:
    """The applications' topics, newly made and empty, and consumer groups of the test's own."""
    return make_topics(kafka)


@pytest.fixture(scope="module")
def module_topics(kafka: KafkaBroker) -> Topics:
    """As `topics`, for a run at which all tests of a module look; keep what they need of it."""
    return make_topics(kafka)


def make_topics(kafka: KafkaBroker) -> Topics:
    made = Topics(kafka.bootstrap_servers, group_prefix=f"test-{uuid.uuid4().hex[:8]}-")
    made.recreate(topic_specs(queues=shipped_queues(), partitions=PARTITIONS))
    return made


def shipped_queues() -> set[str]:
    """The queues of the shipped routing table."""
    table = files("tidings_streams").joinpath("data/routing.yaml").read_text(encoding="utf-8")
    return {route["queue"] for route in yaml.safe_load(table)["intents"].values()}


@pytest.fixture
def start_worker(
    topics: Topics, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[StartWorker]:
    """Start `tidings run APPLICATION` on the test's topics, and wait until it is ready.

    Keyword arguments are settings; `wait=False` returns at once.  What still runs when the test
    ends is killed; where the test failed, the end of each log is shown.
    """
    with Workers(topics, tmp_path) as workers:
        yield workers.start
        if request.node.stash.get(FAILED, False):
            workers.show_logs()


@pytest.fixture(scope="module")
def start_module_worker(
    module_topics: Topics, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWorker]:
    """As `start_worker`, on the topics of the module."""
    with Workers(module_topics, tmp_path_factory.mktemp("workers")) as workers:
        yield workers.start


@pytest.fixture
def start_prometheus(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartPrometheus]:
    """Start a Prometheus that scrapes the given jobs (name: host:port) every second."""
    started: list[Prometheus] = []

    def start(targets: Mapping[str, str]) -> Prometheus:
        folder = tmp_path / f"prometheus-{len(started)}"
        folder.mkdir()
        try:
            started.append(Prometheus(folder, targets))
        except PrometheusMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        return started[-1]

    yield start
    for prometheus in started:
        prometheus.kill()
        if request.node.stash.get(FAILED, False):
            print(prometheus.log_tail())  # noqa: T201 - pytest shows it with the failure
