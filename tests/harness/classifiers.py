"""The shipped bundles, opened once, and texts to ask them: made of words, not of data sets."""

from __future__ import annotations

import random
from functools import cache

from tidings_models.bundle import find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier

WORDS = (
    "card payment transfer shares rose fell outlook the a my why is $TSLA Nokia profit warning "
    "where did you cancelled refund cash machine top-up exchange rate, cut to sell; upgraded! "
    "quarterly naïve 3.5% £20 Überweisung 🙂 cannot hasn't arrived yet please help beats estimates"
).split()
ENTITIES = (None, "Nokia", "$TSLA", "Deutsche Bank", "Überseehandel AG")


@cache
def shipped(name: str) -> OnnxClassifier:
    return OnnxClassifier(load_bundle(find_bundle(name)), provider="cpu")


def make_texts(count: int, *, seed: int) -> list[str]:
    """Texts of 1 to 60 words, most of them short, as messages are."""
    chance = random.Random(seed)
    return [
        " ".join(chance.choices(WORDS, k=min(60, 1 + int(chance.expovariate(1 / 12)))))
        for _ in range(count)
    ]


def make_entities(count: int, *, seed: int) -> list[str | None]:
    return random.Random(seed).choices(ENTITIES, k=count)
