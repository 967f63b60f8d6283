"""An audit as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from tidings_services.audit_report import AuditReport

SHOWN_OFFSETS = 3


def audit_table(report: AuditReport) -> Table:
    """A row for each partition of the inputs."""
    table = Table("topic", "partition", "inputs", "decided", "missing", "pending", "first missing")
    table.columns[0].no_wrap = True
    for column in table.columns[1:6]:
        column.justify = "right"
    for each in report.partitions:
        numbers = (each.partition, each.inputs, each.decided, each.missing, each.pending)
        shown = ", ".join(map(str, each.first_missing[:SHOWN_OFFSETS]))
        more = ", …" if each.missing > SHOWN_OFFSETS else ""
        table.add_row(each.topic, *(f"{number:,}" for number in numbers), shown + more)
    return table


def audit_lines(report: AuditReport) -> Iterator[str]:
    """What the whole comes to."""
    yield (
        f"{report.inputs:,} inputs: {report.decided:,} decided, {report.missing:,} missing, "
        f"{report.pending:,} pending, {report.in_several:,} in several places"
    )
    yield (
        f"{report.outputs:,} outputs: {report.repeated:,} repeated, {report.unreadable:,} "
        f"unreadable, {report.expired:,} of inputs outside the audit "
        f"({report.gone:,} gone, {report.newer:,} newer)"
    )
    yield "Something is missing." if report.missing else "Nothing is missing."
