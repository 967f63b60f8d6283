"""Evaluation: what a classifier or a network reaches on labelled rows."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tidings_models.calibration import expected_calibration_error, softmax
from tidings_models.manifest import NetworkFigures
from tidings_models.onnx_network import OnnxNetwork
from tidings_models.onnx_runtime import runtime_version
from tidings_models.prediction import Classifier
from tidings_models.training.dataset import DataError, Example
from tidings_models.training.measures import accuracy, macro_f1

TOGETHER = 256
"""Rows that are classified in one call when speed is measured."""


class Evaluation(BaseModel):
    """A bundle on one labelled file."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    rows: int
    accuracy: float
    macro_f1: float
    expected_calibration_error: float
    messages_per_second: float


def evaluate_classifier(
    classifier: Classifier, examples: Sequence[Example], *, labels: Sequence[str]
) -> Evaluation:
    """Classify labelled rows and compare, in calls of 256 rows.

    Raises DataError for no rows, or for labels that the classifier does not have.
    """
    if not examples:
        raise DataError("there are no rows to evaluate on")
    truth = label_indices(examples, labels)
    index = {label: i for i, label in enumerate(labels)}
    started = time.perf_counter()
    predictions = [
        prediction
        for part in in_parts(examples)
        for prediction in classifier.predict([e.text for e in part], entities_of(part))
    ]
    seconds = time.perf_counter() - started
    chosen = np.array([index[prediction.label] for prediction in predictions])
    probabilities = np.array([prediction.probability for prediction in predictions])
    return Evaluation(
        bundle=classifier.reference,
        rows=len(examples),
        accuracy=accuracy(truth, chosen),
        macro_f1=macro_f1(truth, chosen),
        expected_calibration_error=expected_calibration_error(probabilities, truth == chosen),
        messages_per_second=round(len(examples) / seconds, 1),
    )


def network_figures(
    logits: NDArray[np.floating[Any]], truth: NDArray[np.integer[Any]], *, temperature: float
) -> NetworkFigures:
    """Judge logits (rows, classes) against class indices (rows)."""
    chosen = logits.argmax(axis=1)
    right = chosen == truth
    return NetworkFigures(
        accuracy=accuracy(truth, chosen),
        macro_f1=macro_f1(truth, chosen),
        calibration_error_before=expected_calibration_error(softmax(logits).max(axis=1), right),
        calibration_error_after=expected_calibration_error(
            softmax(logits, temperature=temperature).max(axis=1), right
        ),
    )


def network_logits(network: OnnxNetwork, examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return logits (rows, classes) of all rows, in calls of 256."""
    parts = [
        network.logits([example.text for example in part], entities_of(part))
        for part in in_parts(examples)
    ]
    return np.concatenate(parts)


def measure_speed(network: OnnxNetwork, examples: Sequence[Example], *, rows: int = 1024) -> float:
    """Return messages per second of processor time over the first `rows` rows, in calls of 256.

    Processor time of all threads, so that other processes on the machine do not count; after a
    warm-up, tokenizing included.
    """
    chosen = examples[:rows]
    network_logits(network, chosen[:TOGETHER])
    started = time.process_time()
    network_logits(network, chosen)
    return round(len(chosen) / (time.process_time() - started), 1)


def describe_machine() -> str:
    """Say what speed was measured on: architecture, int8 instructions, ONNX Runtime's version."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        flags = set()
    vnni = " with VNNI" if flags & {"avx512_vnni", "avx_vnni"} else ""
    return f"{platform.machine()}{vnni}, one core, ONNX Runtime {runtime_version()}"


def label_indices(examples: Sequence[Example], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return each row's class index (rows).  Raises DataError for a label that is not there."""
    index = {label: i for i, label in enumerate(labels)}
    if unknown := {example.label for example in examples} - set(index):
        raise DataError(
            f"the model has no label {', '.join(sorted(unknown)[:5])}; it has "
            f"{', '.join(list(labels)[:5])}{' ...' if len(labels) > 5 else ''}"
        )
    return np.array([index[example.label] for example in examples], dtype=np.int64)


def entities_of(examples: Sequence[Example]) -> list[str | None] | None:
    """Return the rows' entities, None where no row has one."""
    entities = [example.entity for example in examples]
    return entities if any(entities) else None


def in_parts(examples: Sequence[Example]) -> Iterator[Sequence[Example]]:
    """Yield the rows in order, 256 at a time."""
    for start in range(0, len(examples), TOGETHER):
        yield examples[start : start + TOGETHER]
