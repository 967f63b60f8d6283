"""Predictions kept by their tokens, so that a repeated text is asked once."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from tidings_models.prediction import Classifier, Prediction, TokenIds

Lookups = Callable[[int, int], None]
"""Told, once a call, how many texts were answered without the model and how many it was asked."""


class CachedClassifier:
    """Satisfies `Classifier`: another classifier and the latest `entries` of its predictions.

    The key is what the model reads, the token ids with their segments: texts that differ in what
    the tokenizer folds (case, accents, white space) or beyond `max_tokens` are one.  A text's
    prediction does not depend on the others, so the answers are the classifier's own, bit by bit.
    The least recently used entry gives way.  A failed call keeps nothing.  One caller at a time.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        entries: int,
        on_lookups: Lookups = lambda _hits, _misses: None,
    ) -> None:
        """Keep at most `entries` predictions.  Raises ValueError for less than one."""
        if entries < 1:
            raise ValueError(f"a cache of {entries} entries keeps nothing; leave it out")
        self._classifier = classifier
        self._entries = entries
        self._on_lookups = on_lookups
        self._kept: OrderedDict[bytes, Prediction] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def reference(self) -> str:
        """The classifier's."""
        return self._classifier.reference

    def tokenize(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        """As the classifier does."""
        return self._classifier.tokenize(texts, entities)

    def predict_tokens(self, tokens: Sequence[TokenIds]) -> list[Prediction]:
        """As the classifier does, which is asked only what is not kept, and that once."""
        keys = [make_key(text) for text in tokens]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: text for key, text in zip(keys, tokens, strict=True) if key not in found}
        if missing:
            asked = self._classifier.predict_tokens(list(missing.values()))
            found.update(zip(missing, asked, strict=True))
        self._keep(keys, found)
        self._on_lookups(len(keys) - len(missing), len(missing))
        return [found[key] for key in keys]

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        """Tokenize and classify each text, in order; raises what the two steps raise."""
        return self.predict_tokens(self.tokenize(texts, entities))

    def _keep(self, keys: Sequence[bytes], found: dict[bytes, Prediction]) -> None:
        for key in keys:
            self._kept[key] = found[key]
            self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)


def make_key(text: TokenIds) -> bytes:
    """Return 5 bytes a token, equal for equal tokens only: every id, then every segment."""
    return array("I", text.ids).tobytes() + bytes(text.type_ids)
