"""Raw records into the picture: which topic holds what, and what is skipped."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aiokafka import ConsumerRecord

from tidings_services.dashboard.metrics import DashboardMetrics
from tidings_services.dashboard.picture import Picture
from tidings_streams.records import (
    DeadLetter,
    InvalidRecord,
    RoutedMessage,
    ScoredMessage,
    TrendWindow,
    TriagedMessage,
    Value,
    decode_value,
)
from tidings_streams.topics import (
    DEAD_LETTERS,
    ROUTED_MESSAGES,
    SCORED_MESSAGES,
    SENTIMENT_TRENDS,
    TRIAGE_MESSAGES,
)

log = logging.getLogger(__name__)

KINDS: dict[str, type[Value]] = {
    ROUTED_MESSAGES: RoutedMessage,
    TRIAGE_MESSAGES: TriagedMessage,
    SCORED_MESSAGES: ScoredMessage,
    SENTIMENT_TRENDS: TrendWindow,
    DEAD_LETTERS: DeadLetter,
}


class Intake:
    """Decodes and folds records; `undecodable` is how many were skipped."""

    def __init__(self, *, picture: Picture, metrics: DashboardMetrics) -> None:
        self._picture = picture
        self._metrics = metrics
        self.undecodable = 0

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        """Fold each record; one that can not be decoded is counted and skipped."""
        for record in records:
            if record.value is None and record.topic == SENTIMENT_TRENDS:
                continue  # compaction's way of deleting a window
            try:
                value = decode_value(record.value, KINDS[record.topic])
            except InvalidRecord as error:
                self.undecodable += 1
                self._metrics.undecodable.labels(record.topic).inc()
                log.debug("skipped a record of %s: %s", record.topic, error)
                continue
            counter = self._metrics.records if self._picture.fold(value) else self._metrics.repeats
            counter.labels(record.topic).inc()
