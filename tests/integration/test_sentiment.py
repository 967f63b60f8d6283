"""The sentiment monitor, from topic to topic, with the bundle that ships."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.kafka_topics import Record, Topics
from harness.messages import encode, news_message
from harness.worker import StartWorker
from tidings_models.bundle import find_bundle, load_bundle
from tidings_streams.topics import DEAD_LETTERS, NEWS_MESSAGES, SCORED_MESSAGES

pytestmark = pytest.mark.kafka

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BUNDLE = "sentiment-finance"
# Texts that say plainly how a company does: its ticker, what the text calls it, and the label.
PLAIN = {
    "Microsoft beats expectations and raises its outlook": ("MSFT", "Microsoft", "positive"),
    "Tesla shares plunge as deliveries miss estimates": ("TSLA", "Tesla", "negative"),
    "Boeing stock falls after heavy quarterly loss": ("BA", "Boeing", "negative"),
    "$NVDA surges to a record high after strong earnings": ("NVDA", "$NVDA", "positive"),
}
TWO_COMPANIES = "Microsoft and Intel sign a supply agreement"
NO_COMPANY = "The weather on the coast stays mild this week"
NAMED_BY_PRODUCER = "The company raised its outlook for the year"
PERSONAL = "Netflix investor asks: write to ada.lovelace@example.org"
TEXTS = (*PLAIN, TWO_COMPANIES, NO_COMPANY, NAMED_BY_PRODUCER, PERSONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The inputs of one run, in the order of TEXTS, where each went, and what was written."""

    inputs: list[dict[str, Any]]
    places: list[tuple[int, int]]
    scored: list[Record]
    letters: list[Record]

    def written(self, text: str) -> list[Record]:
        """The scored records that come from the input with this text."""
        wanted = self.places[TEXTS.index(text)]
        return [record for record in self.scored if place(record) == wanted]


def place(record: Record) -> tuple[int, int]:
    """The partition and offset of the input from which an output comes."""
    source = record.json["source"]
    assert source["topic"] == NEWS_MESSAGES
    return source["partition"], source["offset"]


@pytest.fixture(scope="module")
def run(module_topics: Topics, start_module_worker: StartWorker) -> Run:
    """One worker over all TEXTS."""
    inputs = [news_message(number, text) for number, text in enumerate(TEXTS)]
    inputs[TEXTS.index(NAMED_BY_PRODUCER)]["tickers"] = ["$orcl", "ORCL", " ibm "]
    worker = start_module_worker("sentiment")
    places = module_topics.produce(
        NEWS_MESSAGES,
        [(each["source"].encode(), encode(each), {"traceparent": TRACE}) for each in inputs],
    )
    module_topics.wait_until_committed("sentiment", NEWS_MESSAGES)
    assert worker.terminate() == 0
    return Run(
        inputs=inputs,
        places=places,
        scored=module_topics.read_all(SCORED_MESSAGES),
        letters=module_topics.read_all(DEAD_LETTERS),
    )


def test_every_message_is_scored_and_none_is_a_dead_letter(run: Run) -> None:
    assert {place(record) for record in run.scored} == set(run.places)
    assert run.letters == []


@pytest.mark.parametrize("text", PLAIN)
def test_plain_message_has_its_company_and_label(run: Run, text: str) -> None:
    (scored,) = run.written(text)

    ticker, entity, label = PLAIN[text]
    assert scored.json["ticker"] == ticker
    assert scored.json["entity"] == entity
    assert scored.json["label"] == label
    assert scored.key == ticker.encode()


def test_message_about_two_companies_is_scored_for_each(run: Run) -> None:
    scored = run.written(TWO_COMPANIES)

    assert {(each.key, each.json["ticker"]) for each in scored} == {
        (b"MSFT", "MSFT"),
        (b"INTC", "INTC"),
    }
    assert len(scored) == 2


def test_message_about_no_company_is_scored_once_without_a_key(run: Run) -> None:
    (scored,) = run.written(NO_COMPANY)

    assert scored.key is None
    assert scored.json["ticker"] is None
    assert scored.json["entity"] is None


def test_companies_that_the_producer_names_are_scored_once_each(run: Run) -> None:
    assert sorted(each.json["ticker"] for each in run.written(NAMED_BY_PRODUCER)) == ["IBM", "ORCL"]


def test_probabilities_sum_to_one_and_give_the_label_and_the_net_sentiment(run: Run) -> None:
    for scored in (each.json for each in run.scored):
        probabilities = scored["probabilities"]
        assert set(probabilities) == {"negative", "neutral", "positive"}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert probabilities[scored["label"]] == max(probabilities.values())
        assert scored["net_sentiment"] == pytest.approx(
            probabilities["positive"] - probabilities["negative"], abs=1e-9
        )


def test_score_carries_the_message_its_bundle_and_its_time(run: Run) -> None:
    bundle = load_bundle(find_bundle(BUNDLE))

    for where, message in zip(run.places, run.inputs, strict=True):
        for scored in (each.json for each in run.scored if place(each) == where):
            assert scored["message_id"] == message["id"]
            assert scored["bundle"] == f"{BUNDLE}@{bundle.digest[:12]}"
            assert datetime.fromisoformat(scored["published_at"]) == datetime.fromisoformat(
                message["published_at"]
            )
            decided_at = datetime.fromisoformat(scored["decided_at"])
            assert decided_at.utcoffset() == timedelta(0)
            assert timedelta(0) < datetime.now(UTC) - decided_at < timedelta(minutes=30)


def test_headers_are_those_of_a_cloud_event_and_of_the_producer_s_trace(run: Run) -> None:
    for scored in run.scored:
        partition, offset = place(scored)
        ticker = scored.json["ticker"] or "-"
        assert scored.headers == {
            "ce_specversion": b"1.0",
            "ce_id": f"{NEWS_MESSAGES}/{partition}/{offset}/{ticker}".encode(),
            "ce_type": b"tidings.message.scored",
            "ce_source": b"/tidings/sentiment",
            "content-type": b"application/json",
            "traceparent": TRACE,
        }


def test_personal_data_is_on_no_output(run: Run) -> None:
    (scored,) = run.written(PERSONAL)

    assert scored.value is not None
    assert b"lovelace" not in scored.value
    assert "<EMAIL>" in scored.json["text"]
