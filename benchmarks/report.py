"""RESULTS.md: the table of a run, the machine, the versions and the texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.plan import PEERS
from benchmarks.rows import Row, all_rows

HEAD = ("what", "figure", "processor time a message", "compared", "goal", "")
QUIET = 0.05


def write_table(content: Mapping[str, Any], file: Path) -> None:
    """Write a run's results as Markdown."""
    file.write_text("\n".join(document(content)) + "\n", encoding="utf-8")


def document(content: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the document."""
    run, machine = content["run"], content["machine"]
    parts = {name: part["figures"] for name, part in content["parts"].items()}
    yield "# Results of the benchmark"
    yield ""
    yield "Written by `make bench`; [README.md](README.md) says how each figure is measured."
    yield ""
    yield from table(all_rows(parts))
    yield ""
    yield "![The same as a picture](results.svg)"
    yield ""
    yield "## The run"
    yield ""
    minutes = f", {run['minutes']} minutes" if "minutes" in run else ""
    short = "; a quick one, for trying only" if run["quick"] else ""
    yield f"- {run['started_at']}{minutes}, seed {run['seed']}{short}"
    yield (
        f"- {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB; "
        f"flags that int8 products use: {', '.join(machine['flags']) or 'none'}"
    )
    others = list(others_shares(parts))
    if others:
        busy = " **The machine was busy: trust ratios only.**" if max(others) > QUIET else ""
        yield (
            f"- anything else had {sum(others) / len(others):.1%} of the measured core on average, "
            f"at most {max(others):.1%} in a measurement.{busy}"
        )
    for name, part in content["parts"].items():
        if part["run"] != run["started_at"]:
            yield f"- `{name}` is of the run of {part['run']}"
    yield ""
    yield from texts(content["texts"])
    if "ceiling" in parts:
        yield from ways(parts["ceiling"])
    yield from versions(content["versions"])


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    marks = {None: "", True: "met", False: "**missed**"}
    for row in rows:
        cells = (row.what, row.figure, row.cpu, row.compared, row.goal, marks[row.met])
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def texts(found: Mapping[str, Any]) -> Iterator[str]:
    """How long the texts are."""
    yield "## The texts"
    yield ""
    yield (
        f"BANKING77's {found['count']} test messages; {found['mean_tokens']:.1f} tokens on average."
    )
    yield ""
    histogram = found["histogram"]
    yield f"| tokens | {' | '.join(histogram)} |"
    yield f"|---|{'---|' * len(histogram)}"
    yield f"| texts | {' | '.join(str(count) for count in histogram.values())} |"
    yield ""


def ways(ceiling: Mapping[str, Any]) -> Iterator[str]:
    """How the ceiling's batching was chosen."""
    yield "## The ceiling's batches"
    yield ""
    yield "The way with the least processor time is the ceiling."
    yield ""
    yield "| batches | messages/s | processor time a message |"
    yield "|---|---|---|"
    for name, found in ceiling["ways"].items():
        chosen = " (the ceiling)" if name == ceiling["best"] else ""
        yield (
            f"| {name}{chosen} | {found['messages_per_second']:.0f} "
            f"| {found['cpu_ms_per_message']:.2f} ms |"
        )
    yield ""


def versions(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """What each environment has installed."""
    yield "## Versions"
    yield ""
    for name, some in found.items():
        listed = ", ".join(f"{each} {version}" for each, version in some.items())
        yield f"- {name}: {listed or 'not installed'}"


def others_shares(parts: Mapping[str, Any]) -> Iterator[float]:
    """What others had of the measured core, in every run with Kafka on a core of its own."""
    for rounds in parts.get("tidings", {}).get("rounds", {}).values():
        yield from (each["others_share"] for each in rounds)
    contestants = [*parts.get("loops", {}).values(), *(parts.get(peer, {}) for peer in PEERS)]
    yield from (each["others_share"] for each in contestants if "others_share" in each)
