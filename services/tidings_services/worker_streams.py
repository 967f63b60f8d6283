"""A worker's streams: each a topic, a processor on it, and what watches both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import faust
from mode import ServiceT
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from tidings_services.clock import now
from tidings_services.connection import kafka_connection
from tidings_services.health import Health, HealthServer
from tidings_services.settings import Settings
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.faust_app import build_host
from tidings_streams.group_settings import GroupHooks, GroupSettings
from tidings_streams.kafka_consumer import GroupConsumer
from tidings_streams.kafka_producer import Producer
from tidings_streams.kafka_stream import AtLeastOnceStream
from tidings_streams.metrics import ApplicationMetrics, Metrics
from tidings_streams.processor import Intake, Processor, Step
from tidings_streams.progress import ProgressWatch
from tidings_streams.stream_service import StartedKafka, Stream, StreamService
from tidings_streams.transactional_stream import ExactlyOnceStream


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """What is done with a topic's records.

    `forget` drops what a step keeps of its partitions; `close` ends the step's threads.
    """

    topic: str
    application: str
    step: Step
    intake: Intake
    forget: Callable[[], None] = lambda: None
    close: Callable[[], None] = lambda: None


class WorkerStreams:
    """The streams of one worker process, and its health and metrics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self.metrics = Metrics(self._registry)
        self._consumers: list[GroupConsumer] = []
        self._watches: list[ProgressWatch] = []
        self._streams: list[Stream] = []

    def dead_letters(self, application: str) -> DeadLetterPolicy:
        """How an application's dead letters are made."""
        return DeadLetterPolicy(
            application=application,
            keep_original=self._settings.dead_letters_keep_original,
            now=now,
        )

    def application_metrics(self, application: str) -> ApplicationMetrics:
        """An application's metrics."""
        return ApplicationMetrics(metrics=self.metrics, application=application)

    def add(self, spec: StreamSpec) -> None:
        """Run a processor on a topic, in a consumer group named after the application."""
        metrics = self.application_metrics(spec.application)
        processor = Processor(
            step=spec.step,
            intake=spec.intake,
            dead_letters=self.dead_letters(spec.application),
            metrics=metrics,
        )
        connection = kafka_connection(self._settings)
        consumer = GroupConsumer(
            connection=connection,
            group=f"{self._settings.group_prefix}{spec.application}",
            topic=spec.topic,
            settings=self._group_settings(),
            hooks=GroupHooks(
                release=processor.release,
                forget=spec.forget,
                assigned=self.metrics.rebalances.labels(spec.topic).inc,
            ),
            max_records=spec.intake.max_messages,
        )
        kafka: StartedKafka
        if self._settings.delivery == "exactly_once":
            kafka = ExactlyOnceStream(consumer, connection, on_retry=metrics.retried)
        else:
            kafka = AtLeastOnceStream(consumer, Producer(connection), on_retry=metrics.retried)
        watch = ProgressWatch(
            consumer, bootstrap_servers=connection.bootstrap_servers, lag=self.metrics.lag
        )
        self.metrics.stalled.labels(spec.topic).set_function(lambda: watch.stalled_seconds)
        self._consumers.append(consumer)
        self._watches.append(watch)
        self._streams.append(
            Stream(kafka=kafka, consumer=consumer, processor=processor, close=spec.close)
        )

    def app(self, name: str) -> faust.App:
        """The Faust app that hosts the streams."""
        return build_host(name, self._services())

    def _services(self) -> list[ServiceT]:
        """All services of the worker, in the order in which they start."""
        health = Health(
            is_ready=lambda: all(consumer.assigned for consumer in self._consumers),
            stalled_seconds=lambda: max(watch.stalled_seconds for watch in self._watches),
            stall_limit_seconds=self._settings.stall_seconds,
        )
        server = HealthServer(
            host=self._settings.http_host,
            port=self._settings.http_port,
            registry=self._registry,
            health=health,
        )
        streams = StreamService(self._streams, drain_seconds=self._settings.drain_seconds)
        return [server, streams, *self._watches]

    def _group_settings(self) -> GroupSettings:
        settings = self._settings
        return GroupSettings(
            session_timeout_seconds=settings.session_timeout_seconds,
            release_seconds=settings.drain_seconds,
            commit_interval_seconds=settings.commit_interval_seconds,
            max_poll_seconds=settings.stall_seconds,
            fetch_wait_seconds=settings.fetch_wait_seconds,
            read_committed=settings.delivery == "exactly_once",
        )
