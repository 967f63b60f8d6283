"""Texts in, logits out: the tokenizer and the network of a bundle, and how texts are batched."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidings_models.onnx_runtime import Device, Session
from tidings_models.prediction import TokenIds
from tidings_models.tokenization import TextTokenizer

Stage = Callable[[str, float], None]
"""Told `tokenize` or `infer` and the seconds it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How texts are put together: padded to a multiple of tokens, and how many at the most."""

    padded_to: int
    """A text is padded to the next multiple of so many tokens."""
    max_rows: int
    max_padded_tokens: int
    """Of a batch of more than one text; bounds the memory, too."""


LIMITS: Mapping[Device, BatchLimits] = {
    "cpu": BatchLimits(padded_to=2, max_rows=32, max_padded_tokens=1024),
    "cuda": BatchLimits(padded_to=8, max_rows=256, max_padded_tokens=16_384),
}


class OnnxNetwork:
    """A tokenizer and an ONNX network.

    A text is always padded to the same multiple of tokens and only put together with texts of the
    same padded length: the network sees it in the same shape whatever the company.
    """

    def __init__(
        self,
        session: Session,
        tokenizer: TextTokenizer,
        *,
        on_stage: Stage = lambda _stage, _seconds: None,
    ) -> None:
        self.session = session
        self._tokenizer = tokenizer
        self._limits = LIMITS[session.device]
        self._on_stage = on_stage

    def tokenize(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        """Return the tokens of each text, in order; `entities` has one entry per text."""
        started = time.perf_counter()
        tokens = self._tokenizer.encode(texts, entities) if texts else []
        self._on_stage("tokenize", time.perf_counter() - started)
        return tokens

    def token_logits(self, tokens: Sequence[TokenIds]) -> NDArray[np.float32]:
        """Return uncalibrated logits (texts, classes), in order.

        Raises InferenceError if the session fails.
        """
        if not tokens:
            return np.empty((0, self.session.classes or 0), dtype=np.float32)
        started = time.perf_counter()
        parts = [
            (rows, run_batch(self.session, [tokens[row] for row in rows], length))
            for rows, length in plan_batches([len(text) for text in tokens], self._limits)
        ]
        logits = np.empty((len(tokens), parts[0][1].shape[1]), dtype=np.float32)
        for rows, part in parts:
            logits[rows] = part
        self._on_stage("infer", time.perf_counter() - started)
        return logits

    def logits(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        """Return uncalibrated logits (texts, classes), in order.

        `entities`, where given, has one entry per text.  Raises InferenceError if the session
        fails.
        """
        return self.token_logits(self.tokenize(texts, entities))


def plan_batches(lengths: Sequence[int], limits: BatchLimits) -> Iterator[tuple[list[int], int]]:
    """Yield (rows, padded length): every row once, with others of its padded length only."""
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        rows_of[-(-length // limits.padded_to) * limits.padded_to].append(row)
    for length, rows in sorted(rows_of.items()):
        size = max(1, min(limits.max_rows, limits.max_padded_tokens // length))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], length


def run_batch(session: Session, texts: Sequence[TokenIds], length: int) -> NDArray[np.float32]:
    """Return logits (texts, classes) of texts padded to `length` tokens.

    Raises InferenceError if the session fails.
    """
    shape = (len(texts), length)
    ids, mask, types = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text.ids
        mask[row, : len(text)] = 1
        types[row, : len(text)] = text.type_ids
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return session.run({name: inputs[name] for name in session.input_names})
