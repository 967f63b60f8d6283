from __future__ import annotations

from typing import Any

import pytest

from tidings_models.manifest import Figures, Manifest
from tidings_models.training.card import write_card
from tidings_models.training.gate import GateError, check_gate
from tidings_models.training.recipe import Gate

BOUNDS = Gate(
    minimum_accuracy={"Letters": 0.9},
    maximum_quantization_loss=0.005,
    maximum_calibration_error=0.05,
    maximum_bytes=1000,
)


@pytest.fixture
def figures(manifest_values: dict[str, Any]) -> Figures:
    return Figures.model_validate(manifest_values["figures"])


def with_int8(figures: Figures, **changes: float) -> Figures:
    (test,) = figures.tests
    int8 = test.int8.model_copy(update=changes)
    return figures.model_copy(update={"tests": (test.model_copy(update={"int8": int8}),)})


def test_figures_at_their_bounds_pass(figures: Figures) -> None:
    gate = check_gate(BOUNDS, figures, total_bytes=1000)

    assert gate.passed
    assert len(gate.checks) == 4


@pytest.mark.parametrize(
    ("changes", "total_bytes", "missed"),
    [
        ({"accuracy": 0.899}, 10, ["Letters: accuracy"]),
        ({"accuracy": 0.8}, 10, ["Letters: accuracy", "Letters: accuracy lost to int8"]),
        ({"calibration_error_after": 0.06}, 10, ["Letters: calibration error"]),
        ({}, 1001, ["bytes"]),
    ],
)
def test_missed_bound_closes_the_gate_and_is_named(
    figures: Figures, changes: dict[str, float], total_bytes: int, missed: list[str]
) -> None:
    gate = check_gate(BOUNDS, with_int8(figures, **changes), total_bytes=total_bytes)

    assert not gate.passed
    assert [check.name for check in gate.checks if not check.passed] == missed
    assert all(name in str(GateError(gate)) for name in missed)


def test_accuracy_lost_to_fp16_is_bounded_where_it_was_measured(figures: Figures) -> None:
    kept, lost = (
        check_gate(BOUNDS, figures, total_bytes=1, fp16_accuracy={"Letters": accuracy})
        for accuracy in (figures.tests[0].fp32.accuracy, figures.tests[0].fp32.accuracy - 0.01)
    )

    assert kept.passed
    assert [check.name for check in lost.checks if not check.passed] == [
        "Letters: accuracy lost to fp16"
    ]


def test_card_states_use_licences_figures_and_limits(manifest_values: dict[str, Any]) -> None:
    manifest_values["files"] = {"model.onnx": "0" * 64, "tokenizer.json": "0" * 64}
    card = write_card(Manifest.model_validate(manifest_values))

    for fact in ("Task: intent", "CC0", "Invented.", "0.9000", "80.0% of rows decided",
                 "Gate: passed", "Knows two intents.", "temperature 1.250"):  # fmt: skip
        assert fact in card
