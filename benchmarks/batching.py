"""How texts are best put together on one core, and what our Python costs beside the session.

    python benchmarks/batching.py BUNDLE TEXTS.csv [--rows N] [--rounds N]

Prints two tables in Markdown: microseconds of processor time a message for each way of batching
within windows of 256 texts, and for the steps around the session.  The ways take turns, in another
order each time, and the median round counts: other processes on the machine disturb all alike.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tidings_models.bundle import find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.onnx_network import LIMITS, BatchLimits, plan_batches, run_batch
from tidings_models.onnx_runtime import Session, open_session
from tidings_models.prediction import TokenIds
from tidings_models.redaction import redact

WINDOW = 256
Window = Sequence[TokenIds]
K = TypeVar("K")


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with given.texts.open(encoding="utf-8", newline="") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)]
    random.Random(1).shuffle(texts)  # noqa: S311 - files are often sorted by label
    texts = texts[: given.rows]
    bundle = load_bundle(find_bundle(given.bundle))
    classifier = OnnxClassifier(bundle, provider="cpu", threads=1)
    session = open_session(bundle.model_file, threads=1)
    windows = [texts[start : start + WINDOW] for start in range(0, len(texts), WINDOW)]
    tokens = [classifier.tokenize(window) for window in windows]

    ways = {limits: infer(session, tokens, limits) for limits in every_limit()}
    spent = take_turns(ways, rounds=given.rounds)
    real = sum(len(text) for window in tokens for text in window)
    print("| padded to | rows | tokens | µs a message | padded tokens to real |")
    print("|---|---|---|---|---|")
    for limits in sorted(spent, key=spent.__getitem__):
        padded = sum(size * length for size, length in shapes(tokens, limits))
        print(
            f"| {limits.padded_to} | {limits.max_rows} | {limits.max_padded_tokens} "
            f"| {spent[limits] / len(texts) * 1e6:.0f} | {padded / real:.3f} |"
        )

    steps: dict[str, Callable[[], object]] = {
        "build and run the batches": infer(session, tokens, LIMITS["cpu"]),
        "redact": lambda: [redact(text) for text in texts],
        "tokenize": lambda: [classifier.tokenize(window) for window in windows],
        "predict tokens": lambda: [classifier.predict_tokens(window) for window in tokens],
        "predict": lambda: [classifier.predict(window) for window in windows],
    }
    print("\n| step | µs a message |\n|---|---|")
    for step, seconds in take_turns(steps, rounds=given.rounds).items():
        print(f"| {step} | {seconds / len(texts) * 1e6:.1f} |")


def every_limit() -> list[BatchLimits]:
    """Return the limits that are compared, each once."""
    return [
        BatchLimits(padded_to=padded_to, max_rows=rows, max_padded_tokens=tokens)
        for padded_to in (1, 2, 4, 8)
        for rows, tokens in ((8, 1024), (16, 1024), (32, 512), (32, 1024))
    ]


def shapes(windows: Sequence[Window], limits: BatchLimits) -> list[tuple[int, int]]:
    """Return the (rows, tokens) of every batch."""
    return [
        (len(rows), length)
        for window in windows
        for rows, length in plan_batches([len(text) for text in window], limits)
    ]


def infer(session: Session, windows: Sequence[Window], limits: BatchLimits) -> Callable[[], object]:
    """Return what runs all batches of all windows; the batches are chosen before."""
    batches = [
        ([window[row] for row in rows], length)
        for window in windows
        for rows, length in plan_batches([len(text) for text in window], limits)
    ]
    return lambda: [run_batch(session, batch, length) for batch, length in batches]


def take_turns(ways: Mapping[K, Callable[[], object]], *, rounds: int) -> dict[K, float]:
    """Return each way's median seconds of processor time."""
    seconds: dict[K, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            started = time.process_time()
            ways[name]()
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
