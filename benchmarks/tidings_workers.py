"""Tidings as it is measured: saturated beside the ceiling, and two workers against one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from benchmarks.contestants import Contestant, Program, answers, group_name
from benchmarks.cores import ONE_THREAD, Cores, pin_threads, pinned
from benchmarks.kafka_bench import BenchKafka
from benchmarks.plan import BUNDLE, ROOT, Plan, Variant
from benchmarks.throughput import Saturation, saturate

from harness.processes import LOOPBACK, free_port

EXPLORED_TEXTS = 1024


def worker_program(plan: Plan, variant: Variant, *, servers: str, group: str, port: int) -> Program:
    """`tidings run intents` with a variant's settings, its HTTP at `port`."""
    return Program(
        command=[str(plan.tidings_python), "-m", "tidings_services", "run", "intents"],
        settings={
            "bootstrap_servers": servers,
            "group_prefix": group,
            "http_port": str(port),
            **variant.settings,
        },
    )


def tidings(plan: Plan, variant: Variant, *, servers: str, workers: int = 1) -> Contestant:
    """Workers of a variant, all in one group that is new; several must all have partitions."""
    group = group_name()
    programs = []
    for _ in range(workers):
        port = free_port()
        program = worker_program(plan, variant, servers=servers, group=group, port=port)
        ready = answers(f"http://{LOOPBACK}:{port}/readyz") if workers > 1 else None
        programs.append(replace(program, is_ready=ready))
    return Contestant(name=variant.name, measured=programs)


def run_ceiling(plan: Plan, *, way: str = "all", texts: int = 0, seconds: float) -> dict[str, Any]:
    """What `ceiling.py` measured, on the measured core, with the ONNX Runtime that Tidings has."""
    command = [
        str(plan.tidings_python),
        str(ROOT / "benchmarks" / "ceiling.py"),
        str(BUNDLE),
        str(plan.texts_file),
        *("--ways", way, "--seconds", str(seconds), "--count", str(texts)),
    ]
    done = subprocess.run(
        pinned(command, {plan.cores.measured}),
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **ONE_THREAD},
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def explore_ceiling(plan: Plan) -> dict[str, Any]:
    """Every way of batching on the first texts, and the best of them."""
    ways = run_ceiling(plan, texts=EXPLORED_TEXTS, seconds=plan.durations.way_seconds)["ways"]
    return {"ways": ways, "best": min(ways, key=lambda name: ways[name]["cpu_ms_per_message"])}


def measure_tidings(plan: Plan, kafka: BenchKafka, *, way: str) -> dict[str, Any]:
    """Rounds of the ceiling, every variant, the ceiling again: the machine may change under us."""

    def ceiling() -> dict[str, float]:
        found: dict[str, float] = run_ceiling(
            plan, way=way, seconds=plan.durations.ceiling_seconds
        )["ways"][way]
        return found

    ceilings = [ceiling()]
    rounds: dict[str, list[dict[str, Any]]] = {variant.name: [] for variant in plan.variants}
    for number in range(plan.durations.rounds):
        turn = number % len(plan.variants)
        for variant in (*plan.variants[turn:], *plan.variants[:turn]):
            rounds[variant.name].append(asdict(_saturate(plan, kafka, variant, workers=1)))
        ceilings.append(ceiling())
    settings = {variant.name: dict(variant.settings) for variant in plan.variants}
    return {"way": way, "ceilings": ceilings, "rounds": rounds, "settings": settings}


def measure_two(plan: Plan, kafka: BenchKafka) -> dict[str, Any]:
    """One worker and two workers in turn, for every variant."""
    pairs: dict[str, list[dict[str, Any]]] = {}
    for variant in plan.variants:
        pairs[variant.name] = []
        for _ in range(plan.durations.pairs):
            one = _saturate(plan, kafka, variant, workers=1)
            with _kafka_beside_two(kafka, plan.cores):
                two = _saturate(plan, kafka, variant, workers=2)
            pairs[variant.name].append({"one": asdict(one), "two": asdict(two)})
    shared = bool(plan.cores.beside_two & {plan.cores.measured, plan.cores.second})
    return {"pairs": pairs, "kafka_shares_their_cores": shared}


def _saturate(plan: Plan, kafka: BenchKafka, variant: Variant, *, workers: int) -> Saturation:
    return saturate(
        kafka,
        tidings(plan, variant, servers=kafka.servers, workers=workers),
        period=plan.durations.period,
        cores=plan.cores,
        logs=plan.logs,
    )


@contextmanager
def _kafka_beside_two(kafka: BenchKafka, cores: Cores) -> Iterator[None]:
    """Let Kafka and this process run beside two workers for as long as the block lasts."""
    for pid in (kafka.pid, os.getpid()):
        pin_threads(pid, cores.beside_two)
    try:
        yield
    finally:
        for pid in (kafka.pid, os.getpid()):
            pin_threads(pid, cores.load)
