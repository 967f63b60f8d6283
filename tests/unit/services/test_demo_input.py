from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tidings_services.demo_input import BROKEN, customer_rows, demo_file, news_rows
from tidings_services.replay import read_rows
from tidings_streams.companies import load_companies
from tidings_streams.records import CustomerMessage, InvalidRecord, decode_value
from tidings_streams.routing import read_routing_file

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_there_are_four_hundred_customer_messages_for_every_queue() -> None:
    rows = list(read_rows(demo_file("customer_messages.csv")))
    labels = Counter(row["label"] for row in rows)

    assert len(rows) >= 400
    assert set(labels) - {"out_of_scope"} == set(read_routing_file(None).intents)


def test_there_are_four_hundred_news_and_their_companies_are_found() -> None:
    rows = list(read_rows(demo_file("news_messages.csv")))
    table = load_companies(demo_file("companies.yaml"))

    assert len(rows) >= 400
    for row in rows:
        labelled = [part.rsplit(":", 1)[0] for part in row["label"].split("|")]
        found = [mention.ticker for mention in table.find(row["text"])] or ["-"]
        assert found == labelled, row["id"]


def test_ids_never_repeat() -> None:
    first = list(itertools.islice(customer_rows(), 1500))

    assert len({row["id"] for row in first}) == 1500


def test_news_of_the_past_is_dated_before_the_beginning() -> None:
    past, coming = news_rows(begin=BEGIN)
    times = [datetime.fromisoformat(row["published_at"]) for row in past]

    assert times == sorted(times)
    assert BEGIN - timedelta(hours=1) < times[0] < times[-1] < BEGIN
    assert "published_at" not in next(coming)


@pytest.mark.parametrize("value", BROKEN)
def test_broken_record_is_broken(value: bytes) -> None:
    try:
        message = decode_value(value, CustomerMessage)
    except InvalidRecord:
        return
    assert not message.text.strip(), json.loads(value)
