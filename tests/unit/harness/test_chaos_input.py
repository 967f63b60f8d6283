"""The stream of the chaos tests: the same for a seed, and with every kind of poison."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

from harness.chaos_input import WHOLESOME, chaos_messages
from harness.messages import bad_values, customer_message
from tidings_streams.records import CustomerMessage, InvalidRecord, decode_value

COUNT = 4_000


def stream(seed: int) -> list[tuple[bytes, bytes | None, str]]:
    return list(islice(chaos_messages(random.Random(seed)), COUNT))


def test_stream_is_the_same_for_a_seed_and_another_for_another() -> None:
    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


def test_five_in_a_hundred_are_poison_of_every_kind() -> None:
    kinds = Counter(kind for _, _, kind in stream(1))

    assert 0.04 < 1 - kinds[WHOLESOME] / COUNT < 0.06
    every = {bad.name for bad in bad_values(customer_message(0, ""), time_field="sent_at")}
    assert kinds.keys() == every - {"oversized text"} | {WHOLESOME}


def test_wholesome_messages_decode_and_some_are_large() -> None:
    sizes = []
    for key, value, kind in stream(1):
        if kind == WHOLESOME:
            message = decode_value(value, CustomerMessage)
            assert key == message.customer_id.encode()
            assert 0 < len(message.text) <= 10_000
            sizes.append(len(value or b""))
    assert sum(size > 8_000 for size in sizes) > 10


def test_what_is_not_wholesome_is_refused() -> None:
    for _, value, kind in stream(1):
        if kind in {WHOLESOME, "empty text", "blank text"}:
            continue
        try:
            decode_value(value, CustomerMessage)
        except InvalidRecord:
            continue
        raise AssertionError(f"{kind} decodes")
