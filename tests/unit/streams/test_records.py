from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_streams.records import (
    CustomerMessage,
    InvalidRecord,
    NewsMessage,
    Reason,
    decode_value,
    event_headers,
)

MESSAGE = {
    "id": "m-1",
    "text": "Where is my card?",
    "customer_id": "C-1",
    "channel": "chat",
    "sent_at": "2026-11-23T12:00:00Z",
}
SECRET = "Josephine Underhay"


def refusal(value: bytes | None) -> InvalidRecord:
    with pytest.raises(InvalidRecord) as caught:
        decode_value(value, CustomerMessage)
    return caught.value


def encoded(**changes: Any) -> bytes:
    fields = {**MESSAGE, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def test_message_is_decoded_and_unknown_fields_are_ignored() -> None:
    message = decode_value(encoded(colour="blue"), CustomerMessage)

    assert (message.id, message.text) == ("m-1", "Where is my card?")
    assert message.sent_at.tzinfo is not None


@pytest.mark.parametrize("field", sorted(MESSAGE))
def test_missing_field_is_named(field: str) -> None:
    fault = refusal(encoded(**{field: ...}))

    assert fault.reason is Reason.INVALID_FIELD
    assert field in fault.detail


@pytest.mark.parametrize("field", sorted(MESSAGE))
@pytest.mark.parametrize("value", [None, 42, {"name": SECRET}, [SECRET]])
def test_ill_typed_field_is_named_and_not_quoted(field: str, value: Any) -> None:
    fault = refusal(encoded(**{field: value}))

    assert fault.reason is Reason.INVALID_FIELD
    assert field in fault.detail
    assert SECRET not in fault.detail


@pytest.mark.parametrize("value", ["2026-11-23T12:00:00", "yesterday", SECRET])
def test_time_without_an_offset_or_no_time_at_all_is_refused(value: str) -> None:
    fault = refusal(encoded(sent_at=value))

    assert fault.reason is Reason.INVALID_FIELD
    assert "sent_at" in fault.detail
    assert SECRET not in fault.detail


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"[1", f'{{"text": "{SECRET}'.encode(), b"\xff\xfe", '{"id": "ü'.encode("latin-1")],
)
def test_what_is_no_json_is_said_without_quoting_it(value: bytes) -> None:
    fault = refusal(value)

    assert fault.reason in {Reason.NOT_JSON, Reason.INVALID_FIELD}
    assert SECRET not in fault.detail


def test_null_value_is_named() -> None:
    assert refusal(None).reason is Reason.NULL_VALUE


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(value: bytes) -> None:
    with contextlib.suppress(InvalidRecord):
        decode_value(value, NewsMessage)


def test_traceparent_passes_through_and_other_headers_do_not() -> None:
    headers = event_headers(
        kind="k", source="/s", identity="i", received={"traceparent": b"00-1-2-01", "secret": b"x"}
    )

    assert headers["traceparent"] == b"00-1-2-01"
    assert "secret" not in headers
    assert headers["ce_specversion"] == b"1.0"
