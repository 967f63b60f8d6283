"""Text to token ids: one way of cleaning and tokenizing, used by training and by serving."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer  # type: ignore[import-untyped]

from tidings_models.prediction import TokenIds

_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return the text as the model reads it; training and serving both call this.

    In order: Unicode NFC; lone surrogates become U+FFFD (the tokenizer cannot encode them); URLs
    and control characters become a space; runs of white space become one space; ends stripped.
    Most texts need none of the first three, which cheap tests tell.
    """
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", unicodedata.normalize("NFC", text))
    if "://" in text or "www." in text.lower():
        text = _URL.sub(" ", text)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return " ".join(text.split())


class TextTokenizer:
    """A `tokenizer.json` with the cleaning and the truncation that the model was trained with."""

    def __init__(self, file: Path, *, max_tokens: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        # The longer of the two parts gives way, token by token, so that an entity survives a long
        # text and an entity longer than max_tokens is no error.
        self._tokenizer.enable_truncation(max_tokens, strategy="longest_first")

    def encode(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        """Tokenize each text, in order; with an entity, as the pair (text, entity).

        Every result has 2 to `max_tokens` ids.  An entity that is None or blank once cleaned is
        none at all.
        """
        cleaned = [clean_text(text) for text in texts]
        inputs: list[str | tuple[str, str]] = [*cleaned]
        if entities is not None:
            for i, (text, entity) in enumerate(zip(cleaned, entities, strict=True)):
                if entity and (name := clean_text(entity)):
                    inputs[i] = (text, name)
        return [
            TokenIds(ids=tuple(encoding.ids), type_ids=tuple(encoding.type_ids))
            for encoding in self._tokenizer.encode_batch_fast(inputs)  # ids without offsets
        ]
