from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidings_services.instants import InvalidInstant, parse_instant

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1.5d", timedelta(hours=36)),
        ("1w", timedelta(days=7)),
    ],
)
def test_so_long_ago_is_counted_back_from_now(text: str, ago: timedelta) -> None:
    assert parse_instant(text, now=NOW) == NOW - ago


@pytest.mark.parametrize("text", ["2026-11-23T10:00:00Z", "2026-11-23T11:00:00+01:00"])
def test_time_with_an_offset_is_that_time(text: str) -> None:
    assert parse_instant(text, now=NOW) == NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-23T10:00:00", "2026-11-23", "2y", "-2h", "999999999w"]
)
def test_anything_else_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidInstant, match="neither a time") as caught:
        parse_instant(text, now=NOW)
    assert repr(text) in str(caught.value)
