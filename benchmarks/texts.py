"""The texts: BANKING77's test file, shuffled by the seed, with their natural lengths."""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

SENT_AT = "2026-11-23T10:00:00Z"
HISTOGRAM_STEP = 8


def load_texts(data: Path, *, seed: int) -> list[str]:
    """Every text of banking77/test.csv under `data`, in the seed's order.

    Raises FileNotFoundError where the file is not there.
    """
    with (data / "banking77" / "test.csv").open(encoding="utf-8", newline="") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)]
    random.Random(seed).shuffle(texts)  # noqa: S311 - an order, no secret
    return texts


def customer_messages(texts: Sequence[str], count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of `count` records for customer-messages, the texts over and over."""
    for number, text in enumerate(itertools.islice(itertools.cycle(texts), count)):
        yield customer_message(number, text)


def customer_message(number: int, text: str) -> tuple[bytes, bytes]:
    """The record of a message with the id `m-NUMBER`."""
    customer = f"c-{number % 997}"
    message = {
        "id": f"m-{number}",
        "text": text,
        "customer_id": customer,
        "channel": "chat",
        "sent_at": SENT_AT,
    }
    return customer.encode(), json.dumps(message).encode()


def token_histogram(lengths: Sequence[int]) -> dict[str, int]:
    """How many texts have 1-8, 9-16, ... tokens, [CLS] and [SEP] among them."""
    counts = Counter((length - 1) // HISTOGRAM_STEP for length in lengths)
    return {
        f"{step * HISTOGRAM_STEP + 1}-{(step + 1) * HISTOGRAM_STEP}": counts[step]
        for step in range(max(counts) + 1)
    }
