"""The shipped bundles on the real test sets: the bars that they were shipped for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.classifiers import shipped
from tidings_models.training.dataset import LabelledData, read_examples
from tidings_models.training.evaluate import evaluate_classifier

pytestmark = pytest.mark.data
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data_directory() -> Path:
    directory = (REPOSITORY / os.environ.get("TIDINGS_DATA", "../shared/data")).resolve()
    if not (directory / "banking77").is_dir():
        pytest.skip("no labelled data: set TIDINGS_DATA to its directory")
    return directory


@pytest.mark.parametrize(
    ("bundle", "file", "entity_column", "bar"),
    [
        ("intents-banking77", "banking77/test.csv", None, 0.925),
        ("sentiment-finance", "twitter_financial_news/validation.csv", None, 0.86),
        ("sentiment-finance", "sentfin/validation.csv", "entity", 0.83),
    ],
)
def test_shipped_bundle_reaches_its_bar(
    data_directory: Path, bundle: str, file: str, entity_column: str | None, bar: float
) -> None:
    data = LabelledData(
        name=file,
        licence="",
        source="",
        entity_column=entity_column,
        label_names={"bullish": "positive", "bearish": "negative"},
    )
    classifier = shipped(bundle)

    result = evaluate_classifier(
        classifier,
        read_examples(data, file, data_directory),
        labels=classifier.bundle.manifest.labels,
    )

    assert result.accuracy >= bar
    assert result.expected_calibration_error <= 0.05


@pytest.mark.parametrize("bundle", ["intents-banking77", "sentiment-finance"])
def test_quantization_cost_at_most_half_a_point(bundle: str) -> None:
    first = shipped(bundle).bundle.manifest.figures.tests[0]

    assert first.fp32.accuracy - first.int8.accuracy <= 0.005
