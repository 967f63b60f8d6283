"""All of it together, for minutes: what one fault hides, two may show."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.chaos_events import ChaosEvents
from harness.chaos_model import ModelFaults
from harness.chaos_run import ChaosPlan, ChaosRun

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.kafka,
    pytest.mark.timeout(1200),
    # kafka-python, with which the test itself writes, leaks a socket where nobody listens.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

SECONDS = 240
Chaos = Callable[..., ChaosRun]


def test_everything_at_once_loses_nothing(start_chaos: Chaos, chaos_plan: ChaosPlan) -> None:
    if not chaos_plan.long:
        pytest.skip("only in the long form: make chaos")
    # A failed batch is asked again text by text, each as slow: more of it would stop the stream.
    faults = ModelFaults(slow_seconds=0.02, failing_texts=0.01, failing_batches=0.1)
    with start_chaos(rate=40, faults=faults) as run:
        run.workers.start()
        run.workers.start()
        events = ChaosEvents(run)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            events.happen()
            run.pause(0.2, 4)
        verdict = run.settle()

    assert verdict.faults() == {}, verdict.examples
    assert run.workers.crashes == []
