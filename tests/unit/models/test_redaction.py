from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_models.redaction import redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to jo.bloggs+x@example.co.uk now", "write to <EMAIL> now"),
        ("card 4111 1111 1111 1111 declined", "card <CARD> declined"),
        ("card 4111-1111-1111-1111", "card <CARD>"),
        ("5555555555554444", "<CARD>"),
        ("IBAN GB82 WEST 1234 5698 7654 32 please", "IBAN <IBAN> please"),
        ("DE89370400440532013000 thanks", "<IBAN> thanks"),
        ("call +44 7700 900123 or 07700 900123", "call <PHONE> or <PHONE>"),
        ("(555) 555-0142", "<PHONE>"),
        ("account 12345678", "account <ACCOUNT>"),
        ("sort code 20-00-00", "sort code <SORT_CODE>"),
    ],
)
def test_personal_data_becomes_a_placeholder(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Where is my card?",
        "order 48213",
        "£1,250.00 on 2026-11-23",
        "$NGLB up 12.5% to 1,234,567 from 2024-01-01 10:30:00",
        "paid 100 on 12/05/2026 and 14/05/2026",
        "Q3 revenue of 4.2 bln, 3-for-1 split on 1 July",
        "my birthday is 01.02.1990",
        "@NGLB and #stocks",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=80), st.text(max_size=80))
def test_card_is_found_wherever_it_stands(before: str, after: str) -> None:
    assert "4111 1111 1111 1111" not in redact(f"{before} 4111 1111 1111 1111 {after}")


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert redact(once) == once
