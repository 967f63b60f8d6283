"""aiokafka 0.14 takes a failed request for committed offsets for one that found none."""

from __future__ import annotations

from typing import Any

from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest


def heed_offset_fetch_errors(consumer: Any) -> None:
    """Let a started consumer see the error of the whole answer, and so ask again.

    From version 2 on, a broker that is no longer or not yet the group's coordinator answers an
    OffsetFetch with no partitions and an error for all of them.  aiokafka looks at the partitions
    only: the group would begin at the beginning of the topic.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - there is no public way
    send = coordinator._send_req  # noqa: SLF001

    async def send_and_check(request: Any) -> Any:
        response = await send(request)
        code = getattr(response, "error_code", 0)
        if isinstance(request, OffsetFetchRequest) and code:
            error = for_code(code)
            if error in {NotCoordinatorForGroupError, GroupCoordinatorNotAvailableError}:
                coordinator.coordinator_dead()
            raise error(coordinator.group_id)
        return response

    coordinator._send_req = send_and_check  # noqa: SLF001
