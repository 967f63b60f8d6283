"""The gate: the recipe's bounds against what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidings_models.manifest import Figures, Gate, GateCheck
from tidings_models.training import recipe


class GateError(Exception):
    """The model did not pass; the message gives every bound that it missed."""

    def __init__(self, gate: Gate) -> None:
        missed = "; ".join(describe(check) for check in gate.checks if not check.passed)
        super().__init__(f"The model did not pass its gate and no bundle was written: {missed}")


def check_gate(
    bounds: recipe.Gate,
    figures: Figures,
    *,
    total_bytes: int,
    fp16_accuracy: Mapping[str, float] | None = None,
) -> Gate:
    """Compare what was measured on the test sets, and the bundle's size, with the bounds.

    `fp16_accuracy`: by test set, 0..1, where the bundle carries a network in half precision.
    """
    checks = [
        *_test_checks(bounds, figures),
        *_fp16_checks(bounds, figures, fp16_accuracy or {}),
        _at_most("bytes", bounds.maximum_bytes, total_bytes),
    ]
    return Gate(passed=all(check.passed for check in checks), checks=tuple(checks))


def describe(check: GateCheck) -> str:
    """One line on a check."""
    return f"{check.name} is {check.measured:g}, the bound is {check.bound:g}"


def _test_checks(bounds: recipe.Gate, figures: Figures) -> Iterable[GateCheck]:
    for test in figures.tests:
        if test.name not in bounds.minimum_accuracy:
            continue
        least = bounds.minimum_accuracy[test.name]
        yield GateCheck(
            name=f"{test.name}: accuracy",
            bound=least,
            measured=test.int8.accuracy,
            passed=test.int8.accuracy >= least,
        )
        yield _at_most(
            f"{test.name}: accuracy lost to int8",
            bounds.maximum_quantization_loss,
            test.fp32.accuracy - test.int8.accuracy,
        )
        yield _at_most(
            f"{test.name}: calibration error",
            bounds.maximum_calibration_error,
            test.int8.calibration_error_after,
        )


def _fp16_checks(
    bounds: recipe.Gate, figures: Figures, accuracy: Mapping[str, float]
) -> Iterable[GateCheck]:
    for test in figures.tests:
        if test.name in bounds.minimum_accuracy and test.name in accuracy:
            yield _at_most(
                f"{test.name}: accuracy lost to fp16",
                bounds.maximum_quantization_loss,
                test.fp32.accuracy - accuracy[test.name],
            )


def _at_most(name: str, bound: float, measured: float) -> GateCheck:
    return GateCheck(name=name, bound=bound, measured=measured, passed=measured <= bound)
