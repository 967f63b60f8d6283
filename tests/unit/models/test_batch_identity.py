"""The promise of OnnxClassifier: a text's result is bit-identical alone and in any batch."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.classifiers import make_entities, make_texts, shipped
from tidings_models.onnx_classifier import OnnxClassifier

TEXTS = 240


@pytest.mark.parametrize("name", ["intents-banking77", "sentiment-finance"])
def test_text_is_bit_identical_alone_and_in_any_company(name: str) -> None:
    classifier = shipped(name)
    texts = make_texts(TEXTS, seed=11)
    entities = make_entities(TEXTS, seed=12) if name == "sentiment-finance" else [None] * TEXTS
    alone = np.concatenate(
        [classifier.logits([text], [entity]) for text, entity in zip(texts, entities, strict=True)]
    )

    chance = random.Random(13)
    for size in (TEXTS, 97, 32, 5, 2):
        order = chance.sample(range(TEXTS), TEXTS)
        for start in range(0, TEXTS, size):
            rows = order[start : start + size]
            together = classifier.logits(
                [texts[row] for row in rows], [entities[row] for row in rows]
            )
            assert together.tobytes() == alone[rows].tobytes()


def test_predictions_are_bit_identical_too() -> None:
    classifier = shipped("sentiment-finance")
    texts = make_texts(60, seed=14)

    assert classifier.predict(texts) == [classifier.predict([text])[0] for text in texts]


def test_threads_change_nothing() -> None:
    one = shipped("sentiment-finance")
    two = OnnxClassifier(one.bundle, provider="cpu", threads=2)
    texts = make_texts(60, seed=15)

    assert two.logits(texts).tobytes() == one.logits(texts).tobytes()
