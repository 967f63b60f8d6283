"""Brokers that stop, die, hang or hand over their partitions, under workers that must go on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.chaos_events import ChaosEvents
from harness.chaos_run import ChaosPlan, ChaosRun

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.kafka,
    pytest.mark.timeout(1200),
    # kafka-python, with which the test itself writes, leaks a socket where nobody listens.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

Chaos = Callable[..., ChaosRun]


def settle_unharmed(run: ChaosRun) -> None:
    """What every scenario with brokers promises: the worker that was there is there still."""
    verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []


def test_broker_that_restarts_loses_nothing(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    with start_chaos(rate=100) as run:
        run.workers.start()
        for _ in range(int(chaos_plan.pick(1, 4))):
            run.pause(0.5, 2)
            ChaosEvents(run).restart_node(1, chaos_plan.pick(3, 30))
        settle_unharmed(run)


def test_workers_outlive_an_absence_of_all_brokers(
    start_chaos: Chaos, chaos_plan: ChaosPlan
) -> None:
    with start_chaos(rate=60) as run:
        run.workers.start()
        run.pause(2, 3)
        run.cluster.kill()
        run.note("all nodes are killed")
        time.sleep(chaos_plan.pick(5, 120))
        run.cluster.start()
        run.note("all nodes are back")
        settle_unharmed(run)


def test_leaders_that_change_lose_nothing(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    with start_chaos(rate=150) as run:
        run.workers.start()
        for _ in range(int(chaos_plan.pick(8, 60))):
            ChaosEvents(run).move_leader()
            run.pause(0.1, 1)
        settle_unharmed(run)


def test_slow_brokers_lose_nothing(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    with start_chaos(rate=100) as run:
        run.workers.start()
        end = time.monotonic() + chaos_plan.pick(10, 90)
        while time.monotonic() < end:
            ChaosEvents(run).slow_node()
            run.pause(0.1, 1)
        settle_unharmed(run)
