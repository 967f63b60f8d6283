"""The dashboard's own metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class DashboardMetrics:
    """Every metric of the dashboard, in the registry that is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.records = Counter(
            "tidings_dashboard_records_total",
            "Records that the dashboard took in.",
            ["topic"],
            registry=registry,
        )
        self.repeats = Counter(
            "tidings_dashboard_repeats_total",
            "Records that repeat one already counted.",
            ["topic"],
            registry=registry,
        )
        self.undecodable = Counter(
            "tidings_dashboard_undecodable_total",
            "Records that could not be decoded and were skipped.",
            ["topic"],
            registry=registry,
        )
        self.losses = Counter(
            "tidings_dashboard_kafka_losses_total",
            "Times that Kafka stopped answering.",
            registry=registry,
        )
        self.connected = Gauge(
            "tidings_dashboard_feed_connected",
            "1 while Kafka answers the feed.",
            registry=registry,
        )
        self.clients = Gauge(
            "tidings_dashboard_clients",
            "Pages that are open on the event stream.",
            registry=registry,
        )
