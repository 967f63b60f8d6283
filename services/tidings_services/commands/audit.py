"""`tidings audit`: whether every input record ended somewhere."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tidings_services.commands.faults import bad_usage, one_line_faults
from tidings_services.commands.reading_progress import reading_progress
from tidings_services.settings import load_settings

if TYPE_CHECKING:
    from tidings_services.audit_reading import Audit, AuditPlan, OnProgress

COMMAND = "tidings audit"


def audit(
    inputs: Annotated[list[str], typer.Option("--from", help="Input topic; may be repeated.")],
    outputs: Annotated[
        list[str],
        typer.Option(
            "--to", help="Output topic, dead letters too; may be repeated.  queue-* hold copies."
        ),
    ],
    group: Annotated[
        str | None,
        typer.Option(
            help="Consumer group: what it has not committed yet is pending, not missing.  "
            "Known for customer-messages and news-messages; '' means none."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only inputs written since: RFC 3339, or so long ago (15m, 2h, 3d)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read topics and tell whether every input record ended somewhere.

    Exit code 0: nothing is missing; 1: something is; 2: a topic is not there; 4: no Kafka.

    Example: tidings audit --from customer-messages --to routed-messages
    --to triage-messages --to dead-letters
    """
    from tidings_services.audit_ledger import MOST_OUTPUT_TOPICS
    from tidings_services.audit_reading import AuditPlan, groups_of
    from tidings_services.audit_view import audit_lines, audit_table
    from tidings_services.instants import parse_instant

    both = sorted(set(inputs) & set(outputs))
    if both:
        raise bad_usage(COMMAND, f"{', '.join(both)} can not be --from and --to")
    if len(set(outputs)) > MOST_OUTPUT_TOPICS:
        raise bad_usage(COMMAND, f"at most {MOST_OUTPUT_TOPICS} topics can be --to")
    with one_line_faults(COMMAND):
        plan = AuditPlan(
            inputs=tuple(dict.fromkeys(inputs)),
            outputs=tuple(dict.fromkeys(outputs)),
            groups=groups_of(inputs, prefix=load_settings().group_prefix, named=group),
            since=None if since is None else parse_instant(since, now=datetime.now(UTC)),
        )
        found = read_with_progress(plan)
    if as_json:
        typer.echo(json.dumps(found.report.as_json()))
    else:
        Console().print(audit_table(found.report))
        for line in audit_lines(found.report):
            typer.echo(line)
    for note in found.notes:
        typer.echo(f"{COMMAND}: {note}", err=True)
    raise typer.Exit(1 if found.report.missing else 0)


def read_with_progress(plan: AuditPlan) -> Audit:
    """Run the audit, with a bar on a terminal; raises TopicUnknown and KafkaFailed."""
    from tidings_services.audit_reading import run_audit
    from tidings_services.connection import kafka_connection
    from tidings_services.topic_reading import TopicReader

    async def read(on_progress: OnProgress) -> Audit:
        async with TopicReader(kafka_connection(load_settings())) as reader:
            return await run_audit(reader, plan, on_progress=on_progress)

    with reading_progress() as on_progress:
        return asyncio.run(read(on_progress))
