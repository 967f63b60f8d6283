"""Every kind of bad record, among good ones: a dead letter each, and the stream goes on."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from harness.kafka_topics import Record, Topics
from harness.messages import (
    CONTENT,
    MAX_TEXT_CHARACTERS,
    BadValue,
    Message,
    bad_values,
    customer_message,
    encode,
    news_message,
)
from harness.waiting import wait_for
from harness.worker import StartWorker
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    NEWS_MESSAGES,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    TRIAGE_MESSAGES,
    queue_topic,
)

pytestmark = pytest.mark.kafka

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMPANIES_TOO_MANY = [f"T{number}" for number in range(40)]

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the two applications differ in here."""

    name: str
    topic: str
    decided: tuple[str, ...]
    bad: Sequence[BadValue]
    good: Message


INTENTS = Application(
    name="intents",
    topic=CUSTOMER_MESSAGES,
    decided=(ROUTED_MESSAGES, TRIAGE_MESSAGES),
    bad=bad_values(customer_message(0, ""), time_field="sent_at"),
    good=customer_message(1, "How do I change my PIN?"),
)
NEWS_BAD = [
    *bad_values(news_message(0, ""), time_field="published_at"),
    BadValue(
        name="future time",
        value=encode(news_message(0, CONTENT, published_at="2199-01-01T00:00:00Z")),
        reason="future_time",
        detail="$.published_at",
    ),
    BadValue(
        name="time before the calendar",
        value=encode(news_message(0, CONTENT, published_at="0001-01-01T00:00:00+14:00")),
        reason="invalid_field",
        detail="$.published_at",
    ),
    BadValue(
        name="ill-typed tickers",
        value=encode(news_message(0, CONTENT, tickers=CONTENT)),
        reason="invalid_field",
        detail="$.tickers",
    ),
    BadValue(
        name="too many companies",
        value=encode(news_message(0, CONTENT, tickers=COMPANIES_TOO_MANY)),
        reason="too_many_companies",
        detail="40 companies",
    ),
]
SENTIMENT = Application(
    name="sentiment",
    topic=NEWS_MESSAGES,
    decided=(SCORED_MESSAGES,),
    bad=NEWS_BAD,
    good=news_message(1, "Microsoft beats expectations"),
)
CASES = [(application, bad) for application in (INTENTS, SENTIMENT) for bad in application.bad]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one worker made of an application's bad records, and of good ones among them."""

    good: list[Place]
    bad: dict[str, Place]
    decided: list[Record]
    letters: list[Record]

    def letter(self, bad: BadValue) -> Record:
        """The one dead letter of a bad value."""
        (letter,) = [each for each in self.letters if place(each) == self.bad[bad.name]]
        return letter


def place(record: Record) -> Place:
    """The partition and offset of the input from which an output comes."""
    source = record.json["source"]
    return source["partition"], source["offset"]


def run_worker(application: Application, topics: Topics, start_worker: StartWorker) -> Run:
    """Let a worker process bad and good records in turn, until all are committed."""
    worker = start_worker(application.name, max_text_characters=MAX_TEXT_CHARACTERS)
    records = []
    for bad in application.bad:
        records.append((key_of(bad), bad.value, {"traceparent": TRACE}))
        records.append((key_of(bad), encode(application.good), {}))
    places = topics.produce(application.topic, records)
    topics.wait_until_committed(application.name, application.topic)
    assert worker.terminate() == 0
    return Run(
        good=places[1::2],
        bad={bad.name: where for bad, where in zip(application.bad, places[::2], strict=True)},
        decided=[record for topic in application.decided for record in topics.read_all(topic)],
        letters=topics.read_all(DEAD_LETTERS),
    )


def key_of(bad: BadValue) -> bytes:
    return f"key of {bad.name}".encode()


@pytest.fixture(scope="module")
def runs(module_topics: Topics, start_module_worker: StartWorker) -> dict[str, Run]:
    """A run of each application, both on the same topics; the dead letters of each its own."""
    made = {}
    for application in (INTENTS, SENTIMENT):
        run = run_worker(application, module_topics, start_module_worker)
        letters = [
            letter for letter in run.letters if letter.json["source"]["topic"] == application.topic
        ]
        made[application.name] = Run(
            good=run.good, bad=run.bad, decided=run.decided, letters=letters
        )
    return made


@pytest.mark.parametrize(
    ("application", "bad"), CASES, ids=[f"{each.name}-{bad.name}" for each, bad in CASES]
)
def test_bad_record_becomes_a_dead_letter_that_tells_why_and_quotes_nothing(
    runs: dict[str, Run], application: Application, bad: BadValue
) -> None:
    letter = runs[application.name].letter(bad)

    value = letter.json
    assert value["reason"] == bad.reason
    assert bad.detail in value["detail"]
    assert CONTENT not in value["detail"]
    assert "original" not in value or value["original"] is None
    assert value["source"]["topic"] == application.topic
    assert letter.key == key_of(bad)
    failed_at = datetime.fromisoformat(value["failed_at"])
    assert timedelta(0) < datetime.now(UTC) - failed_at < timedelta(minutes=30)
    assert failed_at.utcoffset() == timedelta(0)
    assert letter.headers["ce_type"] == b"tidings.dead_letter"
    assert letter.headers["ce_source"] == f"/tidings/{application.name}".encode()
    assert letter.headers["content-type"] == b"application/json"
    assert letter.headers["traceparent"] == TRACE


@pytest.mark.parametrize("application", [INTENTS, SENTIMENT], ids=lambda each: each.name)
def test_no_dead_letter_but_those_of_the_bad_records(
    runs: dict[str, Run], application: Application
) -> None:
    run = runs[application.name]

    assert sorted(place(letter) for letter in run.letters) == sorted(run.bad.values())


@pytest.mark.parametrize("application", [INTENTS, SENTIMENT], ids=lambda each: each.name)
def test_good_records_between_bad_ones_are_decided_once(
    runs: dict[str, Run], application: Application
) -> None:
    run = runs[application.name]

    assert sorted(place(decision) for decision in run.decided) == sorted(run.good)


def test_dead_letter_keeps_the_original_bytes_where_the_settings_say_so(
    topics: Topics, start_worker: StartWorker
) -> None:
    start_worker("intents", dead_letters_keep_original=True)
    original = b'{"text": "\xff"}'
    topics.produce(CUSTOMER_MESSAGES, [(b"ada", original, {}), (b"ada", None, {})])

    first, second = topics.wait_for_records(DEAD_LETTERS, 2)
    assert base64.b64decode(first.json["original"]) == original
    assert second.json.get("original") is None


def test_output_that_the_broker_refuses_becomes_a_dead_letter(
    topics: Topics, start_worker: StartWorker
) -> None:
    with topics.configured(ROUTED_MESSAGES, {"max.message.bytes": "2000"}):
        start_worker("intents", abstain_below=0)
        long = "How do I change my PIN? " * 200
        places = topics.produce(
            CUSTOMER_MESSAGES,
            [
                (b"ada", encode(customer_message(1, long)), {}),
                (b"ada", encode(customer_message(2, "How do I change my PIN?")), {}),
            ],
        )

        (letter,) = topics.wait_for_records(DEAD_LETTERS, 1)
        assert letter.json["reason"] == "output_refused"
        assert place(letter) == places[0]
        assert "PIN" not in letter.json["detail"]
        (routed,) = topics.wait_for_records(ROUTED_MESSAGES, 1)
        assert place(routed) == places[1]


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_output_that_may_not_be_written_becomes_a_dead_letter_and_no_decision(
    topics: Topics, start_worker: StartWorker, delivery: str
) -> None:
    start_worker("intents", abstain_below=0, delivery=delivery)
    with topics.write_denied(queue_topic("cards")):
        places = topics.produce(
            CUSTOMER_MESSAGES,
            [
                (b"ada", encode(customer_message(1, "How do I change my PIN?")), {}),
                (b"ada", b"not JSON", {}),
            ],
        )
        letters = wait_for(
            lambda: topics.read_all(DEAD_LETTERS),
            lambda there: len(there) == 2,
            what="both dead letters",
        )

    assert [letter.json["reason"] for letter in letters] == ["output_refused", "not_json"]
    assert [place(letter) for letter in letters] == places
    assert "TopicAuthorizationFailed" in letters[0].json["detail"]
    assert topics.read_all(ROUTED_MESSAGES) == []
