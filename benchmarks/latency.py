"""From produce to decision at shares of the saturation, and a worker's memory at rest."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import httpx
from benchmarks.arrivals import Latencies, Load, drive, percentile
from benchmarks.contestants import Contestant, ContestantFailed, answers, group_name, started
from benchmarks.kafka_bench import BenchKafka
from benchmarks.plan import Plan, Variant
from benchmarks.sampling import pss_bytes, take_sample
from benchmarks.tidings_workers import worker_program
from prometheus_client.parser import text_string_to_metric_families

from harness.processes import LOOPBACK, free_port

SHARES = (0.1, 0.5, 0.8)
WARM_UP_SECONDS = 2.0
REST_SECONDS = 4.0
FIRST_ID = 10_000_000


def measure_latency(
    plan: Plan, kafka: BenchKafka, *, saturation: dict[str, float], texts: list[str]
) -> dict[str, Any]:
    """Latencies of every variant at shares of its own `saturation`, in messages a second."""
    return {
        variant.name: _measure(plan, kafka, variant, saturation[variant.name], texts)
        for variant in plan.variants
    }


def _measure(
    plan: Plan, kafka: BenchKafka, variant: Variant, saturation: float, texts: list[str]
) -> dict[str, Any]:
    group, port = group_name(), free_port()
    kafka.skip_backlog(f"{group}intents")
    program = replace(
        worker_program(plan, variant, servers=kafka.servers, group=group, port=port),
        is_ready=answers(f"http://{LOOPBACK}:{port}/readyz"),
    )
    contestant = Contestant(name=f"{variant.name} latency", measured=[program])
    with started(
        contestant, cores=[plan.cores.measured], load=plan.cores.load, logs=plan.logs
    ) as running:
        time.sleep(REST_SECONDS)
        rest = {
            "rss_mb": take_sample(running.pids).rss_bytes / 1e6,
            "pss_mb": pss_bytes(running.pids) / 1e6,
        }
        rows = []
        for number, share in enumerate(SHARES):
            load = Load(
                rate=share * saturation,
                seconds=WARM_UP_SECONDS + plan.durations.latency_seconds,
                seed=plan.seed + number,
                first=FIRST_ID * (number + 1) + time.time_ns() % 1_000_000,
                texts=texts,
            )
            before = _stages(port)
            latencies = drive(kafka.servers, load)
            running.check()
            rows.append(
                {"share": share, "rate": load.rate}
                | summary(latencies, skip=int(load.rate * WARM_UP_SECONDS))
                | _own_time(before, _stages(port))
            )
    return {"saturation": saturation, "rest": rest, "rows": rows}


def summary(latencies: Latencies, *, skip: int) -> dict[str, float]:
    """Percentiles in milliseconds without the first `skip` messages, and what never came.

    Raises ContestantFailed where no decision came at all.
    """
    counted = latencies.decided_after[skip:]
    there = [1000 * seconds for seconds in counted if seconds is not None]
    if not there:
        raise ContestantFailed(f"none of {len(counted)} messages was decided")
    return {
        "messages": len(counted),
        "undecided": len(counted) - len(there),
        **{f"p{rank}_ms": percentile(there, rank) for rank in (50, 95, 99)},
        "late_p99_ms": 1000 * percentile(latencies.late[skip:], 99),
    }


def _own_time(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """The model's own part: mean milliseconds a batch, and mean messages a batch."""
    change = {name: after[name] - before.get(name, 0.0) for name in after}
    batches = max(1.0, change["tidings_inference_seconds_count"])
    return {
        "inference_ms": 1000 * change["tidings_inference_seconds_sum"] / batches,
        "tokenization_ms": 1000 * change["tidings_tokenization_seconds_sum"] / batches,
        "batch_messages": change["tidings_batch_messages_sum"]
        / max(1.0, change["tidings_batch_messages_count"]),
    }


def _stages(port: int) -> dict[str, float]:
    """Sums and counts of the worker's histograms, from its /metrics."""
    text = httpx.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10).text
    wanted = ("tidings_inference_seconds", "tidings_tokenization_seconds", "tidings_batch_messages")
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        if family.name in wanted
        for sample in family.samples
        if sample.name.endswith(("_sum", "_count"))
    }
