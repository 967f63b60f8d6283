"""How the feed is doing, as the page and the probes tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Start = Literal["earliest", "latest"]
State = Literal["connecting", "waiting", "reading", "away"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """What the page says about Kafka.

    `connecting` before the first answer, `waiting` while no topic exists, `reading`, and `away`
    once Kafka stopped answering.  `detail` is Kafka's address, `error` what went wrong;
    `missing` names the topics that do not exist yet.
    """

    state: State = "connecting"
    detail: str = ""
    error: str = ""
    missing: tuple[str, ...] = ()
    undecodable: int = 0
    start: Start = "latest"

    @property
    def connected(self) -> bool:
        """Whether Kafka answers."""
        return self.state in ("waiting", "reading")
