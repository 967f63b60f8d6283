"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kafka_broker import KafkaBroker, KafkaMissing
from harness.kafka_topics import Topics
from tidings_streams.topics import topic_specs

ROOT = Path(__file__).parents[1]
PARTITIONS = 3


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
    made = Topics(kafka.bootstrap_servers, group_prefix=f"test-{uuid.uuid4().hex[:8]}-")
    made.recreate(topic_specs(queues=(), partitions=PARTITIONS))
    return made
