"""The wire contract: what the value of a record on each topic holds.

Values are JSON in UTF-8.  Times are RFC 3339 with an offset; ours are UTC.  Unknown fields of an
input are ignored; a missing or ill-typed one raises `InvalidRecord`, whose detail names the field
and never quotes its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

REPLAY_OF = "tidings_replay_of"
REPLAY_LETTER = "tidings_replay_letter"
REPLAY_COUNT = "tidings_replay_count"
PASSED_ON = ("traceparent", REPLAY_OF, REPLAY_LETTER, REPLAY_COUNT)
"""Headers of an input that its outputs carry on: its trace, and that it is a replay of another."""


class Reason(StrEnum):
    """Why a record is a dead letter."""

    NULL_VALUE = "null_value"
    NOT_JSON = "not_json"
    INVALID_FIELD = "invalid_field"
    EMPTY_TEXT = "empty_text"
    OVERSIZED_TEXT = "oversized_text"
    FUTURE_TIME = "future_time"
    TOO_MANY_COMPANIES = "too_many_companies"
    INFERENCE_FAILED = "inference_failed"
    OUTPUT_REFUSED = "output_refused"


class InvalidRecord(Exception):  # noqa: N818 - it is the record that is invalid, not the program
    """A record that can not be processed.  `detail` is safe to publish: it quotes no content."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What every value has in common: it is immutable and its fields are named."""


class Source(Value, frozen=True, kw_only=True):
    """Where an input record stood."""

    topic: str
    partition: int
    offset: int


class CustomerMessage(Value, frozen=True, kw_only=True):
    """Input of the intent router, topic `customer-messages`, key `customer_id`."""

    id: Identifier
    text: str
    customer_id: Identifier
    channel: Identifier
    sent_at: Instant


class NewsMessage(Value, frozen=True, kw_only=True):
    """Input of the sentiment monitor, topic `news-messages`, key `source`.

    `tickers`, where the producer knows them, is added to the companies found in the text.
    """

    id: Identifier
    text: str
    published_at: Instant
    source: Identifier
    tickers: list[Identifier] = []

    def __post_init__(self) -> None:
        """Refuse a time that has no date in UTC."""
        _check_instant("published_at", self.published_at)


class Alternative(Value, frozen=True, kw_only=True):
    """An intent that was considered, with its calibrated probability (0..1)."""

    intent: str
    probability: float


class RoutedMessage(Value, frozen=True, kw_only=True):
    """A decision of the intent router, topics `routed-messages` and the queue's, key `customer_id`.

    `text` is redacted.  `alternatives` are the three most likely intents, most likely first, the
    chosen one included.
    """

    message_id: str
    text: str
    customer_id: str
    channel: str
    sent_at: Instant
    intent: str
    probability: float
    alternatives: list[Alternative]
    queue: str
    priority: str
    bundle: str
    decided_at: Instant
    source: Source


class TriagedMessage(RoutedMessage, frozen=True, kw_only=True):
    """A message handed to a person, topic `triage-messages`; as a routed one, and why."""

    abstained_because: Literal["unsure", "out_of_scope"]


class ScoredMessage(Value, frozen=True, kw_only=True):
    """The sentiment of one message towards one company, topic `scored-messages`, key `ticker`.

    `ticker` and `entity` are null where the message names no company; the key is then null too.
    `net_sentiment` is P(positive) - P(negative), -1..1.  `text` is redacted.
    """

    message_id: str
    text: str
    ticker: str | None
    entity: str | None
    label: str
    probabilities: dict[str, float]
    net_sentiment: float
    published_at: Instant
    bundle: str
    decided_at: Instant
    source: Source

    def __post_init__(self) -> None:
        """Refuse a time that has no date in UTC."""
        _check_instant("published_at", self.published_at)


class TrendState(Value, frozen=True, kw_only=True):
    """What a window needs to go on after a restart: its sums, and which records are in them.

    `total` and `total_squares` sum the net sentiments and their squares.  `counted` maps a
    partition of `news-messages` to the highest offset that is in the sums: a scored record from at
    or below it is a repeat.
    """

    total: float
    total_squares: float
    positive: int
    negative: int
    latest_published_at: Instant
    counted: dict[str, int]


class TrendWindow(Value, frozen=True, kw_only=True):
    """One event-time window of one ticker, topic `sentiment-trends` (compacted).

    The key is `TICKER|window_seconds|window_start`.  The window is [window_start, window_start +
    window_seconds).  `mean` is the mean net sentiment, `low` and `high` its 95 % interval, all
    -1..1; the shares are 0..1.
    """

    ticker: str
    window_start: Instant
    window_seconds: int
    messages: int
    mean: float
    low: float
    high: float
    share_positive: float
    share_negative: float
    state: TrendState


class DeadLetter(Value, frozen=True, kw_only=True):
    """A record that could not be processed, topic `dead-letters`, key the original's.

    `original` is the original value in base64, present only where the settings say so.
    """

    reason: Reason
    detail: str
    source: Source
    failed_at: Instant
    original: str | None = None


V = TypeVar("V", bound=Value)


def decode_value(value: bytes | None, kind: type[V]) -> V:
    """Decode and validate a record's value; raises InvalidRecord, never quoting the content."""
    if value is None:
        raise InvalidRecord(Reason.NULL_VALUE, "the value is null")
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidRecord(Reason.INVALID_FIELD, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(Reason.NOT_JSON, _without_content(error)) from None
    except RecursionError:
        raise InvalidRecord(Reason.NOT_JSON, "the value is nested too deeply") from None


def _check_instant(field: str, instant: datetime) -> None:
    """Raise ValueError, which msgspec makes a ValidationError, where UTC has no such date."""
    try:
        instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"`$.{field}` is before the year 1 or after 9999 in UTC") from None


def _without_content(error: Exception) -> str:
    """Say where decoding stopped; a UnicodeDecodeError's own text would quote the bytes."""
    if isinstance(error, UnicodeDecodeError):
        return f"the value is not UTF-8 (byte {error.start})"
    return str(error)


def encode_value(value: Value) -> bytes:
    """Encode a value as JSON in UTF-8."""
    return msgspec.json.encode(value)


def event_headers(
    *, kind: str, source: str, identity: str, received: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Headers of an output: CloudEvents 1.0 in binary mode, and those `received` to be passed on.

    `kind` is the event's type, `source` the application, `identity` is equal for two outputs
    exactly if one repeats the other.
    """
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": identity.encode(),
        "ce_source": source.encode(),
        "ce_type": kind.encode(),
        "content-type": b"application/json",
    }
    for name in PASSED_ON:
        value = received.get(name)
        if value is not None:
            headers[name] = value
    return headers
