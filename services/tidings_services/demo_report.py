"""What the demo prints."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Group
from rich.panel import Panel
from rich.table import Table

from tidings_services.demo_ledger import Accuracy, Ledger
from tidings_services.ports import Ports
from tidings_streams.outcomes import OutcomeKind

COLUMNS = {
    "routed": OutcomeKind.ROUTED,
    "triaged": OutcomeKind.TRIAGED,
    "scored": OutcomeKind.SCORED,
    "dead-lettered": OutcomeKind.DEAD_LETTERED,
}
QUESTIONS = {
    "intent": "of the customer messages that were routed, the intent is the author's",
    "out_of_scope": "of what no queue is for, a person gets it",
    "sentiment": "of the companies in the news, the sentiment is the author's",
}


def addresses(ports: Ports, folder: Path, duration: float | None) -> Panel:
    """Where to look."""
    table = Table.grid(padding=(0, 2))
    table.add_row("page", f"[bold]{ports.url(ports.page)}")
    table.add_row("metrics", ports.url(ports.intents, "/metrics"), "intent router")
    table.add_row("", ports.url(ports.sentiment, "/metrics"), "sentiment monitor")
    table.add_row("", ports.url(ports.page, "/metrics"), "page")
    table.add_row("Kafka", ports.url(ports.broker).removeprefix("http://").rstrip("/"))
    table.add_row("logs", str(folder))
    ends = "Ctrl-C ends it" if duration is None else f"ends after {duration:.0f} s"
    return Panel(table, title="Tidings", subtitle=ends, expand=False)


def progress_table(ledger: Ledger, seconds: float) -> Table:
    """How far the demo is."""
    table = Table("seconds", "in", *COLUMNS, "under way")
    cells = [ledger.ended(kind) for kind in COLUMNS.values()]
    table.add_row(*(str(cell) for cell in (int(seconds), ledger.inputs, *cells, ledger.missing)))
    return table


def progress_line(ledger: Ledger, seconds: float) -> str:
    """How far the demo is, where there is no terminal."""
    cells = ", ".join(f"{ledger.ended(kind)} {name}" for name, kind in COLUMNS.items())
    return f"{seconds:.0f} s: {ledger.inputs} in, {cells}, {ledger.missing} under way"


def summary(ledger: Ledger) -> Group:
    """What was processed, that nothing is missing, and how often the models were right."""
    table = Table("messages", "", title="What was processed", title_justify="left")
    table.add_row("in", str(ledger.inputs))
    for name, kind in COLUMNS.items():
        table.add_row(name, str(ledger.ended(kind)))
    out = sum(ledger.ended(kind) for kind in COLUMNS.values())
    table.add_row("out", str(out), end_section=True)
    table.add_row("missing", str(ledger.missing))
    lines = [
        f"{_percent(accuracy)} {sentence} ({accuracy.right} of {accuracy.of})"
        for question, sentence in QUESTIONS.items()
        if (accuracy := ledger.accuracy(question)).of
    ]
    verdict = (
        "in = out: nothing was lost"
        if not ledger.missing and not ledger.contradictions
        else f"LOST: {ledger.missing} missing, {ledger.contradictions} in two places"
    )
    return Group(table, verdict, "", "By the labels that the demo's authors gave:", *lines)


def _percent(accuracy: Accuracy) -> str:
    return f"{100 * (accuracy.share or 0.0):.1f} %"


def as_json(ledger: Ledger) -> str:
    """The summary for a program."""
    return json.dumps(
        {
            "in": ledger.inputs,
            **{name.replace("-", "_"): ledger.ended(kind) for name, kind in COLUMNS.items()},
            "missing": ledger.missing,
            "in_two_places": ledger.contradictions,
            "accuracy": {question: ledger.accuracy(question).share for question in QUESTIONS},
        }
    )
