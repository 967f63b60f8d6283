"""Saturated throughput: decisions by the broker's clock, over a steady window."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestant, ContestantFailed, Running, started
from benchmarks.cores import Cores, busy_seconds
from benchmarks.kafka_bench import BenchKafka, Mark
from benchmarks.sampling import Sampler, cpu_between, pss_bytes, take_sample

FIRST_DECISION_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """How long a run warms up, counted from its first decision, and is measured after that."""

    warm_up_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a run that counts: from one append to another, and the decisions between."""

    start: float
    end: float
    decisions: int

    @property
    def rate(self) -> float:
        """Decisions a second."""
        return self.decisions / (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """A contestant with more to do than it can.

    Processor time and memory (at its highest) are the measured processes', without a feeder's;
    `core_share` is what they had of their cores, `others_share` what anything else had.
    """

    messages_per_second: float
    cpu_ms_per_message: float
    kafka_cpu_ms_per_message: float
    core_share: float
    others_share: float
    decisions: int
    rss_mb: float
    pss_mb: float
    seconds_to_first: float


def steady_window(times: Sequence[float], period: Period) -> Window:
    """The window of a run whose decisions were appended at `times`, sorted.

    It begins with the first append after the warm-up and ends with the last one within
    `period.seconds`: both edges are appends, so that a batch counts whole or not at all.
    Raises ValueError where there are not two appends.
    """
    begin = bisect_left(times, times[0] + period.warm_up_seconds) if times else 0
    if begin == len(times):
        raise ValueError("there are no decisions after the warm-up")
    start = times[begin]
    last = bisect_right(times, start + period.seconds) - 1
    end = times[last]
    if end <= start:
        raise ValueError("there is one append only after the warm-up")
    return Window(start=start, end=end, decisions=last + 1 - bisect_right(times, start))


def saturate(
    kafka: BenchKafka, contestant: Contestant, *, period: Period, cores: Cores, logs: Path
) -> Saturation:
    """Run a contestant on the filled topic and measure it.

    Raises ContestantFailed where it ends, decides nothing in two minutes, or runs out of input.
    """
    used = [cores.measured, cores.second][: len(contestant.measured)]
    mark = kafka.mark()
    with started(contestant, cores=used, load=cores.load, logs=logs) as running:
        _wait_for_first(kafka, mark, running)
        began = time.time()
        before = take_sample(running.pids), busy_seconds(used)
        with Sampler([kafka.pid]) as kafka_sampler, Sampler(running.pids) as sampler:
            while time.time() < began + period.warm_up_seconds + period.seconds + 0.5:
                time.sleep(0.25)
                running.check()
        after = take_sample(running.pids), busy_seconds(used)
        pss = pss_bytes(running.pids)
    times = kafka.decision_times(mark)
    if len(times) >= kafka.filled:
        raise ContestantFailed(
            f"{contestant.name} decided all {kafka.filled} messages: fill more with --messages"
        )
    both = sampler.samples, kafka_sampler.samples
    since, until = max(some[0].at for some in both), min(some[-1].at for some in both)
    window = steady_window([at for at in times if since < at < until], period)
    cpu = cpu_between(sampler.samples, window.start, window.end)
    kafka_cpu = cpu_between(kafka_sampler.samples, window.start, window.end)
    elapsed = (after[0].at - before[0].at) * len(used)
    own = after[0].cpu_seconds - before[0].cpu_seconds
    return Saturation(
        messages_per_second=window.rate,
        cpu_ms_per_message=1000 * cpu / window.decisions,
        kafka_cpu_ms_per_message=1000 * kafka_cpu / window.decisions,
        core_share=own / elapsed,
        others_share=max(0.0, after[1] - before[1] - own) / elapsed,
        decisions=window.decisions,
        rss_mb=max(sample.rss_bytes for sample in sampler.samples) / 1e6,
        pss_mb=pss / 1e6,
        seconds_to_first=times[0] - running.started_at,
    )


def _wait_for_first(kafka: BenchKafka, mark: Mark, running: Running) -> None:
    """Wait until the first decision is there."""
    deadline = time.monotonic() + FIRST_DECISION_TIMEOUT_SECONDS
    while kafka.decided_since(mark) == 0:
        running.check()
        if time.monotonic() > deadline:
            raise ContestantFailed(
                f"{running.name} decided nothing in {FIRST_DECISION_TIMEOUT_SECONDS:g} s\n"
                f"{running.processes[0].log_tail(15)}"
            )
        time.sleep(0.25)
