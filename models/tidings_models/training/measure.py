"""From logits to figures: calibration on the validation rows, measurement on the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidings_models.calibration import (
    choose_abstention,
    choose_energy_bound,
    energy,
    fit_temperature,
    softmax,
)
from tidings_models.manifest import Figures, OutOfScopeFigures, TestFigures, TrainingFigures
from tidings_models.onnx_network import OnnxNetwork
from tidings_models.training.dataset import Split
from tidings_models.training.evaluate import (
    describe_machine,
    label_indices,
    measure_speed,
    network_figures,
    network_logits,
)
from tidings_models.training.measures import accuracy, auroc, false_positives_at
from tidings_models.training.recipe import Abstention
from tidings_models.training.stages import FineTuned

Logits = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the validation rows decided."""

    temperature: float
    abstain_below: float | None
    out_of_scope_above: float | None

    def decided(self, logits: Logits) -> NDArray[np.bool_]:
        """Say of each row (rows, classes) whether the model answers it (rows)."""
        probable = softmax(logits, temperature=self.temperature).max(axis=1)
        answer = probable >= (self.abstain_below or 0.0)
        if self.out_of_scope_above is not None:
            answer &= energy(logits) <= self.out_of_scope_above
        return np.asarray(answer)


def calibrate(logits: Logits, truth: NDArray[np.int64], settings: Abstention) -> Calibration:
    """Fit the temperature and choose the thresholds on validation logits (rows, classes)."""
    temperature = fit_temperature(logits, truth)
    probable = softmax(logits, temperature=temperature).max(axis=1)
    right = logits.argmax(axis=1) == truth
    return Calibration(
        temperature=temperature,
        abstain_below=None
        if settings.max_error_when_routed is None
        else choose_abstention(probable, right, max_error=settings.max_error_when_routed),
        out_of_scope_above=None
        if settings.in_scope_kept is None
        else choose_energy_bound(energy(logits), kept=settings.in_scope_kept),
    )


def measure(
    record: FineTuned, split: Split, int8: OnnxNetwork, fp32: OnnxNetwork, calibration: Calibration
) -> Figures:
    """Measure both networks on every test file, and the energy on the out-of-scope texts."""
    tests = []
    logits_of: dict[str, NDArray[np.float32]] = {}
    for name, rows in split.test.items():
        truth = label_indices(rows, split.labels)
        logits, exact = network_logits(int8, rows), network_logits(fp32, rows)
        logits_of[name] = logits
        decided = calibration.decided(logits)
        abstains = calibration.abstain_below is not None
        wrong = logits.argmax(axis=1) != truth
        tests.append(
            TestFigures(
                name=name,
                rows=len(rows),
                fp32=network_figures(exact, truth, temperature=calibration.temperature),
                int8=network_figures(logits, truth, temperature=calibration.temperature),
                labels_changed=int(np.sum(logits.argmax(axis=1) != exact.argmax(axis=1))),
                coverage=float(decided.mean()) if abstains else None,
                error_when_decided=float(wrong[decided].mean())
                if abstains and decided.any()
                else None,
            )
        )
    first = next(iter(split.test))
    return Figures(
        training=_training_figures(record),
        tests=tuple(tests),
        out_of_scope=_out_of_scope(split, int8, logits_of[first], calibration),
        messages_per_second=measure_speed(int8, split.test[first]),
        messages_per_second_fp32=measure_speed(fp32, split.test[first]),
        measured_on=describe_machine(),
    )


def measure_accuracy(network: OnnxNetwork, split: Split) -> dict[str, float]:
    """Return the network's accuracy, 0..1, on every test file, by its name."""
    return {
        name: accuracy(
            label_indices(rows, split.labels), network_logits(network, rows).argmax(axis=1)
        )
        for name, rows in split.test.items()
    }


def _out_of_scope(
    split: Split, network: OnnxNetwork, inside: Logits, calibration: Calibration
) -> OutOfScopeFigures | None:
    bound = calibration.out_of_scope_above
    if not split.out_of_scope or bound is None:
        return None
    outside = network.logits(split.out_of_scope)
    kept, strange = energy(inside), energy(outside)
    return OutOfScopeFigures(
        name=split.out_of_scope_name,
        rows=len(outside),
        auroc=auroc(kept, strange),
        false_positives_at_95=false_positives_at(kept, strange, kept=0.95),
        in_scope_kept=float(np.mean(kept <= bound)),
        caught=float(np.mean(strange > bound)),
        caught_or_unsure=float(np.mean(~calibration.decided(outside))),
    )


def _training_figures(record: FineTuned) -> TrainingFigures:
    best = record.best_epoch
    return TrainingFigures(
        train_rows=record.train_rows,
        validation_rows=record.validation_rows,
        dropped_rows=record.dropped_rows,
        epoch=best.epoch,
        accuracy=best.accuracy,
        macro_f1=best.macro_f1,
        precision=record.precision,
        seconds=record.seconds,
    )
