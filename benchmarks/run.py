"""The benchmark: measures the parts that were asked for, then writes the table and the plot.

    python -m benchmarks.run [--quick] [--only ceiling,tidings] [--variant NAME:KEY=VALUE,...]

Every part's figures go to .cache/bench/results.json as soon as they are there; a part that is not
measured now keeps the figures it has, and the table says when a part is of another run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cores import choose_cores
from benchmarks.kafka_bench import BenchKafka, running_kafka
from benchmarks.latency import measure_latency
from benchmarks.loops import measure_loops
from benchmarks.peers import measure_peer
from benchmarks.plan import (
    AS_SHIPPED,
    FULL,
    PARTS,
    PEERS,
    QUICK,
    ROOT,
    Plan,
    Variant,
    parse_variant,
)
from benchmarks.report import write_table
from benchmarks.results import Results
from benchmarks.texts import load_texts
from benchmarks.tidings_workers import explore_ceiling, measure_tidings, measure_two

from tidings_services.settings import load_settings


def main() -> None:
    """Measure, remember, report."""
    given = read_arguments()
    plan = make_plan(given)
    os.sched_setaffinity(0, plan.cores.load)
    plan.logs.mkdir(parents=True, exist_ok=True)
    texts = load_texts(load_settings().data_directory, seed=plan.seed)
    plan.texts_file.write_text(json.dumps(texts), encoding="utf-8")
    whole = set(plan.parts) >= set(PARTS) - set(PEERS)
    results = Results(plan.work / "results.json", plan, quick=given.quick, fresh=whole)
    results.describe(plan, texts)
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        say(f"Filling Kafka with {given.messages} messages")
        with running_kafka(Path(folder), texts, messages=given.messages) as kafka:
            for part in plan.parts:
                say(f"Measuring: {part}")
                results.add(part, partial(measure, part, plan, kafka, results, texts))
    results.finish()
    table = plan.work / "RESULTS.md" if given.quick else ROOT / "benchmarks" / "RESULTS.md"
    write_table(results.content, table)
    draw(plan, table.parent)
    say(f"Wrote {table}")


def measure(
    part: str, plan: Plan, kafka: BenchKafka, results: Results, texts: list[str]
) -> dict[str, Any]:
    """One part's figures."""
    if part == "ceiling":
        return explore_ceiling(plan)
    if part == "tidings":
        return measure_tidings(plan, kafka, way=results.part("ceiling")["best"])
    if part == "latency":
        return measure_latency(plan, kafka, saturation=saturations(plan, results), texts=texts)
    if part == "two":
        return measure_two(plan, kafka)
    if part == "loops":
        return measure_loops(plan, kafka)
    return measure_peer(plan, kafka, part)


def saturations(plan: Plan, results: Results) -> dict[str, float]:
    """Each variant's median throughput in messages a second."""
    rounds = results.part("tidings")["rounds"]
    if missing := {variant.name for variant in plan.variants} - set(rounds):
        raise SystemExit(f"`tidings` was measured without {', '.join(missing)}: add it to --only")
    return {
        name: median(each["messages_per_second"] for each in some) for name, some in rounds.items()
    }


def read_arguments() -> argparse.Namespace:
    """The command line; ends with a message where a part, peer or variant is none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, for trying; commits nothing")
    parser.add_argument("--only", type=names_of(PARTS), default=PARTS, help=",".join(PARTS))
    parser.add_argument("--peers", type=names_of(PEERS), default=PEERS, help=",".join(PEERS))
    parser.add_argument(
        "--variant",
        type=variant,
        action="append",
        default=[],
        help="NAME:KEY=VALUE,... one more row for Tidings with these settings",
    )
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--messages", type=int, default=48_000, help="records in the filled topic")
    parser.add_argument("--core", type=int, help="the measured core; the last one unless given")
    parser.add_argument("--tidings-python", type=Path, default=ROOT / ".venv/bin/python")
    parser.add_argument("--user-python", type=Path, default=ROOT / ".venv-test/bin/python")
    return parser.parse_args()


def variant(text: str) -> Variant:
    """A variant, or argparse's own error with the reason."""
    try:
        return parse_variant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def names_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """A reader of names separated by commas or blanks, each one of `known`."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.replace(",", " ").split())
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(
                f"{', '.join(sorted(unknown))} is none of {', '.join(known)}"
            )
        return names

    return read


def make_plan(given: argparse.Namespace) -> Plan:
    """What the command line asks for."""
    return Plan(
        seed=given.seed,
        durations=QUICK if given.quick else FULL,
        variants=(AS_SHIPPED, *given.variant),
        parts=tuple(
            part
            for part in PARTS
            if part in given.only and (part not in PEERS or part in given.peers)
        ),
        cores=choose_cores(os.sched_getaffinity(0), given.core),
        tidings_python=given.tidings_python,
        user_python=given.user_python,
        work=ROOT / ".cache" / "bench",
    )


def draw(plan: Plan, folder: Path) -> None:
    """Make the plot in the environment that has matplotlib; say so where it is not there."""
    python = plan.work / "plot" / "bin" / "python"
    if not python.exists():
        say("No plot: benchmarks/setup.sh plot makes its environment")
        return
    script = ROOT / "benchmarks" / "programs" / "plot.py"
    results, picture = plan.work / "results.json", folder / "results.svg"
    subprocess.run([str(python), str(script), str(results), str(picture)], check=True)


def say(what: str) -> None:
    """Tell the person who waits."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)


if __name__ == "__main__":
    main()
