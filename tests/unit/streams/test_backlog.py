from __future__ import annotations

import asyncio

import pytest

from tidings_streams.backlog import Backlog


async def test_all_that_waits_is_taken_together() -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend([1, 2])
    backlog.extend([3])

    assert await backlog.take(10) == [1, 2, 3]
    assert len(backlog) == 0


async def test_no_more_is_taken_than_wanted_and_the_order_is_kept() -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend(range(5))

    assert await backlog.take(3) == [0, 1, 2]
    assert await backlog.take(3) == [3, 4]


async def test_an_item_is_taken_as_soon_as_it_comes() -> None:
    backlog: Backlog[int] = Backlog(10)
    taking = asyncio.ensure_future(backlog.take(10))
    await asyncio.sleep(0)
    backlog.extend([7])

    assert await asyncio.wait_for(taking, 1) == [7]


async def test_there_is_no_room_until_something_was_taken() -> None:
    backlog: Backlog[int] = Backlog(2)
    backlog.extend([1, 2])
    room = asyncio.ensure_future(backlog.room())
    await asyncio.sleep(0.01)
    assert not room.done()

    await backlog.take(1)
    await asyncio.wait_for(room, 1)


async def test_clearing_makes_room() -> None:
    backlog: Backlog[int] = Backlog(1)
    backlog.extend([1])
    room = asyncio.ensure_future(backlog.room())
    await asyncio.sleep(0)
    backlog.clear()

    await asyncio.wait_for(room, 1)
    assert len(backlog) == 0


async def test_closed_backlog_gives_what_it_has_and_then_nothing() -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend([1])
    backlog.close()

    assert await backlog.take(10) == [1]
    assert await backlog.take(10) == []


async def test_waiting_for_an_item_ends_when_the_backlog_is_closed() -> None:
    backlog: Backlog[int] = Backlog(10)
    taking = asyncio.ensure_future(backlog.take(10))
    await asyncio.sleep(0)
    backlog.close()

    assert await asyncio.wait_for(taking, 1) == []


async def test_lingering_gathers_what_comes_meanwhile() -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend([1])
    taking = asyncio.ensure_future(backlog.take(10, linger_seconds=0.2))
    await asyncio.sleep(0.01)
    backlog.extend([2])

    assert await taking == [1, 2]


@pytest.mark.parametrize("how", ["enough", "closed"])
async def test_lingering_ends_early_where_there_is_enough_or_no_more(how: str) -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend([1])
    taking = asyncio.ensure_future(backlog.take(2, linger_seconds=60))
    await asyncio.sleep(0)
    backlog.extend([2]) if how == "enough" else backlog.close()

    assert await asyncio.wait_for(taking, 1) == ([1, 2] if how == "enough" else [1])


async def test_what_is_dropped_while_it_lingers_is_not_taken_for_the_end() -> None:
    backlog: Backlog[int] = Backlog(10)
    backlog.extend([1])
    taking = asyncio.ensure_future(backlog.take(10, linger_seconds=0.05))
    await asyncio.sleep(0.01)
    backlog.clear()
    await asyncio.sleep(0.1)
    assert not taking.done()

    backlog.extend([2])
    assert await asyncio.wait_for(taking, 1) == [2]
