"""`tidings run intents` with a slow or failing model: `chaos_worker.py --seed N ... run intents`.

Everything else is the worker's own: its settings, its loop, its end.
"""

from __future__ import annotations

import argparse
from functools import partial

from harness.chaos_model import FaultyClassifier, ModelFaults
from tidings_models.prediction import Classifier
from tidings_services.commands.run import run_worker
from tidings_services.preflight import intents_topics
from tidings_services.workers import build_intents_worker


def main() -> None:
    """Run the worker until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--slow-seconds", type=float, default=0.0)
    parser.add_argument("--failing-texts", type=float, default=0.0)
    parser.add_argument("--failing-batches", type=float, default=0.0)
    parser.add_argument("command", choices=["run"])
    parser.add_argument("application", choices=["intents"])
    given = parser.parse_args()
    faults = ModelFaults(
        slow_seconds=given.slow_seconds,
        failing_texts=given.failing_texts,
        failing_batches=given.failing_batches,
    )

    def wrap(classifier: Classifier) -> Classifier:
        return FaultyClassifier(inner=classifier, faults=faults, seed=given.seed)

    run_worker(partial(build_intents_worker, wrap=wrap), intents_topics, None)


if __name__ == "__main__":
    main()
