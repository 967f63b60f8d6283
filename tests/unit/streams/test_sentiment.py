from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from harness.fakes import NOW, FakeClassifier, policy, prediction, record
from tidings_models.prediction import Prediction
from tidings_streams.companies import Company, CompanyTable
from tidings_streams.outcomes import Outcome
from tidings_streams.pipeline import Pipeline
from tidings_streams.sentiment import MAX_COMPANIES, SentimentMonitor

TABLE = CompanyTable(
    [Company(ticker="NGLB", name="Northgale"), Company(ticker="HLVM", name="Halvorsen")]
)


def answer(_text: str, entity: str | None) -> Prediction:
    if entity == "Northgale":
        return prediction(positive=0.8, neutral=0.15, negative=0.05)
    return prediction(negative=0.7, neutral=0.2, positive=0.1)


def outcome(**changes: Any) -> Outcome:
    value = {
        "id": "n-1",
        "text": "Northgale soars while Halvorsen sinks",
        "source": "wire",
        "published_at": (NOW - timedelta(seconds=30)).isoformat(),
        **changes,
    }
    monitor = SentimentMonitor(
        companies=TABLE,
        bundle="sentiment@0123",
        redact=lambda text: text,
        now=lambda: NOW,
        max_text_characters=2000,
        max_future_seconds=300,
    )
    pipeline = Pipeline(
        application=monitor,
        classifier=FakeClassifier(answer),
        dead_letters=policy(),
        max_tokens=100,
    )
    ((found,),) = pipeline.process([record(value, topic="news-messages", offset=9)])
    return found


def values(found: Outcome) -> list[dict[str, Any]]:
    return [json.loads(output.value) for output in found.outputs]


def test_each_company_of_a_message_has_a_score_of_its_own() -> None:
    found = outcome()

    assert [value["ticker"] for value in values(found)] == ["NGLB", "HLVM"]
    assert [value["label"] for value in values(found)] == ["positive", "negative"]
    assert [value["net_sentiment"] for value in values(found)] == pytest.approx([0.75, -0.6])
    assert [output.key for output in found.outputs] == [b"NGLB", b"HLVM"]
    assert found.labels == ("positive", "negative")


def test_message_without_a_company_is_scored_as_a_whole_and_has_no_key() -> None:
    found = outcome(text="Markets drift in quiet trade")

    assert [(value["ticker"], value["entity"]) for value in values(found)] == [(None, None)]
    assert [output.key for output in found.outputs] == [None]


def test_tickers_that_the_producer_knows_are_added() -> None:
    found = outcome(text="Northgale soars", tickers=["hlvm", "$NGLB"])

    assert [value["ticker"] for value in values(found)] == ["NGLB", "HLVM"]


def test_message_from_the_future_is_a_dead_letter() -> None:
    found = outcome(published_at=(NOW + timedelta(seconds=301)).isoformat())

    assert (found.kind, found.reason) == ("dead_lettered", "future_time")


def test_clock_that_is_a_little_ahead_is_borne() -> None:
    assert outcome(published_at=(NOW + timedelta(seconds=299)).isoformat()).kind == "scored"


def test_message_that_lists_too_many_companies_is_a_dead_letter() -> None:
    tickers = [f"T{number}" for number in range(MAX_COMPANIES + 1)]
    found = outcome(tickers=tickers, text="a list")

    assert (found.kind, found.reason) == ("dead_lettered", "too_many_companies")


def test_probabilities_are_given_by_label() -> None:
    (value, _) = values(outcome())

    assert value["probabilities"] == pytest.approx(
        {"positive": 0.8, "neutral": 0.15, "negative": 0.05}
    )
