from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from tidings_streams.metrics import ApplicationMetrics, CacheMetrics, Metrics


def make(application: str = "intents") -> tuple[CacheMetrics, CollectorRegistry]:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    return CacheMetrics(ApplicationMetrics(metrics=metrics, application=application)), registry


def lookups(registry: CollectorRegistry, result: str) -> float | None:
    labels = {"application": "intents", "result": result}
    return registry.get_sample_value("tidings_prediction_cache_lookups_total", labels)


def ratio(registry: CollectorRegistry) -> float | None:
    labels = {"application": "intents"}
    return registry.get_sample_value("tidings_prediction_cache_hit_ratio", labels)


def test_hits_and_misses_are_counted_apart() -> None:
    cache, registry = make()

    cache.looked_up(hits=3, misses=1)
    cache.looked_up(hits=0, misses=4)

    assert (lookups(registry, "hit"), lookups(registry, "miss")) == (3, 5)


def test_ratio_is_of_all_texts_so_far_not_of_the_last_batch() -> None:
    cache, registry = make()

    cache.looked_up(hits=3, misses=1)
    assert ratio(registry) == 0.75

    cache.looked_up(hits=0, misses=8)
    assert ratio(registry) == pytest.approx(3 / 12)


def test_ratio_is_zero_before_anything_was_asked() -> None:
    cache, registry = make()

    cache.looked_up(hits=0, misses=0)

    assert ratio(registry) == 0.0
    assert lookups(registry, "hit") == 0
