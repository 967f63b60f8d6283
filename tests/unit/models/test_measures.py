from __future__ import annotations

import numpy as np
import pytest

from tidings_models.training.measures import accuracy, auroc, false_positives_at, macro_f1


def test_accuracy_is_the_share_that_is_right() -> None:
    assert accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])) == 0.75
    assert accuracy(np.empty(0, dtype=int), np.empty(0, dtype=int)) == 0


def test_macro_f1_counts_every_class_alike() -> None:
    truth, chosen = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])

    assert macro_f1(truth, chosen) == pytest.approx((6 / 7 + 0) / 2)


def test_auroc_of_a_clean_separation_is_one_and_of_ties_a_half() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([3.0])) == 1
    assert auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert auroc(np.array([3.0]), np.array([1.0, 2.0])) == 0


def test_false_positives_are_outsiders_under_the_bound() -> None:
    inside = np.arange(100, dtype=float)

    assert false_positives_at(inside, np.array([0.0, 94.0, 95.0, 200.0]), kept=0.95) == 0.5
