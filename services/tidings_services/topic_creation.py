"""Makes the topics that are missing."""

from __future__ import annotations

from collections.abc import Iterable

from kafka.errors import KafkaError

from tidings_services.kafka_clients import new_admin
from tidings_services.settings import Settings
from tidings_streams.topics import TopicSpec, topic_specs


class TopicsError(Exception):
    """The broker refused to make a topic; the message names it and the refusal."""


def create_topics(settings: Settings, *, queues: Iterable[str]) -> dict[str, bool]:
    """Every topic by name, and whether it was made now.

    Raises KafkaUnreachable, and TopicsError where the broker refuses.
    """
    specs = topic_specs(queues=queues, partitions=settings.partitions)
    admin = new_admin(settings)
    try:
        existing = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            admin.create_topics(
                {spec.name: _options(spec, settings.replication_factor) for spec in missing}
            )
    except KafkaError as error:
        raise TopicsError(
            f"the broker at {settings.bootstrap_servers} did not make the topics: {error}"
        ) from None
    finally:
        admin.close()
    return {spec.name: spec.name not in existing for spec in specs}


def _options(spec: TopicSpec, replication_factor: int) -> dict[str, object]:
    return {
        "num_partitions": spec.partitions,
        "replication_factor": replication_factor,
        "configs": spec.configuration(),
    }
