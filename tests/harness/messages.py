"""Input messages for tests: good ones, and every kind of bad one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Stands in every bad value that has content, and must not turn up in what is published about it.
CONTENT = "zebra"
MAX_TEXT_CHARACTERS = 500

Message = dict[str, Any]


def customer_message(number: int, text: str, **fields: object) -> Message:
    """A valid message for the intent router."""
    return {
        "id": f"m-{number}",
        "text": text,
        "customer_id": f"c-{number % 97}",
        "channel": "chat",
        "sent_at": "2026-11-23T10:00:00Z",
        **fields,
    }


def news_message(number: int, text: str, **fields: object) -> Message:
    """A valid message for the sentiment monitor."""
    return {
        "id": f"n-{number}",
        "text": text,
        "published_at": "2026-11-23T10:00:00Z",
        "source": f"wire-{number % 7}",
        **fields,
    }


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadValue:
    """A value that can not be processed, why, and what the dead letter's detail must say."""

    name: str
    value: bytes | None
    reason: str
    detail: str


def bad_values(valid: Message, *, time_field: str) -> list[BadValue]:
    """Every kind of bad value, made from a valid message."""
    good = {**valid, "text": f"a {CONTENT} in the text"}
    fields = [name for name in good if name != "tickers"]
    return [
        BadValue(name="null", value=None, reason="null_value", detail="null"),
        *(
            BadValue(name=name, value=value, reason="not_json", detail=detail)
            for name, value, detail in (
                ("no bytes", b"", "truncated"),
                ("words", f"{CONTENT} {CONTENT}".encode(), "malformed"),
                ("cut off", encode(good)[:-3], "truncated"),
                ("followed by more", encode(good) + CONTENT.encode(), "trailing"),
                ("not UTF-8", encode(good).replace(b" in", b"\xff\xfe"), "UTF-8"),
                ("Latin-1", encode(good).replace(b" in", b" \xe9n"), "UTF-8"),
                ("half a surrogate pair", encode(good).replace(b" in", rb" \ud800 n"), "malformed"),
                ("nested too deeply", _nested(good), "nested"),
            )
        ),
        *(
            BadValue(name=name, value=value, reason="invalid_field", detail=detail)
            for name, value, detail in (
                ("a list", json.dumps([good]).encode(), "object"),
                ("a string", json.dumps(CONTENT).encode(), "object"),
                ("ill-typed text", encode({**good, "text": [CONTENT]}), "$.text"),
                ("null id", encode({**good, "id": None}), "$.id"),
                ("empty id", encode({**good, "id": ""}), "$.id"),
                ("long id", encode({**good, "id": CONTENT * 100}), "$.id"),
                ("time as a number", encode({**good, time_field: 1.8e9}), f"$.{time_field}"),
                ("time that is none", encode({**good, time_field: CONTENT}), f"$.{time_field}"),
                (
                    "naive time",
                    encode({**good, time_field: "2026-11-23T10:00:00"}),
                    f"$.{time_field}",
                ),
            )
        ),
        *(
            BadValue(
                name=f"no {field}",
                value=encode({name: value for name, value in good.items() if name != field}),
                reason="invalid_field",
                detail=f"`{field}`",
            )
            for field in fields
        ),
        BadValue(
            name="empty text",
            value=encode({**good, "text": ""}),
            reason="empty_text",
            detail="$.text",
        ),
        BadValue(
            name="blank text",
            value=encode({**good, "text": " \n\t\u00a0\u2003"}),
            reason="empty_text",
            detail="$.text",
        ),
        BadValue(
            name="oversized text",
            value=encode({**good, "text": f"{CONTENT} " * MAX_TEXT_CHARACTERS}),
            reason="oversized_text",
            detail=str(MAX_TEXT_CHARACTERS),
        ),
    ]


def _nested(good: Message) -> bytes:
    deep = b"[" * 100_000 + b"]" * 100_000
    return encode({**good, "extra": 0}).replace(b'"extra": 0', b'"extra": ' + deep)
