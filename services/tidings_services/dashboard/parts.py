"""The picture in parts, so that the stream sends only those that changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

REFRESH_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    version: int
    encoded: bytes


class Parts:
    """The view as named parts, each encoded once however many pages are open.

    `view` gives the content; its trends and decisions become one part each, `trend.TICKER` and
    `decision.ID`, and lists of what is shown.  `clock` gives Unix seconds.
    """

    def __init__(
        self, *, view: Callable[[], Mapping[str, Any]], clock: Callable[[], float]
    ) -> None:
        self._view = view
        self._clock = clock
        self._refreshed_at = float("-inf")
        self._version = 0
        self._parts: dict[str, _Part] = {}

    def state(self) -> bytes:
        """Encode the whole content as one JSON object."""
        return msgspec.json.encode({"now": self._clock(), **self._view()})

    def changed_since(self, version: int) -> tuple[int, bytes | None]:
        """Give the newest version, and the parts newer than `version` as JSON, None for none.

        Version 0 is before everything.
        """
        self._refresh()
        changed = [
            msgspec.json.encode(name) + b":" + part.encoded
            for name, part in self._parts.items()
            if part.version > version
        ]
        if not changed:
            return self._version, None
        now = msgspec.json.encode(self._clock())
        return self._version, b'{"now":%s,"parts":{%s}}' % (now, b",".join(changed))

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._refreshed_at < REFRESH_SECONDS:
            return
        self._refreshed_at = now
        self._version += 1
        encoded = {
            name: msgspec.json.encode(value) for name, value in _flatten(self._view()).items()
        }
        self._parts = {
            name: self._parts[name]
            if name in self._parts and self._parts[name].encoded == content
            else _Part(self._version, content)
            for name, content in encoded.items()
        }


def _flatten(view: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: value for name, value in view.items() if name not in ("trends", "decisions")}
    parts["tickers"] = {**view["tickers"], "shown": [trend.ticker for trend in view["trends"]]}
    parts["decisions"] = [decision.id for decision in view["decisions"]]
    parts.update({f"trend.{trend.ticker}": trend for trend in view["trends"]})
    parts.update({f"decision.{decision.id}": decision for decision in view["decisions"]})
    return parts
