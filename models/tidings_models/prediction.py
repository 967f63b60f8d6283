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


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIds:
    """One text as the model reads it: token ids and their segment (0 text, 1 entity), unpadded.

    Both have one entry per token, [CLS] and [SEP] included.  Texts with equal token ids get equal
    predictions.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


class Classifier(Protocol):
    """Anything that turns texts into predictions, in two steps or in one."""

    @property
    def reference(self) -> str:
        """Which bundle this is: `name@` and the first 12 hex digits of its digest."""

    def tokenize(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        """Return the tokens of each text, in order, cut at what the model reads.

        `entities`, where given, has one entry per text: the company that the question is about, or
        None for the text as a whole.  Raises ValueError for an entity where the model reads none.
        """

    def predict_tokens(self, tokens: Sequence[TokenIds]) -> list[Prediction]:
        """Classify what `tokenize` returned, in order; one prediction per text.

        The result for a text does not depend on the others.  Raises InferenceError if the session
        fails.
        """

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        """Tokenize and classify each text, in order; raises what the two steps raise."""
