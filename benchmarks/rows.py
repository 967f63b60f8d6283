"""A run's figures as the rows of its table: each with its goal, and whether it is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

CEILING_SHARE = 0.90
LOOP_GOALS = {"one at a time": 6.0, "batches of 32": 5.0}
TWO_WORKERS_GOAL = 1.9
ADDED_P99_MS = 10.0
MEMORY_MB = 350.0
START_SECONDS = 5.0

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table; `met` is None where there is no goal."""

    what: str
    figure: str
    cpu: str = ""
    compared: str = ""
    goal: str = ""
    met: bool | None = None


def all_rows(parts: Mapping[str, Figures]) -> list[Row]:
    """The rows of every part that was measured, in the order of the issue's list."""
    makers: list[tuple[Sequence[str], Callable[..., Iterator[Row]]]] = [
        (("tidings",), _throughput),
        (("loops", "tidings"), _loops),
        (("quixstreams", "tidings"), _peer("Quix Streams, the same session one by one")),
        (("mlserver", "tidings"), _peer("MLServer with its Hugging Face runtime, fed")),
        (("infinity", "tidings"), _peer("Infinity's classify endpoint, fed")),
        (("latency",), _latency),
        (("two",), _two),
        (("tidings", "latency"), _resources),
    ]
    return [
        row
        for needed, make in makers
        if all(name in parts for name in needed)
        for row in make(*(parts[name] for name in needed))
    ]


def tidings_rate(tidings: Figures) -> float:
    """Median throughput of Tidings as shipped: the first variant."""
    first = next(iter(tidings["rounds"].values()))
    return float(median(each["messages_per_second"] for each in first))


def shares_of_ceiling(rounds: Sequence[Figures], ceilings: Sequence[Figures]) -> list[float]:
    """Each round's throughput over the mean of the ceilings before and after it."""
    return [
        each["messages_per_second"] / mean(at["messages_per_second"] for at in ceilings[n : n + 2])
        for n, each in enumerate(rounds)
    ]


def _throughput(tidings: Figures) -> Iterator[Row]:
    ceilings = tidings["ceilings"]
    cpu = _cpu(ceilings)
    yield Row(
        what=f"1. Ceiling: ONNX Runtime alone, {tidings['way']}",
        figure=_rates(ceilings),
        cpu=_ms(cpu),
    )
    for name, rounds in tidings["rounds"].items():
        shares = shares_of_ceiling(rounds, ceilings)
        own = _cpu(rounds)
        spread = f" ({min(shares):.2f}-{max(shares):.2f})" if len(shares) > 1 else ""
        yield Row(
            what=f"2. {name}, Kafka in, Kafka out",
            figure=_rates(rounds),
            cpu=_ms(own),
            compared=f"{median(shares):.2f}{spread} of the ceiling; "
            f"by processor time {cpu / own:.2f}",
            goal=f"≥ {CEILING_SHARE:.2f}",
            met=median(shares) >= CEILING_SHARE,
        )


def _loops(loops: Figures, tidings: Figures) -> Iterator[Row]:
    for name, found in loops.items():
        what = f"3. kafka-python and `transformers.pipeline`, {name}"
        yield _beaten(
            what, found, tidings, goal=LOOP_GOALS[name], said=f"≥ {LOOP_GOALS[name]:g} times"
        )


def _peer(what: str) -> Callable[..., Iterator[Row]]:
    """A maker of a peer's row."""

    def make(found: Figures, tidings: Figures) -> Iterator[Row]:
        yield _beaten(f"4. {what}", found, tidings, goal=1.0, said="Tidings ahead")

    return make


def _beaten(what: str, found: Figures, tidings: Figures, *, goal: float, said: str) -> Row:
    """A contestant, and how many times as fast as it Tidings is."""
    if "failed" in found:
        lines = [line.strip() for line in found["failed"].splitlines() if line.strip()]
        return Row(what=what, figure="not measured", compared=f"{lines[0]} … {lines[-1]}"[:300])
    times = tidings_rate(tidings) / found["messages_per_second"]
    own = _cpu(next(iter(tidings["rounds"].values())))
    return Row(
        what=what,
        figure=_rates([found]),
        cpu=_ms(found["cpu_ms_per_message"]),
        compared=f"Tidings is {times:.2f} times as fast; "
        f"by processor time {found['cpu_ms_per_message'] / own:.2f} times",
        goal=said,
        met=times >= goal,
    )


def _latency(latency: Figures) -> Iterator[Row]:
    for name, found in latency.items():
        for row in found["rows"]:
            low = row["share"] == min(each["share"] for each in found["rows"])
            added = row["p99_ms"] - row["inference_ms"]
            missing = f" · {row['undecided']} never" if row["undecided"] else ""
            yield Row(
                what=f"5. {name}, produce to decision at {row['share']:.0%} of saturation "
                f"({row['rate']:.0f}/s)",
                figure=f"p50 {row['p50_ms']:.1f} · p95 {row['p95_ms']:.1f} · "
                f"p99 {row['p99_ms']:.1f} ms{missing}",
                compared=f"inference {row['inference_ms']:.1f} ms a batch, "
                f"{row['batch_messages']:.1f} messages a batch; "
                f"sent late by {row['late_p99_ms']:.1f} ms (p99)",
                goal=f"p99 < {ADDED_P99_MS:g} ms + inference" if low else "",
                met=added < ADDED_P99_MS and not row["undecided"] if low else None,
            )


def _two(two: Figures) -> Iterator[Row]:
    for name, pairs in two["pairs"].items():
        times = [
            pair["two"]["messages_per_second"] / pair["one"]["messages_per_second"]
            for pair in pairs
        ]
        one, both = ([pair[key] for pair in pairs] for key in ("one", "two"))
        cost = _cpu(both) / _cpu(one)
        beside = "Kafka on them too" if two["kafka_shares_their_cores"] else "Kafka apart"
        yield Row(
            what=f"6. {name}, two workers on two cores, {beside}",
            figure=_rates(both),
            cpu=_ms(_cpu(both)),
            compared=f"{median(times):.2f} times one worker; a message costs {cost:.2f} times "
            f"the processor time; Kafka's {_cpu(both, 'kafka_'):.2f} ms is not in it",
            goal=f"≥ {TWO_WORKERS_GOAL:g} times",
            met=median(times) >= TWO_WORKERS_GOAL,
        )


def _resources(tidings: Figures, latency: Figures) -> Iterator[Row]:
    for name, rounds in tidings["rounds"].items():
        if name in latency:
            rest = latency[name]["rest"]
            yield Row(
                what=f"7. {name}, memory at rest",
                figure=f"{rest['rss_mb']:.0f} MB",
                compared=f"PSS {rest['pss_mb']:.0f} MB",
                goal=f"< {MEMORY_MB:.0f} MB",
                met=rest["rss_mb"] < MEMORY_MB,
            )
        rss, pss = (max(each[key] for each in rounds) for key in ("rss_mb", "pss_mb"))
        yield Row(
            what=f"7. {name}, memory saturated",
            figure=f"{rss:.0f} MB",
            compared=f"PSS {pss:.0f} MB",
            goal=f"< {MEMORY_MB:.0f} MB",
            met=rss < MEMORY_MB,
        )
        first = [each["seconds_to_first"] for each in rounds]
        yield Row(
            what=f"7. {name}, start to first decision",
            figure=f"{median(first):.1f} s",
            compared=f"{min(first):.1f}-{max(first):.1f} s in {len(first)} starts",
            goal=f"< {START_SECONDS:.0f} s",
            met=median(first) < START_SECONDS,
        )


def _rates(some: Sequence[Figures]) -> str:
    rates = [each["messages_per_second"] for each in some]
    spread = f" ({min(rates):.0f}-{max(rates):.0f})" if len(rates) > 1 else ""
    return f"{median(rates):.0f} messages/s{spread}"


def _cpu(some: Sequence[Figures], of: str = "") -> float:
    return float(median(each[f"{of}cpu_ms_per_message"] for each in some))


def _ms(value: float) -> str:
    return f"{value:.2f} ms"
