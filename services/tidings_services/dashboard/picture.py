"""The picture: what the page shows, folded from records, in bounded memory and without Kafka."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tidings_services.dashboard.decisions import (
    LatestDecisions,
    failure,
    intent_decision,
    sentiment_decision,
)
from tidings_services.dashboard.rates import (
    HISTORY_SECONDS,
    OUTCOMES,
    STEP_SECONDS,
    EventAges,
    Outcome,
    SecondCounts,
)
from tidings_services.dashboard.tally import Seen, Tally
from tidings_services.dashboard.trends import Trends
from tidings_streams.records import (
    DeadLetter,
    RoutedMessage,
    ScoredMessage,
    Source,
    TrendWindow,
    TriagedMessage,
    Value,
)

SHOWN_INTENTS = 12
SHOWN_QUEUES = 12


class Picture:
    """Everything on the page.  `clock` gives Unix seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._seen = Seen()
        self._rates = SecondCounts()
        self._totals = dict.fromkeys(OUTCOMES, 0)
        self._intents = Tally()
        self._triaged_intents = Tally()
        self._queues = Tally()
        self._priorities = Tally()
        self._abstentions = Tally()
        self._labels = Tally()
        self._reasons = Tally()
        self._ages = {"intents": EventAges(), "sentiment": EventAges()}
        self._trends = Trends()
        self._decisions = LatestDecisions()

    def fold(self, value: Value) -> bool:
        """Take in a record; False where it repeats one that is already counted.

        Trend windows are never repeats: a later one replaces the earlier.
        """
        match value:
            case TrendWindow():
                self._trends.add(value)
                return True
            case RoutedMessage() | ScoredMessage() | DeadLetter():
                ticker = value.ticker if isinstance(value, ScoredMessage) else None
                if not self._seen.is_new(_identity(value.source, ticker)):
                    return False
        match value:
            case RoutedMessage():
                self._fold_intent(value)
            case ScoredMessage():
                self._fold_sentiment(value)
            case DeadLetter():
                self._count(Outcome.DEAD, value.failed_at.timestamp())
                self._reasons.add(value.reason)
                self._decisions.add(failure(value))
            case _:
                raise TypeError(f"the picture has no place for a {type(value).__name__}")
        return True

    def view(self) -> dict[str, Any]:
        """Give the page's content as values that JSON can hold; times are Unix seconds."""
        now = self._clock()
        end = int(now) // STEP_SECONDS * STEP_SECONDS
        trends = self._trends.view()
        return {
            "totals": {
                "since": self._since,
                "outcomes": {
                    outcome: {
                        "total": self._totals[outcome],
                        "per_second": self._rates.per_second(outcome, now=now),
                    }
                    for outcome in OUTCOMES
                },
            },
            "throughput": {
                "end": end,
                "seconds": HISTORY_SECONDS,
                "step": STEP_SECONDS,
                "outcomes": {
                    outcome: self._rates.history(outcome, end=end) for outcome in OUTCOMES
                },
            },
            "ages": {name: ages.summary(now=now) for name, ages in self._ages.items()},
            "intents": self._view_intents(),
            "queues": {
                "known": len(self._queues),
                "rows": _rows(self._queues, SHOWN_QUEUES),
                "priorities": _rows(self._priorities),
            },
            "triage": {
                "share": self._triage_share(),
                "total": self._totals[Outcome.TRIAGED],
                "decided": self._totals[Outcome.ROUTED] + self._totals[Outcome.TRIAGED],
                "rows": _rows(self._abstentions),
            },
            "labels": {"rows": _rows(self._labels)},
            "dead_letters": {"total": self._totals[Outcome.DEAD], "rows": _rows(self._reasons)},
            "tickers": {"known": trends.known},
            "trends": trends.tickers,
            "decisions": self._decisions.view(),
        }

    def _fold_intent(self, message: RoutedMessage) -> None:
        decided_at = message.decided_at.timestamp()
        if isinstance(message, TriagedMessage):
            self._count(Outcome.TRIAGED, decided_at)
            self._abstentions.add(message.abstained_because)
            self._triaged_intents.add(message.intent)
        else:
            self._count(Outcome.ROUTED, decided_at)
            self._intents.add(message.intent)
            self._queues.add(message.queue)
            self._priorities.add(message.priority)
        self._ages["intents"].add(happened_at=message.sent_at.timestamp(), decided_at=decided_at)
        self._decisions.add(intent_decision(message))

    def _fold_sentiment(self, message: ScoredMessage) -> None:
        decided_at = message.decided_at.timestamp()
        self._count(Outcome.SCORED, decided_at)
        self._labels.add(message.label)
        self._ages["sentiment"].add(
            happened_at=message.published_at.timestamp(), decided_at=decided_at
        )
        if message.ticker is not None and message.entity is not None:
            self._trends.name(message.ticker, message.entity)
        self._decisions.add(sentiment_decision(message))

    def _count(self, outcome: Outcome, at: float) -> None:
        self._totals[outcome] += 1
        self._rates.add(outcome, at=at, now=self._clock())

    def _view_intents(self) -> dict[str, Any]:
        rows = [
            {"label": label, "count": count, "triaged": self._triaged_intents[label]}
            for label, count in self._intents.most_common(SHOWN_INTENTS)
        ]
        return {"known": len(self._intents), "total": self._intents.total, "rows": rows}

    def _triage_share(self) -> float | None:
        decided = self._totals[Outcome.ROUTED] + self._totals[Outcome.TRIAGED]
        return self._totals[Outcome.TRIAGED] / decided if decided else None


def _rows(tally: Tally, most: int | None = None) -> list[dict[str, str | int]]:
    return [{"label": label, "count": count} for label, count in tally.most_common(most)]


def _identity(source: Source, ticker: str | None) -> tuple[str, int, int, str | None]:
    return sys.intern(source.topic), source.partition, source.offset, ticker
