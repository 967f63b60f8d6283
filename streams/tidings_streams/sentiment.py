"""The sentiment monitor's decision: one score per company that a message names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tidings_models.prediction import Prediction
from tidings_streams.companies import CompanyTable, Mention
from tidings_streams.kafka import InputRecord, OutputRecord
from tidings_streams.outcomes import Outcome, OutcomeKind
from tidings_streams.pipeline import Question, check_text
from tidings_streams.records import (
    InvalidRecord,
    NewsMessage,
    Reason,
    ScoredMessage,
    decode_value,
    encode_value,
    event_headers,
)
from tidings_streams.topics import SCORED_MESSAGES

NAME = "sentiment"
POSITIVE = "positive"
NEGATIVE = "negative"
MAX_COMPANIES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNews:
    """A news message with the companies that it names; one None where it names none."""

    message: NewsMessage
    mentions: tuple[Mention | None, ...]


def net_sentiment(probabilities: dict[str, float]) -> float:
    """P(positive) - P(negative), -1..1."""
    return probabilities[POSITIVE] - probabilities[NEGATIVE]


def find_companies(message: NewsMessage, table: CompanyTable) -> tuple[Mention | None, ...]:
    """The companies that the text names, then those that the producer named besides.

    Raises InvalidRecord where there are more than MAX_COMPANIES: such a text lists, it does not
    tell, and would hold up the stream.
    """
    found = table.find(message.text)
    known = {mention.ticker for mention in found}
    named = (ticker.strip().lstrip("$").upper() for ticker in message.tickers)
    found += [
        Mention(ticker=ticker, entity=f"${ticker}")
        for ticker in dict.fromkeys(named)
        if ticker and ticker not in known
    ]
    if len(found) > MAX_COMPANIES:
        detail = f"the message names {len(found)} companies; at most {MAX_COMPANIES} are scored"
        raise InvalidRecord(Reason.TOO_MANY_COMPANIES, detail)
    return tuple(found) or (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentMonitor:
    """The sentiment monitor, as the pipeline sees it."""

    companies: CompanyTable
    bundle: str
    redact: Callable[[str], str]
    now: Callable[[], datetime]
    max_text_characters: int
    max_future_seconds: float

    @property
    def name(self) -> str:
        """The application's name."""
        return NAME

    def decode(self, record: InputRecord) -> FoundNews:
        """A validated message, its text redacted, and its companies; raises InvalidRecord."""
        message = decode_value(record.value, NewsMessage)
        check_text(message.text, max_characters=self.max_text_characters)
        ahead = (message.published_at - self.now()).total_seconds()
        if ahead > self.max_future_seconds:
            detail = (
                f"`$.published_at` is {ahead:.0f} s ahead of the clock; "
                f"at most {self.max_future_seconds:.0f} s are allowed"
            )
            raise InvalidRecord(Reason.FUTURE_TIME, detail)
        message = msgspec.structs.replace(message, text=self.redact(message.text))
        return FoundNews(message=message, mentions=find_companies(message, self.companies))

    def questions(self, message: FoundNews) -> Sequence[Question]:
        """One question per company, or one about the text where it names none."""
        return [
            Question(text=message.message.text, entity=mention.entity if mention else None)
            for mention in message.mentions
        ]

    def decide(
        self, message: FoundNews, record: InputRecord, answers: Sequence[Prediction]
    ) -> Outcome:
        """One scored record per company."""
        decided_at = self.now()
        pairs = zip(message.mentions, answers, strict=True)
        return Outcome(
            kind=OutcomeKind.SCORED,
            outputs=tuple(
                self._output(message.message, mention, answer, record, decided_at)
                for mention, answer in pairs
            ),
            labels=tuple(answer.label for answer in answers),
            event_age_seconds=(decided_at - message.message.published_at).total_seconds(),
        )

    def _output(
        self,
        message: NewsMessage,
        mention: Mention | None,
        answer: Prediction,
        record: InputRecord,
        decided_at: datetime,
    ) -> OutputRecord:
        probabilities = dict(zip(answer.labels, answer.probabilities, strict=True))
        ticker = mention.ticker if mention else None
        scored = ScoredMessage(
            message_id=message.id,
            text=message.text,
            ticker=ticker,
            entity=mention.entity if mention else None,
            label=answer.label,
            probabilities=probabilities,
            net_sentiment=net_sentiment(probabilities),
            published_at=message.published_at,
            bundle=self.bundle,
            decided_at=decided_at,
            source=record.source,
        )
        return OutputRecord(
            topic=SCORED_MESSAGES,
            key=None if ticker is None else ticker.encode(),
            value=encode_value(scored),
            headers=event_headers(
                kind="tidings.message.scored",
                source=f"/tidings/{NAME}",
                identity=f"{record.topic}/{record.partition}/{record.offset}/{ticker or '-'}",
                received=record.headers,
            ),
        )
