"""A classifier that is slow or that fails, around a real one; seeded, so that it does so again."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidings_models.prediction import Classifier, InferenceError, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFaults:
    """What is wrong with a model.

    `slow_seconds`: a call takes up to so much longer, at random.  `failing_texts`, 0..1: the share
    of texts on which the session fails, always the same ones.  `failing_batches`, 0..1: the share
    of calls with several texts that fail, whatever the texts.
    """

    slow_seconds: float = 0.0
    failing_texts: float = 0.0
    failing_batches: float = 0.0

    def arguments(self) -> list[str]:
        """The faults as `harness/chaos_worker.py` takes them on its command line."""
        return [
            f"--slow-seconds={self.slow_seconds}",
            f"--failing-texts={self.failing_texts}",
            f"--failing-batches={self.failing_batches}",
        ]


SOUND = ModelFaults()


@dataclass(slots=True, kw_only=True)
class FaultyClassifier:
    """The classifier `inner` with faults; `seed` decides which texts fail and when it is slow."""

    inner: Classifier
    faults: ModelFaults
    seed: int
    sleep: Callable[[float], None] = time.sleep
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    @property
    def reference(self) -> str:
        return self.inner.reference

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        self._suffer([text.encode() for text in texts])
        return self.inner.predict(texts, entities)

    def tokenize(self, texts: Sequence[str], entities: Sequence[str | None] | None = None) -> Any:
        return self.inner.tokenize(texts, entities)

    def predict_tokens(self, tokens: Sequence[Any]) -> list[Prediction]:
        self._suffer([repr(list(each.ids)).encode() for each in tokens])
        return self.inner.predict_tokens(tokens)

    def fails_on(self, key: bytes) -> bool:
        """Whether the session fails on a text, known by its bytes or by its tokens."""
        digest = hashlib.blake2b(key, digest_size=8, salt=self.seed.to_bytes(8, "big")).digest()
        return int.from_bytes(digest, "big") < self.faults.failing_texts * 2**64

    def _suffer(self, keys: Sequence[bytes]) -> None:
        """Sleep, and raise InferenceError where this call is one that fails."""
        if self.faults.slow_seconds:
            self.sleep(self._chance.uniform(0, self.faults.slow_seconds))
        several = len(keys) > 1
        if several and self._chance.random() < self.faults.failing_batches:
            raise InferenceError(f"{self.reference}: chaos fails this batch of {len(keys)}")
        if any(self.fails_on(key) for key in keys):
            raise InferenceError(f"{self.reference}: chaos fails this text")
