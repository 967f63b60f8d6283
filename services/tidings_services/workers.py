"""The composition root: settings to classifier to processor to Faust app."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import faust
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from tidings_models.bundle import Bundle, BundleError, find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.prediction_cache import CachedClassifier
from tidings_models.redaction import redact
from tidings_services.connection import kafka_connection
from tidings_services.health import HealthServer
from tidings_services.settings import Settings, SettingsError
from tidings_streams import intents, sentiment, trends
from tidings_streams.companies import CompaniesError, load_companies
from tidings_streams.dead_letters import DeadLetterPolicy
from tidings_streams.faust_kafka import FaustInput, FaustOutput, add_agent, build_app
from tidings_streams.intents import AbstentionRule, IntentRouter
from tidings_streams.lag import watch_lag
from tidings_streams.metrics import ApplicationMetrics, Metrics
from tidings_streams.pipeline import Application, Pipeline
from tidings_streams.processor import Processor, Step, off_the_loop
from tidings_streams.routing import RoutingTable, RoutingTableError, load_routing_table
from tidings_streams.sentiment import SentimentMonitor
from tidings_streams.topics import CUSTOMER_MESSAGES, NEWS_MESSAGES, SCORED_MESSAGES
from tidings_streams.trend_agent import TrendAgent
from tidings_streams.window_reader import KafkaWindowReader

logger = logging.getLogger(__name__)

WARM_UP_TEXT = "A first text, so that the session is warm before the first record."


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A Faust app with what all agents of a worker share."""

    app: faust.App
    settings: Settings
    metrics: Metrics

    def policy(self, application: str) -> DeadLetterPolicy:
        """How an application's dead letters are made."""
        return DeadLetterPolicy(
            application=application,
            keep_original=self.settings.dead_letters_keep_original,
            now=now,
        )

    def add(
        self, *, topic: str, application: str, step: Step, metrics: ApplicationMetrics, every: float
    ) -> Processor:
        """Consume a topic through a step, in batches of `every` seconds at the most."""
        processor = Processor(
            output=FaustOutput(self.app),
            step=step,
            dead_letters=self.policy(application),
            metrics=metrics,
        )

        next_offsets: dict[tuple[str, int], int] = {}

        async def run(stream: Any) -> None:
            await processor.run(
                FaustInput(
                    stream,
                    max_messages=self.settings.max_batch_messages,
                    max_wait_seconds=every,
                    next_offsets=next_offsets,
                )
            )

        add_agent(self.app, topic=topic, run=run)
        watch_lag(self.app, topic=topic, next_offsets=next_offsets, gauge=self.metrics.lag)
        return processor


def build_intents_worker(settings: Settings) -> faust.App:
    """The intent router as a Faust app; raises what the settings, bundle or tables are wrong in."""
    worker = _new_worker(settings, intents.NAME)
    bundle = _load_bundle(settings.intents_bundle, task="intent")
    router = IntentRouter(
        table=routing_table(settings, bundle),
        rule=abstention_rule(settings, bundle),
        bundle=bundle.reference,
        redact=redact,
        now=now,
        max_text_characters=settings.max_text_characters,
    )
    _add_classifying(worker, bundle, router, CUSTOMER_MESSAGES)
    return worker.app


def build_sentiment_worker(settings: Settings) -> faust.App:
    """The sentiment monitor and its trend agent as a Faust app; raises as the intents worker."""
    worker = _new_worker(settings, sentiment.NAME)
    bundle = _load_bundle(settings.sentiment_bundle, task="sentiment")
    try:
        companies = load_companies(settings.companies)
    except CompaniesError as error:
        raise SettingsError(str(error)) from None
    monitor = SentimentMonitor(
        companies=companies,
        bundle=bundle.reference,
        redact=redact,
        now=now,
        max_text_characters=settings.max_text_characters,
        max_future_seconds=settings.max_future_seconds,
    )
    _add_classifying(worker, bundle, monitor, NEWS_MESSAGES)
    _add_trends(worker)
    return worker.app


def abstention_rule(settings: Settings, bundle: Bundle) -> AbstentionRule:
    """When to abstain: the setting's threshold, or else the bundle's."""
    threshold = settings.abstain_below
    if threshold is None:
        threshold = bundle.manifest.abstain_below or 0.0
    return AbstentionRule(
        abstain_below=threshold, out_of_scope_above=bundle.manifest.out_of_scope_above
    )


def routing_table(settings: Settings, bundle: Bundle) -> RoutingTable:
    """The routing table of the settings, checked against the bundle's intents."""
    try:
        return load_routing_table(settings.routing_table, intents=bundle.manifest.labels)
    except RoutingTableError as error:
        raise SettingsError(str(error)) from None


def _load_bundle(name_or_path: str, *, task: str) -> Bundle:
    try:
        bundle = load_bundle(find_bundle(name_or_path))
    except BundleError as error:
        raise SettingsError(str(error)) from None
    if bundle.manifest.task != task:
        raise SettingsError(
            f"{bundle.reference} is a bundle for {bundle.manifest.task!r}; this worker needs "
            f"one for {task!r}: set TIDINGS_INTENTS_BUNDLE or TIDINGS_SENTIMENT_BUNDLE"
        )
    return bundle


def _new_worker(settings: Settings, application: str) -> Worker:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    app = build_app(
        group=f"{settings.group_prefix}{application}",
        connection=kafka_connection(settings),
        session_timeout_seconds=settings.session_timeout_seconds,
        commit_interval_seconds=settings.commit_interval_seconds,
    )
    assigned = asyncio.Event()

    @app.on_partitions_assigned.connect
    async def note_assignment(*_: Any, **__: Any) -> None:
        assigned.set()

    app.add_dependency(
        HealthServer(
            host=settings.http_host,
            port=settings.http_port,
            registry=registry,
            is_ready=assigned.is_set,
        )
    )
    return Worker(app=app, settings=settings, metrics=Metrics(registry))


def _add_classifying(
    worker: Worker, bundle: Bundle, application: Application[Any], topic: str
) -> None:
    """Let the worker classify a topic's records with a bundle."""
    metrics = ApplicationMetrics(metrics=worker.metrics, application=application.name)
    classifier = OnnxClassifier(
        bundle,
        provider=worker.settings.provider,
        threads=worker.settings.inference_threads,
        on_stage=metrics.stage,
    )
    classifier.predict([WARM_UP_TEXT])
    metrics.serving(bundle=bundle.manifest.name, digest=bundle.digest, provider=classifier.provider)
    logger.info(
        "%s serves %s in %s on %s",
        application.name,
        bundle.reference,
        classifier.variant,
        classifier.provider,
    )
    entries = worker.settings.prediction_cache_entries
    pipeline = Pipeline(
        application=application,
        classifier=CachedClassifier(classifier, entries=entries) if entries else classifier,
        dead_letters=worker.policy(application.name),
    )
    worker.add(
        topic=topic,
        application=application.name,
        step=off_the_loop(pipeline.process, ThreadPoolExecutor(1, application.name)),
        metrics=metrics,
        every=worker.settings.max_wait_seconds,
    )


def _add_trends(worker: Worker) -> None:
    """Let the worker fold scored messages into trend windows."""
    agent = TrendAgent(
        reader=KafkaWindowReader(connection=kafka_connection(worker.settings)),
        dead_letters=worker.policy(trends.NAME),
        lateness_seconds=worker.settings.lateness_seconds,
    )
    worker.metrics.trend_windows.set_function(lambda: agent.open_windows)
    processor = worker.add(
        topic=SCORED_MESSAGES,
        application=trends.NAME,
        step=agent.step,
        metrics=ApplicationMetrics(metrics=worker.metrics, application=trends.NAME),
        every=worker.settings.trend_interval_seconds,
    )

    @worker.app.on_partitions_revoked.connect
    async def forget(*_: Any, **__: Any) -> None:
        await processor.between_batches(agent.forget)
