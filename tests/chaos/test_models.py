"""A model that is slow or that fails: a text that can not be classified is a dead letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.chaos_model import ModelFaults
from harness.chaos_run import ChaosPlan, ChaosRun
from harness.worker import SESSION_TIMEOUT_SECONDS

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.timeout(900)]

Chaos = Callable[..., ChaosRun]


def test_slow_model_keeps_its_partitions(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    # A call may take longer than the session timeout: heartbeats must go on meanwhile.
    faults = ModelFaults(slow_seconds=1.5 * SESSION_TIMEOUT_SECONDS)
    with start_chaos(rate=20, faults=faults) as run:
        run.workers.start()
        run.pause(*((6, 8) if not chaos_plan.long else (60, 90)))
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []
    assert verdict.repeated == 0


def test_failing_model_makes_dead_letters_of_its_texts_only(
    start_chaos: Chaos, chaos_plan: ChaosPlan
) -> None:
    faults = ModelFaults(failing_texts=0.05, failing_batches=0.2)
    with start_chaos(rate=60, faults=faults) as run:
        for _ in range(int(chaos_plan.pick(1, 6))):
            worker = run.workers.start()
            run.wait_for_progress()
            run.pause(0.1, 2)
            run.workers.kill(worker)
            run.note("the worker is killed")
        run.workers.start()
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []
    poisoned = 0.05 * verdict.inputs
    assert poisoned < verdict.dead_letters < 4 * poisoned
