from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.fakes import NOW, policy, record
from tidings_streams.kafka import InputRecord
from tidings_streams.outcomes import Outcome
from tidings_streams.records import (
    ScoredMessage,
    Source,
    TrendWindow,
    decode_value,
    encode_value,
)
from tidings_streams.trend_agent import TrendAgent
from tidings_streams.trends import PartitionTrends, window_keys, window_record


def scored(
    net: float = 0.5,
    *,
    ticker: str | None = "NGLB",
    seconds: float = 0.0,
    offset: int = 0,
    partition: int = 0,
) -> ScoredMessage:
    label = "positive" if net > 0.3 else "negative" if net < -0.3 else "neutral"
    return ScoredMessage(
        message_id=f"n-{offset}",
        text="text",
        ticker=ticker,
        entity=ticker,
        label=label,
        probabilities={"positive": (1 + net) / 2, "negative": (1 - net) / 2},
        net_sentiment=net,
        published_at=NOW + timedelta(seconds=seconds),
        bundle="b",
        decided_at=NOW,
        source=Source(topic="news-messages", partition=partition, offset=offset),
    )


def trends(lateness_seconds: float = 60.0) -> PartitionTrends:
    return PartitionTrends(partition=0, lateness_seconds=lateness_seconds)


def test_message_is_in_one_window_of_each_length() -> None:
    keys = window_keys("NGLB", datetime(2026, 11, 23, 12, 34, 56, 789000, tzinfo=UTC))

    assert [(key.seconds, datetime.fromtimestamp(key.start, UTC).isoformat()) for key in keys] == [
        (60, "2026-11-23T12:34:00+00:00"),
        (3600, "2026-11-23T12:00:00+00:00"),
        (86400, "2026-11-23T00:00:00+00:00"),
    ]


def test_window_has_the_mean_the_shares_and_the_count() -> None:
    held = trends()
    for offset, net in enumerate((0.6, -0.6, 0.0, 0.6)):
        held.add(scored(net, offset=offset))

    window = held.describe(window_keys("NGLB", NOW)[0])

    assert (window.messages, window.share_positive, window.share_negative) == (4, 0.5, 0.25)
    assert abs(window.mean - 0.15) < 1e-12
    assert window.low < window.mean < window.high


def test_message_counts_once_however_often_it_comes() -> None:
    held = trends()
    held.add(scored(offset=5))

    kind, changed = held.add(scored(offset=5))

    assert (kind, changed) == ("repeated", [])
    assert held.describe(window_keys("NGLB", NOW)[0]).messages == 1


def test_same_offset_of_another_partition_is_another_message() -> None:
    held = trends()
    held.add(scored(offset=5, partition=0))

    assert held.add(scored(offset=5, partition=1))[0] == "counted"


def test_late_message_goes_to_the_windows_that_are_still_open() -> None:
    held = trends(lateness_seconds=60)
    held.add(scored(seconds=600, offset=0))

    kind, changed = held.add(scored(seconds=0, offset=1))

    assert kind == "counted"
    assert [key.seconds for key in changed] == [3600, 86400]


def test_message_for_closed_windows_only_is_late() -> None:
    held = trends(lateness_seconds=0)
    held.add(scored(seconds=3 * 86400, offset=0))

    assert held.add(scored(seconds=0, offset=1)) == ("late", [])


def test_closed_windows_are_forgotten() -> None:
    held = trends(lateness_seconds=0)
    held.add(scored(seconds=0, offset=0))
    held.add(scored(seconds=7200, offset=1))
    held.close_windows()

    assert len(held) == 3, "the day, and minute and hour of the second message"


def test_message_without_a_ticker_changes_nothing() -> None:
    assert trends().add(scored(ticker=None)) == ("without_ticker", [])


def test_key_of_a_window_names_ticker_length_and_start() -> None:
    held = trends()
    held.add(scored())

    output = window_record(held.describe(window_keys("NGLB", NOW)[0]), partition=4)

    assert output.key == b"NGLB|60|2026-11-23T12:00:00Z"
    assert output.partition == 4


@dataclass
class FakeTopic:
    """`sentiment-trends` in memory."""

    written: dict[int, list[TrendWindow]] = field(default_factory=lambda: defaultdict(list))

    async def read(self, partition: int) -> Sequence[TrendWindow]:
        return self.written[partition]

    def write(self, outcomes: Sequence[Outcome], limit: int | None = None) -> None:
        outputs = [output for outcome in outcomes for output in outcome.outputs]
        for output in outputs[:limit]:
            assert output.partition is not None
            self.written[output.partition].append(decode_value(output.value, TrendWindow))

    def newest(self) -> dict[tuple[str, int, datetime], TrendWindow]:
        return {
            (window.ticker, window.window_seconds, window.window_start): window
            for windows in self.written.values()
            for window in windows
        }


async def run_step(agent: TrendAgent, records: Sequence[InputRecord]) -> list[Outcome]:
    return [outcome async for part in agent.step(records) for outcome in part]


def agent(topic: FakeTopic) -> TrendAgent:
    return TrendAgent(reader=topic, dead_letters=policy(), lateness_seconds=3600)


def as_records(messages: Sequence[ScoredMessage]) -> list[InputRecord]:
    return [
        record(encode_value(message), topic="scored-messages", offset=offset)
        for offset, message in enumerate(messages)
    ]


async def test_record_of_a_window_goes_with_the_last_message_that_changed_it() -> None:
    outcomes = await run_step(
        agent(FakeTopic()), as_records([scored(0.1, offset=0), scored(0.2, offset=1)])
    )

    assert [len(outcome.outputs) for outcome in outcomes] == [0, 3]
    assert json.loads(outcomes[1].outputs[0].value)["messages"] == 2


async def test_what_is_no_scored_message_is_a_dead_letter() -> None:
    (outcome,) = await run_step(agent(FakeTopic()), [record(b"{}", topic="scored-messages")])

    assert outcome.reason == "invalid_field"


MESSAGES = st.lists(
    st.tuples(
        st.floats(-1, 1), st.sampled_from(["A", "B"]), st.integers(0, 3000), st.integers(0, 2)
    ),
    min_size=1,
    max_size=30,
)


@given(MESSAGES, st.data())
async def test_trends_are_exact_through_crashes_and_repeats(
    drawn: list[tuple[float, str, int, int]], data: st.DataObject
) -> None:
    """A worker that dies before its commit, with its outputs written in part, changes nothing."""
    messages = [
        scored(net, ticker=ticker, seconds=seconds, partition=partition, offset=offset)
        for offset, (net, ticker, seconds, partition) in enumerate(drawn)
    ]
    records = as_records(messages)
    undisturbed, disturbed = FakeTopic(), FakeTopic()
    undisturbed.write(await run_step(agent(undisturbed), records))

    working, committed = agent(disturbed), 0
    while committed < len(records):
        size = data.draw(st.integers(1, 8))
        outcomes = await run_step(working, records[committed : committed + size])
        if data.draw(st.booleans(), "crash"):
            disturbed.write(outcomes, limit=data.draw(st.integers(0, 5)))
            working = agent(disturbed)
            if data.draw(st.booleans(), "survive"):
                continue
            outcomes = await run_step(working, records[committed : committed + size])
        disturbed.write(outcomes)
        committed += size

    assert disturbed.newest().keys() == undisturbed.newest().keys()
    for key, window in undisturbed.newest().items():
        found = disturbed.newest()[key]
        assert found.messages == window.messages
        assert abs(found.mean - window.mean) < 1e-9
