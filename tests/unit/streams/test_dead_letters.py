"""Where a replayed record, and what is made of it, says that it comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fakes import policy, record
from tidings_streams.dead_letters import Replay, next_replay, replay_of
from tidings_streams.records import InvalidRecord, Reason, Source, event_headers

DIED = Source(topic="customer-messages", partition=2, offset=7)
LETTER = Source(topic="dead-letters", partition=0, offset=3)
AGAIN = Source(topic="customer-messages", partition=2, offset=40)
SECOND_LETTER = Source(topic="dead-letters", partition=0, offset=9)

places = st.builds(
    Source,
    topic=st.from_regex(r"[a-z._-]{1,20}", fullmatch=True),
    partition=st.integers(0, 10_000),
    offset=st.integers(0, 2**63 - 1),
)


def test_first_replay_names_the_record_that_died_and_its_letter() -> None:
    replay = next_replay(LETTER, died=DIED, headers={"traceparent": b"00-1-2-01"})

    assert replay == Replay(origin=DIED, letter=LETTER, count=1)
    assert replay.headers() == {
        "tidings_replay_of": b"customer-messages/2/7",
        "tidings_replay_letter": b"dead-letters/0/3",
        "tidings_replay_count": b"1",
    }


def test_replay_of_a_replay_keeps_the_origin_and_counts_up() -> None:
    first = next_replay(LETTER, died=DIED, headers={})
    second = next_replay(SECOND_LETTER, died=AGAIN, headers=first.headers())

    assert second == Replay(origin=DIED, letter=SECOND_LETTER, count=2)


@given(st.builds(Replay, origin=places, letter=places, count=st.integers(1, 10**6)))
def test_headers_tell_a_replay_back(replay: Replay) -> None:
    assert replay_of(replay.headers()) == replay


@pytest.mark.parametrize("value", [b"", b"customer-messages", b"a/b/c", b"a/1/-1", b"\xff/1/1"])
@pytest.mark.parametrize("name", ["tidings_replay_of", "tidings_replay_letter"])
def test_malformed_headers_are_no_replay(name: str, value: bytes) -> None:
    headers = next_replay(LETTER, died=DIED, headers={}).headers()

    assert replay_of({**headers, name: value}) is None


@pytest.mark.parametrize("count", [b"", b"many", b"-1", b"9" * 5_000])
def test_malformed_count_is_no_replay(count: bytes) -> None:
    headers = next_replay(LETTER, died=DIED, headers={}).headers()

    assert replay_of({**headers, "tidings_replay_count": count}) is None


def test_outputs_and_dead_letters_of_a_replayed_record_carry_its_provenance_on() -> None:
    provenance = next_replay(LETTER, died=DIED, headers={}).headers()
    received = {**provenance, "traceparent": b"00-1-2-01", "other": b"x"}

    output = event_headers(kind="k", source="/s", identity="i", received=received)
    fault = InvalidRecord(Reason.NOT_JSON, "malformed")
    (letter,) = policy().outcome(record({}, headers=received), fault).outputs

    for headers in (output, letter.headers):
        assert headers.items() >= provenance.items()
        assert headers["traceparent"] == b"00-1-2-01"
        assert "other" not in headers
