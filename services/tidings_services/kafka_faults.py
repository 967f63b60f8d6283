"""What can be wrong with Kafka, as it is told to whoever called a command."""

from __future__ import annotations

from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError


class TopicUnknown(Exception):  # noqa: N818 - the fact is the name
    """Topics that were asked for are not there; the message names them and the remedy."""


class KafkaFailed(Exception):  # noqa: N818 - the fact is the name
    """Kafka did not answer, or refused; the message names the servers and the setting."""


def no_answer(servers: str, error: BaseException) -> str:
    """That no broker answers, and what to do about it."""
    return (
        f"no Kafka broker answers at {servers} ({type(error).__name__}); set "
        "TIDINGS_BOOTSTRAP_SERVERS to host:port of yours, or start one with `tidings broker`"
    )


def kafka_failure(servers: str, error: BaseException) -> KafkaFailed:
    """What aiokafka's error means to the caller of a command."""
    if isinstance(error, KafkaConnectionError | KafkaTimeoutError | OSError | TimeoutError):
        return KafkaFailed(no_answer(servers, error))
    return KafkaFailed(f"Kafka at {servers} refused: {error}")
