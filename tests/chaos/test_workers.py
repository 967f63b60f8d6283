"""Workers that are killed, hang, come and go: nothing is lost, and nothing is out of order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.chaos_events import ChaosEvents
from harness.chaos_model import ModelFaults
from harness.chaos_run import ChaosPlan, ChaosRun
from tidings_services.settings import Settings

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.timeout(900)]

# A batch takes long enough that a kill at any time is most often one in the middle of a batch.
SLOW = ModelFaults(slow_seconds=0.2)
Chaos = Callable[..., ChaosRun]


def kill_and_restart(run: ChaosRun, kills: int) -> None:
    """Kill the only worker again and again, each time while it is at work."""
    for number in range(kills):
        worker = run.workers.start()
        run.wait_for_progress()
        run.note(f"worker {number} is at work")
        run.pause(0.1, 1.5)
        run.workers.kill(worker)
        run.note(f"worker {number} is killed")
    run.workers.start()


def test_killed_workers_lose_nothing(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    with start_chaos(rate=60, faults=SLOW) as run:
        kill_and_restart(run, kills=int(chaos_plan.pick(3, 20)))
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []


def test_workers_that_join_leave_and_hang_lose_nothing(
    start_chaos: Chaos, chaos_plan: ChaosPlan
) -> None:
    with start_chaos(rate=150) as run:
        run.workers.start()
        happening = ChaosEvents(run)
        events = happening.of_workers() * int(chaos_plan.pick(1, 5))
        run.chance.shuffle(events)
        for event in events:
            happening.take(event)
            run.pause(0.5, 3)
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []


def test_workers_that_join_and_leave_repeat_nothing(
    start_chaos: Chaos, chaos_plan: ChaosPlan
) -> None:
    with start_chaos(rate=150) as run:
        first = run.workers.start()
        for _ in range(int(chaos_plan.pick(1, 4))):
            second = run.workers.start()
            run.note("the second joined")
            run.pause(1, 3)
            run.workers.leave(first)
            run.note("the first left")
            run.pause(1, 3)
            first = second
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []
    assert verdict.repeated == 0


@pytest.mark.skipif(
    "delivery" not in Settings.model_fields,
    reason="there is no setting TIDINGS_DELIVERY: the workers know no exactly_once",
)
def test_exactly_once_reader_sees_no_repeat_through_kills(
    start_chaos: Chaos, chaos_plan: ChaosPlan
) -> None:
    with start_chaos(rate=60, faults=SLOW, delivery="exactly_once") as run:
        kill_and_restart(run, kills=int(chaos_plan.pick(3, 10)))
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []
    assert (verdict.repeated, verdict.queue_repeated) == (0, 0)
