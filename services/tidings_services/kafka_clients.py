"""kafka-python clients for the settings, for what is not a stream: replay, topics, the demo."""

from __future__ import annotations

from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from tidings_services.connection import kafka_connection
from tidings_services.kafka_faults import no_answer
from tidings_services.settings import Settings


class KafkaUnreachable(Exception):  # noqa: N818 - the fact is the name
    """No broker answered; the message names the servers and the setting."""


def new_producer(settings: Settings) -> KafkaProducer:
    """A producer that waits for all in-sync replicas; raises KafkaUnreachable."""
    try:
        return KafkaProducer(
            **_options(settings),
            acks="all",
            enable_idempotence=False,
            linger_ms=10,
            retries=10,
        )
    except KafkaError as error:
        raise _unreachable(settings, error) from None


def new_admin(settings: Settings) -> KafkaAdminClient:
    """An admin client; raises KafkaUnreachable."""
    try:
        return KafkaAdminClient(**_options(settings))
    except KafkaError as error:
        raise _unreachable(settings, error) from None


def _options(settings: Settings) -> dict[str, Any]:
    return kafka_connection(settings).client_options()


def _unreachable(settings: Settings, error: KafkaError) -> KafkaUnreachable:
    return KafkaUnreachable(no_answer(settings.bootstrap_servers, error))
