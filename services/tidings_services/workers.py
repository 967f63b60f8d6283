"""The composition root: settings to classifier to processor to Faust app."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import faust

from tidings_models.bundle import Bundle, BundleError, find_bundle, load_bundle
from tidings_models.onnx_classifier import OnnxClassifier
from tidings_models.prediction import Classifier
from tidings_models.prediction_cache import CachedClassifier
from tidings_models.redaction import redact
from tidings_services.clock import now
from tidings_services.connection import kafka_connection
from tidings_services.settings import Settings, SettingsError
from tidings_services.worker_streams import StreamSpec, WorkerStreams
from tidings_streams import intents, sentiment, trends
from tidings_streams.companies import CompaniesError, load_companies
from tidings_streams.intents import AbstentionRule, IntentRouter
from tidings_streams.metrics import CacheMetrics
from tidings_streams.pipeline import Application, Pipeline
from tidings_streams.processor import Intake, off_the_loop
from tidings_streams.routing import RoutingTable, RoutingTableError, load_routing_table
from tidings_streams.sentiment import SentimentMonitor
from tidings_streams.topics import CUSTOMER_MESSAGES, NEWS_MESSAGES, SCORED_MESSAGES
from tidings_streams.trend_agent import TrendAgent
from tidings_streams.window_reader import KafkaWindowReader

logger = logging.getLogger(__name__)

WARM_UP_TEXT = "A first text, so that the session is warm before the first record."
MOST_SCORES_TOGETHER = 4096

Wrap = Callable[[Classifier], Classifier]
"""Puts something around the classifier that serves: what a test or an experiment needs."""


def as_it_is(classifier: Classifier) -> Classifier:
    """Put nothing around the classifier."""
    return classifier


def build_intents_worker(settings: Settings, *, wrap: Wrap = as_it_is) -> faust.App:
    """The intent router as a Faust app; raises what the settings, bundle or tables are wrong in."""
    streams = WorkerStreams(settings)
    bundle = _load_bundle(settings.intents_bundle, task="intent")
    router = IntentRouter(
        table=routing_table(settings, bundle),
        rule=abstention_rule(settings, bundle),
        bundle=bundle.reference,
        redact=redact,
        now=now,
        max_text_characters=settings.max_text_characters,
    )
    classifier = wrap(_open_classifier(settings, streams, bundle, intents.NAME))
    streams.add(_classifying(settings, streams, classifier, router, CUSTOMER_MESSAGES))
    return streams.app(f"{settings.group_prefix}{intents.NAME}")


def build_sentiment_worker(settings: Settings, *, wrap: Wrap = as_it_is) -> faust.App:
    """The sentiment monitor and its trend agent as a Faust app; raises as the intents worker."""
    streams = WorkerStreams(settings)
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
    classifier = wrap(_open_classifier(settings, streams, bundle, sentiment.NAME))
    streams.add(_classifying(settings, streams, classifier, monitor, NEWS_MESSAGES))
    streams.add(_trending(settings, streams))
    return streams.app(f"{settings.group_prefix}{sentiment.NAME}")


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


def _open_classifier(
    settings: Settings, streams: WorkerStreams, bundle: Bundle, application: str
) -> Classifier:
    """A warm classifier, with a cache where the settings say so; the metrics know of both."""
    metrics = streams.application_metrics(application)
    classifier = OnnxClassifier(
        bundle,
        provider=settings.provider,
        threads=settings.inference_threads,
        on_stage=metrics.stage,
    )
    classifier.predict([WARM_UP_TEXT])
    metrics.serving(bundle=bundle.manifest.name, digest=bundle.digest, provider=classifier.provider)
    logger.info(
        "%s serves %s in %s on %s",
        application,
        bundle.reference,
        classifier.variant,
        classifier.provider,
    )
    entries = settings.prediction_cache_entries
    if not entries:
        return classifier
    return CachedClassifier(classifier, entries=entries, on_lookups=CacheMetrics(metrics).looked_up)


def _classifying(
    settings: Settings,
    streams: WorkerStreams,
    classifier: Classifier,
    application: Application[Any],
    topic: str,
) -> StreamSpec:
    """A stream that classifies a topic's records."""
    pipeline = Pipeline(
        application=application,
        classifier=classifier,
        dead_letters=streams.dead_letters(application.name),
        max_tokens=settings.max_batch_tokens,
    )
    executor = ThreadPoolExecutor(1, application.name)
    return StreamSpec(
        topic=topic,
        application=application.name,
        step=off_the_loop(pipeline.process, executor),
        intake=Intake(max_messages=settings.max_batch_messages),
        close=partial(executor.shutdown, wait=False, cancel_futures=True),
    )


def _trending(settings: Settings, streams: WorkerStreams) -> StreamSpec:
    """A stream that folds scored messages into trend windows."""
    agent = TrendAgent(
        reader=KafkaWindowReader(
            connection=kafka_connection(settings),
            read_committed=settings.delivery == "exactly_once",
        ),
        dead_letters=streams.dead_letters(trends.NAME),
        lateness_seconds=settings.lateness_seconds,
    )
    streams.metrics.trend_windows.set_function(lambda: agent.open_windows)
    return StreamSpec(
        topic=SCORED_MESSAGES,
        application=trends.NAME,
        step=agent.step,
        intake=Intake(
            max_messages=MOST_SCORES_TOGETHER, linger_seconds=settings.trend_interval_seconds
        ),
        forget=agent.forget,
    )
