"""What a classifier says about a text, and what a classifier is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class InferenceError(Exception):
    """The session failed on a batch; the message names the bundle and the cause, never a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The labels of one text with their calibrated probabilities, most likely first.

    `labels` and `probabilities` have one entry per class of the model; the probabilities are in
    0..1 and add up to 1.  `energy` is the free energy of the uncalibrated logits z,
    E = -log(sum_k exp(z_k)), any real number; the higher, the less the text resembles the training
    data (Liu et al. 2020, "Energy-based Out-of-distribution Detection").
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    energy: float = 0.0

    @property
    def label(self) -> str:
        """The most likely label."""
        return self.labels[0]

    @property
    def probability(self) -> float:
        """The calibrated probability of the most likely label, 0..1."""
        return self.probabilities[0]


class Classifier(Protocol):
    """Anything that turns texts into predictions."""

    @property
    def reference(self) -> str:
        """Which bundle this is: `name@` and the first 12 hex digits of its digest."""

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        """Classify each text, in order; one prediction per text.

        `entities`, where given, has one entry per text: the company that the question is about, or
        None for the text as a whole.  The result for a text does not depend on the others.
        Raises InferenceError if the session fails.
        """
