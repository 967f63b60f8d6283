"""Texts in, logits out: the tokenizer and the network of a bundle, and how texts are batched."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidings_models.onnx_runtime import Provider, Session, open_session
from tidings_models.prediction import TokenIds
from tidings_models.tokenization import TextTokenizer

Stage = Callable[[str, float], None]
"""Told `tokenize` or `infer` and the seconds it took."""

PADDED_TO = 4
MAX_ROWS = 16
MAX_PADDED_TOKENS = 1024


class OnnxNetwork:
    """A tokenizer and an ONNX network.

    A text is always padded to the next multiple of 4 tokens of its own length and only put
    together with texts of the same padded length: the network sees it in the same shape whatever
    the company.
    """

    def __init__(
        self,
        model_file: Path,
        tokenizer_file: Path,
        *,
        max_tokens: int,
        provider: Provider = "auto",
        threads: int = 1,
        on_stage: Stage = lambda _stage, _seconds: None,
    ) -> None:
        self._tokenizer = TextTokenizer(tokenizer_file, max_tokens=max_tokens)
        self.session = open_session(model_file, provider=provider, threads=threads)
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
            for rows, length in plan_batches([len(text) for text in tokens])
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


def plan_batches(
    lengths: Sequence[int],
    *,
    padded_to: int = PADDED_TO,
    max_rows: int = MAX_ROWS,
    max_padded_tokens: int = MAX_PADDED_TOKENS,
) -> Iterator[tuple[list[int], int]]:
    """Yield (rows, padded length): every row once, with others of its padded length only.

    At most `max_rows` rows and, beyond the first row, at most `max_padded_tokens` tokens each.
    """
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        rows_of[-(-length // padded_to) * padded_to].append(row)
    for length, rows in sorted(rows_of.items()):
        size = max(1, min(max_rows, max_padded_tokens // length))
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
