"""Instants as a person gives them to a command."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])")


class InvalidInstant(ValueError):  # noqa: N818 - the fact is the name
    """The text is no instant; the message says what is."""


def parse_instant(text: str, *, now: datetime) -> datetime:
    """An RFC 3339 time with an offset, or how long before `now`: `90s`, `15m`, `2h`, `3d`, `1w`.

    Raises InvalidInstant.
    """
    ago = AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - timedelta(**{UNITS[ago[2]]: float(ago[1])})
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidInstant(
            f"{text!r} is neither a time with an offset (2026-11-23T12:00:00Z) nor so long ago "
            "(90s, 15m, 2h, 3d, 1w)"
        )
    return instant
