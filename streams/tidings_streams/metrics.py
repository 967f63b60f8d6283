"""Every metric of a worker, and its buckets."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tidings_streams.outcomes import Outcome

AGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class Metrics:
    """The metrics of one worker process, for all its applications.

    Labels are bounded: the application, outcomes, the model's labels, reasons, topics and
    partitions; never an id or a text.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "tidings_messages_total",
            "Input records by what became of them, counted once their outputs are acknowledged.",
            ("application", "outcome"),
            registry=registry,
        )
        self.decisions = Counter(
            "tidings_decisions_total",
            "Decisions by label: one per message, or one per message and company.",
            ("application", "label"),
            registry=registry,
        )
        self.abstentions = Counter(
            "tidings_abstentions_total",
            "Messages handed to a person, by reason.",
            ("application", "reason"),
            registry=registry,
        )
        self.dead_letters = Counter(
            "tidings_dead_letters_total",
            "Records that could not be processed, by reason.",
            ("application", "reason"),
            registry=registry,
        )
        self.event_age = Histogram(
            "tidings_event_age_seconds",
            "Age of a message by its own time when it was decided.",
            ("application",),
            buckets=AGE_BUCKETS,
            registry=registry,
        )
        self.batch = Histogram(
            "tidings_batch_messages",
            "Records that were taken together.",
            ("application",),
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.tokenization = Histogram(
            "tidings_tokenization_seconds",
            "Time to tokenize one batch.",
            ("application",),
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.inference = Histogram(
            "tidings_inference_seconds",
            "Time of the model on one batch.",
            ("application",),
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.lag = Gauge(
            "tidings_consumer_lag_records",
            "Records of a partition that are not yet processed.",
            ("topic", "partition"),
            registry=registry,
        )
        self.stalled = Gauge(
            "tidings_stalled_seconds",
            "For how long a partition with records to process has not moved; 0 where none waits.",
            ("topic",),
            registry=registry,
        )
        self.retries = Counter(
            "tidings_output_retries_total",
            "Attempts to write outputs that failed and were made again.",
            ("application",),
            registry=registry,
        )
        self.rebalances = Counter(
            "tidings_rebalances_total",
            "Times that the consumer group gave a worker its partitions.",
            ("topic",),
            registry=registry,
        )
        self.cache_lookups = Counter(
            "tidings_prediction_cache_lookups_total",
            "Texts looked up in the prediction cache, by result (hit or miss).",
            ("application", "result"),
            registry=registry,
        )
        self.cache_hit_ratio = Gauge(
            "tidings_prediction_cache_hit_ratio",
            "Share of all texts so far that the prediction cache answered, 0..1.",
            ("application",),
            registry=registry,
        )
        self.model = Gauge(
            "tidings_model_info",
            "1; the labels say which bundle serves, and on which ONNX Runtime provider.",
            ("application", "bundle", "digest", "provider"),
            registry=registry,
        )
        self.trend_windows = Gauge(
            "tidings_trend_windows", "Trend windows that are still open.", registry=registry
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMetrics:
    """What one application tells the metrics."""

    metrics: Metrics
    application: str

    def serving(self, *, bundle: str, digest: str, provider: str) -> None:
        """Say which bundle serves, and on which provider it really runs."""
        self.metrics.model.labels(self.application, bundle, digest, provider).set(1)

    def stage(self, name: str, seconds: float) -> None:
        """A stage of the classifier (`tokenize` or `infer`) took so long for one batch."""
        stages = {"tokenize": self.metrics.tokenization, "infer": self.metrics.inference}
        stages[name].labels(self.application).observe(seconds)

    def retried(self) -> None:
        """Writing outputs failed, and is tried again."""
        self.metrics.retries.labels(self.application).inc()

    def taken(self, messages: int) -> None:
        """So many records were taken together."""
        self.metrics.batch.labels(self.application).observe(messages)

    def processed(self, outcomes: Sequence[Outcome]) -> None:
        """The outputs of these are acknowledged: count what became of their records."""
        metrics, application = self.metrics, self.application
        for counter, values in (
            (metrics.messages, (outcome.kind for outcome in outcomes)),
            (metrics.decisions, (label for outcome in outcomes for label in outcome.labels)),
            (metrics.abstentions, (outcome.abstained_because for outcome in outcomes)),
            (metrics.dead_letters, (outcome.reason for outcome in outcomes)),
        ):
            for value, count in Tally(values).items():
                if value is not None:
                    counter.labels(application, value).inc(count)
        ages = metrics.event_age.labels(application)
        for outcome in outcomes:
            if outcome.event_age_seconds is not None:
                ages.observe(max(0.0, outcome.event_age_seconds))


class CacheMetrics:
    """What an application's prediction cache tells the metrics."""

    def __init__(self, metrics: ApplicationMetrics) -> None:
        lookups, application = metrics.metrics.cache_lookups, metrics.application
        self._hits = lookups.labels(application, "hit")
        self._misses = lookups.labels(application, "miss")
        self._ratio = metrics.metrics.cache_hit_ratio.labels(application)
        self._answered = 0
        self._asked = 0

    def looked_up(self, hits: int, misses: int) -> None:
        """So many texts were answered by the cache, and of so many the model was asked."""
        self._hits.inc(hits)
        self._misses.inc(misses)
        self._answered += hits
        self._asked += hits + misses
        if self._asked:
            self._ratio.set(self._answered / self._asked)
