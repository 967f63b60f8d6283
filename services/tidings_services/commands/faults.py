"""What the commands that read topics answer to a fault: one line, and an exit code."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer

BAD_USAGE = 2
NO_KAFKA = 4


@contextmanager
def one_line_faults(command: str) -> Iterator[None]:
    """Exit with 2 for what the caller can mend, with 4 where Kafka does not answer or refuses."""
    from tidings_services.dead_letter_selection import InvalidPlace
    from tidings_services.instants import InvalidInstant
    from tidings_services.kafka_faults import KafkaFailed, TopicUnknown

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the line says it
    try:
        yield
    except (InvalidInstant, InvalidPlace, TopicUnknown) as fault:
        raise bad_usage(command, str(fault)) from None
    except KafkaFailed as fault:
        typer.echo(f"{command}: {fault}", err=True)
        raise typer.Exit(NO_KAFKA) from None


def bad_usage(command: str, message: str) -> typer.Exit:
    """Say what is wrong; the exit to raise."""
    typer.echo(f"{command}: {message}", err=True)
    return typer.Exit(BAD_USAGE)
