from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.protocol.commit import OffsetFetchResponse_v3

from harness.fake_group_client import place
from tidings_streams.aiokafka_offsets import heed_offset_fetch_errors

NOT_COORDINATOR, LOADING, NOT_AVAILABLE, FORBIDDEN = 16, 14, 15, 30
FOUND = OffsetFetchResponse_v3(0, [("in", [(0, 42, "", 0)])], 0)
NONE_FOUND = OffsetFetchResponse_v3(0, [("in", [(0, -1, "", 0)])], 0)


def failed(code: int) -> Any:
    return OffsetFetchResponse_v3(0, [], code)


class Coordinator(GroupCoordinator):
    """aiokafka's own, with answers in the place of a network."""

    def __init__(self, *answers: Any) -> None:
        self.group_id = "group"
        self.coordinator_id = 1
        self.answers = list(answers)
        self.lookups = 0
        self._retry_backoff_ms = 1
        self._coordinator_dead_fut = asyncio.get_running_loop().create_future()
        heed_offset_fetch_errors(SimpleNamespace(_coordinator=self))

    async def _send_req(self, request: Any) -> Any:
        return self.answers.pop(0)

    async def ensure_coordinator_known(self) -> None:
        if self.coordinator_id is None:
            self.lookups += 1
            self.coordinator_id = 2
            self._coordinator_dead_fut = asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("code", [NOT_COORDINATOR, LOADING, NOT_AVAILABLE])
async def test_offsets_are_asked_for_again_where_the_whole_request_failed(code: int) -> None:
    coordinator = Coordinator(failed(code), failed(code), FOUND)

    offsets = await coordinator.fetch_committed_offsets([place()])

    assert offsets[place()].offset == 42


@pytest.mark.parametrize(
    ("code", "lookups"), [(NOT_COORDINATOR, 1), (NOT_AVAILABLE, 1), (LOADING, 0)]
)
async def test_coordinator_is_looked_up_where_it_is_another_one(code: int, lookups: int) -> None:
    coordinator = Coordinator(failed(code), FOUND)

    await coordinator.fetch_committed_offsets([place()])

    assert coordinator.lookups == lookups


async def test_group_that_may_not_be_read_is_an_error() -> None:
    coordinator = Coordinator(failed(FORBIDDEN))

    with pytest.raises(GroupAuthorizationFailedError):
        await coordinator.fetch_committed_offsets([place()])


async def test_partition_without_offset_has_none() -> None:
    assert await Coordinator(NONE_FOUND).fetch_committed_offsets([place()]) == {}
