"""Two cores: one session with two threads, two sessions in one process, or two processes.

    python benchmarks/two_cores.py BUNDLE TEXTS.csv [--rows N] [--rounds N]

Prints JSON: for each way the messages a second of wall-clock time and the processor time of a
message, the best of the rounds, which take the ways in turn.  Every way answers all rows, in calls
of 256, tokenizing included.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from tidings_models.bundle import find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier

TOGETHER = 256

Timing = tuple[float, float]
"""Seconds of wall-clock time and of processor time."""


def main() -> None:
    """Measure every way in turn and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with given.texts.open(encoding="utf-8", newline="") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)][: given.rows]
    one, other = (open_classifier(given.bundle, threads=1) for _ in range(2))
    threaded = open_classifier(given.bundle, threads=2)
    halves = texts[::2], texts[1::2]
    with Workers(given.bundle, halves) as workers:
        ways: dict[str, Callable[[], Timing]] = {
            "one session, one thread": lambda: timed(lambda: answer(one, texts)),
            "one session, two threads": lambda: timed(lambda: answer(threaded, texts)),
            "two sessions in one process": lambda: timed(
                lambda: answer_at_once((one, other), halves)
            ),
            "two processes": workers.answer,
        }
        rounds = [{name: way() for name, way in ways.items()} for _ in range(given.rounds)]
    print(
        json.dumps(
            {
                name: {
                    "messages_per_second": round(len(texts) / min(r[name][0] for r in rounds), 1),
                    "processor_microseconds": round(
                        min(r[name][1] for r in rounds) / len(texts) * 1e6
                    ),
                }
                for name in ways
            },
            indent=2,
        )
    )


class Workers:
    """Two processes with a session of one thread each, which answer their texts when told to."""

    def __init__(self, bundle: str, parts: Sequence[Sequence[str]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for part in parts:
            ours, theirs = context.Pipe()
            self._pipes.append(ours)
            self._processes.append(context.Process(target=serve, args=(bundle, part, theirs)))

    def __enter__(self) -> Workers:
        for process in self._processes:
            process.start()
        for pipe in self._pipes:
            pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.send(False)
        for process in self._processes:
            process.join(30)

    def answer(self) -> Timing:
        """Let both answer once; the wall-clock time is until the later is done."""
        started = time.perf_counter()
        for pipe in self._pipes:
            pipe.send(True)
        spent = [float(pipe.recv()) for pipe in self._pipes]
        return time.perf_counter() - started, sum(spent)


def serve(bundle: str, texts: Sequence[str], pipe: Connection) -> None:
    """Answer the texts whenever told to, and say how much processor time it took."""
    classifier = open_classifier(bundle, threads=1)
    answer(classifier, texts[:TOGETHER])
    pipe.send(True)
    while pipe.recv():
        pipe.send(timed(lambda: answer(classifier, texts))[1])


def open_classifier(bundle: str, *, threads: int) -> OnnxClassifier:
    """Open a bundle on the processor."""
    return OnnxClassifier(load_bundle(find_bundle(bundle)), provider="cpu", threads=threads)


def answer(classifier: OnnxClassifier, texts: Sequence[str]) -> None:
    """Classify all texts, in calls of 256."""
    for start in range(0, len(texts), TOGETHER):
        classifier.predict(texts[start : start + TOGETHER])


def answer_at_once(classifiers: Sequence[OnnxClassifier], parts: Sequence[Sequence[str]]) -> None:
    """Classify each part with its classifier, in a thread of its own."""
    threads = [
        threading.Thread(target=answer, args=pair) for pair in zip(classifiers, parts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def timed(work: Callable[[], None]) -> Timing:
    """Do the work and say what it took of wall-clock time and of this process's."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - spent


if __name__ == "__main__":
    main()
