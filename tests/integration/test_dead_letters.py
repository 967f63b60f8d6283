"""`tidings dead-letters` on letters written by hand, and through a worker."""

from __future__ import annotations

import base64
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaAdminClient, TopicPartition

from harness.command import Done, tidings, tidings_here
from harness.kafka_topics import Record, Topics
from harness.messages import customer_message, encode
from harness.worker import StartWorker, tidings_environment
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.kafka import InputRecord
from tidings_streams.records import InvalidRecord, Reason
from tidings_streams.topics import (
    CUSTOMER_MESSAGES,
    DEAD_LETTERS,
    NEWS_MESSAGES,
    ROUTED_MESSAGES,
    TRIAGE_MESSAGES,
)

pytestmark = pytest.mark.kafka

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "Josephine Underhay"
ORIGINAL = f'{{"text": "{SECRET}"'.encode()

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A record that died by hand: what of it, when (hours ago), and where."""

    reason: Reason = Reason.NOT_JSON
    hours_ago: float = 0
    topic: str = CUSTOMER_MESSAGES
    application: str = "intents"
    key: bytes | None = b"ada"
    value: bytes = ORIGINAL
    headers: Sequence[tuple[str, bytes]] = (("traceparent", TRACE), ("tenant", b"acme"))
    kept: bool = False


def bury(topics: Topics, died: Died) -> tuple[Place, Place]:
    """Write a record and its letter as a worker does: the places of both."""
    (source,) = topics.produce(died.topic, [(died.key, died.value, dict(died.headers))])
    return source, write_letter(topics, died, source)


def write_letter(topics: Topics, died: Died, source: Place) -> Place:
    failed_at = datetime.now(UTC) - timedelta(hours=died.hours_ago)
    policy = DeadLetterPolicy(
        application=died.application, keep_original=died.kept, now=lambda: failed_at
    )
    record = InputRecord(
        topic=died.topic,
        partition=source[0],
        offset=source[1],
        key=died.key,
        value=died.value,
        headers=dict(died.headers),
    )
    (letter,) = policy.outcome(record, InvalidRecord(died.reason, "malformed")).outputs
    (place,) = topics.produce(letter.topic, [(letter.key, letter.value, letter.headers)])
    return place


def name(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def listed(topics: Topics, *arguments: str) -> list[str]:
    done = tidings_here(topics, "dead-letters", "list", "--json", *arguments)
    assert done.code == 0, done.err
    return [name((each["partition"], each["offset"])) for each in done.lines]


def replay(topics: Topics, *arguments: str) -> Done:
    return tidings(topics, "dead-letters", "replay", "--json", *arguments)


def show(topics: Topics, place: Place, *arguments: str) -> Done:
    return tidings_here(topics, "dead-letters", "show", name(place), *arguments)


def forget(topics: Topics, topic: str, place: Place) -> None:
    """Let retention take a topic's records up to and with the one at a place."""
    admin = KafkaAdminClient(bootstrap_servers=topics.bootstrap_servers)
    try:
        admin.delete_records({TopicPartition(topic, place[0]): place[1] + 1})
    finally:
        admin.close()


# What is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Three letters, and a record among them that is none."""

    topics: Topics
    poison: str
    refused: str
    news: str


@pytest.fixture(scope="module")
def letters(module_topics: Topics) -> Letters:
    topics = module_topics
    poison = bury(topics, Died(hours_ago=5))[1]
    topics.produce(DEAD_LETTERS, [(b"k", b"no letter", {}), (b"k", None, {})])
    refused = bury(topics, Died(hours_ago=3, reason=Reason.OUTPUT_REFUSED, key=b"bob"))[1]
    news = bury(topics, Died(hours_ago=1, topic=NEWS_MESSAGES, application="sentiment"))[1]
    return Letters(topics=topics, poison=name(poison), refused=name(refused), news=name(news))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"poison", "refused", "news"}),
        (("--reason", "not_json"), {"poison", "news"}),
        (("--reason", "not_json", "--reason", "output_refused"), {"poison", "refused", "news"}),
        (("--reason", "empty_text"), set()),
        (("--source-topic", NEWS_MESSAGES), {"news"}),
        (("--application", "intents"), {"poison", "refused"}),
        (("--since", "4h"), {"refused", "news"}),
        (("--until", "4h"), {"poison"}),
        (("--since", "4h", "--until", "2h"), {"refused"}),
        (("--since", "4h", "--reason", "not_json"), {"news"}),
        (("--limit", "2"), {"refused", "news"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_list_has_the_letters_that_the_filter_means(
    letters: Letters, arguments: tuple[str, ...], expected: set[str]
) -> None:
    found = listed(letters.topics, *arguments)

    assert sorted(found) == sorted(getattr(letters, each) for each in expected)


def test_line_of_a_letter_tells_place_time_reason_and_source_and_no_content(
    letters: Letters,
) -> None:
    done = tidings_here(
        letters.topics, "dead-letters", "list", "--json", "--application", "sentiment"
    )

    (line,) = done.lines
    assert line["reason"] == "not_json"
    assert line["detail"] == "malformed"
    assert line["application"] == "sentiment"
    assert line["source"]["topic"] == NEWS_MESSAGES
    assert line["keeps_original"] is False
    assert line["replay"] is None
    ago = datetime.now(UTC) - datetime.fromisoformat(line["failed_at"])
    assert timedelta(minutes=59) < ago < timedelta(minutes=70)
    assert SECRET not in done.out


def test_table_has_a_row_for_each_letter_and_a_footer_that_counts(letters: Letters) -> None:
    done = tidings_here(letters.topics, "dead-letters", "list")

    assert done.code == 0
    for place in (letters.poison, letters.refused, letters.news):
        assert place in done.out
    assert "3 letters: 2 not_json, 1 output_refused; 2 records are no dead letters" in done.out
    few = tidings_here(letters.topics, "dead-letters", "list", "--limit", "1")
    assert "the newest 1 are shown" in few.out
    assert letters.poison not in few.out


def test_summary_counts_by_reason_and_source_topic(letters: Letters) -> None:
    done = tidings_here(letters.topics, "dead-letters", "list", "--summary", "--json")

    assert (done.json["letters"], done.json["unreadable"]) == (3, 2)
    counts = {
        (each["reason"], each["source_topic"]): each["letters"] for each in done.json["reasons"]
    }
    assert counts == {
        ("not_json", CUSTOMER_MESSAGES): 1,
        ("output_refused", CUSTOMER_MESSAGES): 1,
        ("not_json", NEWS_MESSAGES): 1,
    }
    told = tidings_here(letters.topics, "dead-letters", "list", "--summary")
    assert "output_refused" in told.out
    assert letters.poison not in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--since", "lately"), "'lately'"),
        (("list", "--reason", "bad_luck"), "bad_luck"),
        (("show", "17"), "'17' is not PARTITION:OFFSET"),
        (("show", "0:99999"), "no dead letter at 0:99999"),
        (("show", "99:0"), "no dead letter at 99:0"),
        (("replay", "--yes"), "a filter, or --all"),
        (("replay", "0:99999", "--yes"), "no such dead letter at 0:99999"),
        (("replay", "--reason", "not_json"), "say --yes or --dry-run"),
        (("replay", "--reason", "not_json", "--yes", "--to", "no-topic"), "no topic no-topic"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_usage_is_told_and_ends_with_code_2(
    letters: Letters, arguments: tuple[str, ...], said: str
) -> None:
    done = tidings_here(letters.topics, "dead-letters", *arguments)

    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


# One of them


def test_show_tells_where_the_original_is_and_shows_it_only_when_asked(topics: Topics) -> None:
    source, letter = bury(topics, Died(value=ORIGINAL + b"\x1b[2J"))

    told = show(topics, letter)
    assert told.code == 0
    assert f"{len(ORIGINAL) + 4} bytes, in customer-messages/{source[0]}/{source[1]}" in told.out
    assert "not_json" in told.out
    assert "malformed" in told.out
    assert SECRET not in told.out
    asked = show(topics, letter, "--original")
    assert SECRET in asked.out
    assert "\x1b" not in asked.out
    as_json = show(topics, letter, "--json")
    assert as_json.json["original_in"] == "topic"
    assert "original" not in as_json.json
    shown = show(topics, letter, "--json", "--original").json
    assert base64.b64decode(shown["original"]) == ORIGINAL + b"\x1b[2J"
    assert shown["key"] == "ada"


def test_original_outlives_its_topic_in_the_letter_and_else_is_gone(topics: Topics) -> None:
    died = Died()
    source, bare = bury(topics, died)
    keeping = write_letter(topics, Died(kept=True), source)
    assert show(topics, keeping, "--json").json["original_in"] == "letter"

    forget(topics, CUSTOMER_MESSAGES, source)

    assert show(topics, bare, "--json").json["original_in"] is None
    assert "gone: neither the letter nor the source topic" in show(topics, bare, "--original").out
    kept = show(topics, keeping, "--json", "--original").json
    assert kept["original_in"] == "letter"
    assert base64.b64decode(kept["original"]) == ORIGINAL


def test_record_with_another_key_at_the_original_s_place_is_not_taken_for_it(
    topics: Topics,
) -> None:
    (source,) = topics.produce(CUSTOMER_MESSAGES, [(b"somebody else", b"{}", {})])
    letter = write_letter(topics, Died(key=b"ada"), source)

    assert show(topics, letter, "--json").json["original_in"] is None
    done = replay(topics, name(letter), "--yes")
    assert done.code == 1
    assert done.json["without_original"] == [name(letter)]
    assert sum(topics.end_offsets(CUSTOMER_MESSAGES).values()) == 1


# Again


def last_record(topics: Topics, topic: str, partition: int) -> Record:
    return [each for each in topics.read_all(topic) if each.partition == partition][-1]


def test_replay_writes_bytes_key_and_headers_to_the_same_partition_and_says_of_what(
    topics: Topics,
) -> None:
    source, letter = bury(topics, Died())

    done = replay(topics, name(letter), "--yes")

    assert (done.code, done.json["replayed"]) == (0, 1)
    record = last_record(topics, CUSTOMER_MESSAGES, source[0])
    assert record.offset == source[1] + 1
    assert (record.key, record.value) == (b"ada", ORIGINAL)
    assert record.headers == {
        "traceparent": TRACE,
        "tenant": b"acme",
        "tidings_replay_of": f"customer-messages/{source[0]}/{source[1]}".encode(),
        "tidings_replay_letter": f"dead-letters/{letter[0]}/{letter[1]}".encode(),
        "tidings_replay_count": b"1",
    }


async def test_replay_keeps_a_null_value_and_repeated_and_null_headers(topics: Topics) -> None:
    headers = [("tag", b"a"), ("tag", b"b"), ("nothing", None)]
    async with AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers) as producer:
        await producer.send_and_wait(
            CUSTOMER_MESSAGES, None, key=b"ada", partition=1, headers=headers
        )
    letter = write_letter(topics, Died(reason=Reason.NULL_VALUE), (1, 0))

    assert replay(topics, name(letter), "--yes").code == 0

    async with AIOKafkaConsumer(
        CUSTOMER_MESSAGES,
        bootstrap_servers=topics.bootstrap_servers,
        auto_offset_reset="earliest",
    ) as consumer:
        first, second = await consumer.getone(), await consumer.getone()
    assert (second.partition, second.key, second.value) == (1, b"ada", None)
    assert second.headers[: len(headers)] == first.headers == tuple(headers)
    assert [header for header, _ in second.headers[len(headers) :]] == [
        "tidings_replay_of",
        "tidings_replay_letter",
        "tidings_replay_count",
    ]
    shown = replay(topics, name(letter), "--again", "--dry-run").json["records"]
    assert [each["bytes"] for each in shown] == [None]


def test_replay_of_what_is_gone_is_told_by_place_and_the_others_are_replayed(
    topics: Topics,
) -> None:
    source, gone = bury(topics, Died(key=b"ada"))
    kept = write_letter(topics, Died(key=b"ada", kept=True), source)
    forget(topics, CUSTOMER_MESSAGES, source)
    other = bury(topics, Died(key=b"ada"))[1]

    done = replay(topics, "--source-topic", CUSTOMER_MESSAGES, "--yes")

    assert done.code == 1
    assert done.json["replayed"] == 2
    assert done.json["without_original"] == [name(gone)]
    records = topics.read_all(CUSTOMER_MESSAGES)
    named = [each.headers.get("tidings_replay_letter") for each in records]
    assert named == [None, *(f"dead-letters/{p}/{o}".encode() for p, o in (kept, other))]
    from_letter = next(each for each in records if each.headers.get("tidings_replay_letter"))
    assert from_letter.value == ORIGINAL
    assert from_letter.headers["traceparent"] == TRACE
    assert "tenant" not in from_letter.headers


def test_dry_run_tells_what_would_be_written_and_writes_nothing(topics: Topics) -> None:
    source, letter = bury(topics, Died())

    done = replay(topics, "--all", "--dry-run")

    assert (done.code, done.json["replayed"]) == (0, 0)
    assert done.json["records"] == [
        {
            "letter": name(letter),
            "topic": CUSTOMER_MESSAGES,
            "partition": source[0],
            "bytes": len(ORIGINAL),
            "original_in": "topic",
            "headers_of": "topic",
            "replay_count": 1,
        }
    ]
    assert sum(topics.end_offsets(CUSTOMER_MESSAGES).values()) == 1
    told = tidings_here(topics, "dead-letters", "replay", "--all", "--dry-run")
    assert "1 would be replayed" in told.out
    assert SECRET not in done.out + told.out


def test_letter_is_not_replayed_twice_to_one_topic_unless_told(topics: Topics) -> None:
    _, letter = bury(topics, Died())
    assert replay(topics, "--all", "--yes").json["replayed"] == 1

    second = replay(topics, "--all", "--yes")
    assert (second.code, second.json["replayed"]) == (0, 0)
    assert second.json["replayed_before"] == [name(letter)]
    assert "--again" in second.err

    assert replay(topics, "--all", "--yes", "--again").json["replayed"] == 1
    assert replay(topics, "--all", "--yes", "--to", NEWS_MESSAGES).json["replayed"] == 1
    assert sum(topics.end_offsets(CUSTOMER_MESSAGES).values()) == 3
    (elsewhere,) = topics.read_all(NEWS_MESSAGES)
    assert elsewhere.value == ORIGINAL


def test_limit_takes_those_that_failed_first(topics: Topics) -> None:
    bury(topics, Died(hours_ago=1))
    first = bury(topics, Died(hours_ago=9))[1]
    bury(topics, Died(hours_ago=5))

    done = replay(topics, "--all", "--dry-run", "--limit", "1")

    assert [each["letter"] for each in done.json["records"]] == [name(first)]


def test_record_that_the_topic_refuses_is_told_by_place_and_the_others_are_replayed(
    topics: Topics,
) -> None:
    small = bury(topics, Died())[1]
    large = bury(topics, Died(value=b"x" * 5_000))[1]
    with topics.configured(CUSTOMER_MESSAGES, {"max.message.bytes": "2000"}):
        done = replay(topics, name(small), name(large), "--yes")

    assert done.code == 1
    assert done.json["replayed"] == 1
    assert done.json["refused"] == {name(large): "MessageSizeTooLargeError"}


@pytest.mark.parametrize(("answer", "written"), [("y", 1), ("n", 0)])
def test_on_a_terminal_it_asks_before_it_writes(topics: Topics, answer: str, written: int) -> None:
    bury(topics, Died())
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tidings_services", "dead-letters", "replay", "--all"],
        env=tidings_environment({"bootstrap_servers": topics.bootstrap_servers}),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert "Write 1 to customer-messages?" in said
    assert process.returncode == (0 if written else 1)
    assert sum(topics.end_offsets(CUSTOMER_MESSAGES).values()) == 1 + written


# Through a worker


@pytest.mark.timeout(600)
def test_replay_through_a_worker_ends_decided_or_dead_again_and_tells_its_chain(
    topics: Topics, start_worker: StartWorker
) -> None:
    start_worker("intents", abstain_below=0)
    long = encode(customer_message(1, "How do I change my PIN? " * 200))
    with topics.configured(ROUTED_MESSAGES, {"max.message.bytes": "2000"}):
        refused, poison = topics.produce(
            CUSTOMER_MESSAGES, [(b"c-1", long, {"traceparent": TRACE}), (b"c-2", ORIGINAL, {})]
        )
        topics.wait_for_records(DEAD_LETTERS, 2)
    first = {place_of(each): each for each in topics.read_all(DEAD_LETTERS)}
    assert first[refused].json["reason"] == "output_refused"

    assert replay(topics, "--all", "--yes").json["replayed"] == 2

    (routed,) = topics.wait_for_records(ROUTED_MESSAGES, 1)
    assert provenance(routed) == (refused, first[refused].place, b"1")
    assert routed.headers["traceparent"] == TRACE
    again = died_later(topics, 3, first)
    assert provenance(again) == (poison, first[poison].place, b"1")

    assert replay(topics, name(again.place), "--yes").json["replayed"] == 1

    last = died_later(topics, 4, {**first, place_of(again): again})
    assert provenance(last) == (poison, again.place, b"2")
    shown = show(topics, last.place, "--json").json
    assert shown["replay"]["count"] == 2
    assert [(each["partition"], each["offset"]) for each in shown["chain"]] == [
        again.place,
        first[poison].place,
    ]
    told = show(topics, last.place).out
    assert f"the 2. of customer-messages/{poison[0]}/{poison[1]}" in told
    assert f"dead-letters/{again.place[0]}/{again.place[1]}: not_json" in told

    topics.wait_until_committed("intents", CUSTOMER_MESSAGES)
    to = (
        option
        for topic in (ROUTED_MESSAGES, TRIAGE_MESSAGES, DEAD_LETTERS)
        for option in ("--to", topic)
    )
    audit = tidings(topics, "audit", "--from", CUSTOMER_MESSAGES, *to, "--json").json
    assert (audit["inputs"], audit["outputs"], audit["missing"]) == (5, 5, 0)
    assert (audit["repeated"], audit["in_several"]) == (0, 0)


def place_of(letter: Record) -> Place:
    source = letter.json["source"]
    return source["partition"], source["offset"]


def died_later(topics: Topics, count: int, known: dict[Place, Any]) -> Record:
    """The one letter among `count` whose record is not known."""
    (letter,) = [
        each for each in topics.wait_for_records(DEAD_LETTERS, count) if place_of(each) not in known
    ]
    return letter


def provenance(record: Record) -> tuple[Place, Place, bytes]:
    """The place of the first original, that of the letter, and the count, by the headers."""
    places = []
    for header, topic in (
        ("tidings_replay_of", CUSTOMER_MESSAGES),
        ("tidings_replay_letter", DEAD_LETTERS),
    ):
        named, partition, offset = record.headers[header].decode().split("/")
        assert named == topic
        places.append((int(partition), int(offset)))
    return places[0], places[1], record.headers["tidings_replay_count"]
