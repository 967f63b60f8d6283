from __future__ import annotations

import asyncio
from collections.abc import Sequence

from harness.fakes import NOW, policy, record
from tidings_streams.kafka import InputRecord
from tidings_streams.outcomes import Outcome
from tidings_streams.records import ScoredMessage, Source, TrendWindow, encode_value
from tidings_streams.trend_agent import TrendAgent


class SlowReader:
    """Has no windows, and says so once it may."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.asked: list[int] = []

    async def read(self, partition: int) -> Sequence[TrendWindow]:
        self.asked.append(partition)
        await self.go_on.wait()
        return []


def make_agent(reader: SlowReader) -> TrendAgent:
    return TrendAgent(reader=reader, dead_letters=policy(), lateness_seconds=3600.0)


def messages(partition: int = 0) -> list[InputRecord]:
    return [
        record(
            encode_value(
                ScoredMessage(
                    message_id=str(offset),
                    text="text",
                    ticker="NGLB",
                    entity="NGLB",
                    label="positive",
                    probabilities={"positive": 1.0},
                    net_sentiment=1.0,
                    published_at=NOW,
                    bundle="b",
                    decided_at=NOW,
                    source=Source(topic="news-messages", partition=0, offset=offset),
                )
            ),
            topic="scored-messages",
            partition=partition,
            offset=offset,
        )
        for offset in range(3)
    ]


async def run(agent: TrendAgent, batch: Sequence[InputRecord]) -> list[Outcome]:
    return [outcome async for part in agent.step(batch) for outcome in part]


async def test_records_that_are_read_again_count_though_they_were_in_work_at_a_rebalance() -> None:
    """`forget` comes while the step reads windows back; its batch is another assignment's."""
    agent = make_agent(reader := SlowReader())
    former = asyncio.ensure_future(run(agent, messages()))
    await asyncio.sleep(0.01)
    agent.forget()
    reader.go_on.set()
    await former

    again = await run(agent, messages())

    assert [outcome.kind for outcome in again] == ["counted"] * 3
    assert sum(len(outcome.outputs) for outcome in again) == 3, "the windows' new states"
    assert reader.asked == [0, 0]


async def test_step_ends_where_its_partitions_are_forgotten_while_it_reads_back() -> None:
    agent = make_agent(reader := SlowReader())
    step = asyncio.ensure_future(run(agent, [*messages(0), *messages(1)]))
    await asyncio.sleep(0.01)
    agent.forget()
    reader.go_on.set()

    assert len(await asyncio.wait_for(step, 2)) == 6
    assert agent.open_windows == 0


async def test_windows_of_a_partition_are_read_back_once() -> None:
    agent = make_agent(reader := SlowReader())
    reader.go_on.set()

    await run(agent, messages(0))
    await run(agent, messages(0))

    assert reader.asked == [0]
    assert agent.open_windows == 3
