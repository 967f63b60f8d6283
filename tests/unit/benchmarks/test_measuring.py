"""The benchmark's own arithmetic: windows, percentiles, arrivals, processor time, batches."""

from __future__ import annotations

import pytest
from benchmarks.arrivals import percentile, poisson_schedule
from benchmarks.ceiling import WAYS
from benchmarks.cores import Cores, choose_cores
from benchmarks.plan import Variant, parse_variant
from benchmarks.sampling import Sample, cpu_between
from benchmarks.texts import token_histogram
from benchmarks.throughput import Period, steady_window


def test_window_counts_the_batches_between_its_edges() -> None:
    # Batches of 4 decisions every half second, appended at once.
    times = sorted(0.5 * batch for batch in range(20) for _ in range(4))

    window = steady_window(times, Period(warm_up_seconds=1, seconds=5))

    assert (window.start, window.end) == (1.0, 6.0)
    assert window.decisions == 40
    assert window.rate == 8.0


def test_window_ends_with_an_append_that_is_within_it() -> None:
    window = steady_window([0.0, 1.0, 2.0, 3.9], Period(warm_up_seconds=0.5, seconds=2.5))

    assert (window.start, window.end, window.decisions) == (1.0, 2.0, 1)


@pytest.mark.parametrize("times", [[], [0.0], [0.0, 5.0]])
def test_run_without_two_appends_after_its_warm_up_has_no_window(times: list[float]) -> None:
    with pytest.raises(ValueError, match="after the warm-up"):
        steady_window(times, Period(warm_up_seconds=1, seconds=5))


def test_percentiles_are_measured_values() -> None:
    values = [float(value) for value in range(1, 101)]

    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99
    assert percentile([7.0], 99) == 7.0


def test_arrivals_come_at_the_rate_and_as_the_seed_says() -> None:
    schedule = poisson_schedule(rate=200, seconds=50, seed=1)

    assert schedule == poisson_schedule(rate=200, seconds=50, seed=1)
    assert schedule != poisson_schedule(rate=200, seconds=50, seed=2)
    assert schedule == sorted(schedule)
    assert schedule[-1] < 50
    assert len(schedule) == pytest.approx(10_000, rel=0.05)


def test_processor_time_is_interpolated_between_samples() -> None:
    samples = [
        Sample(at=float(at), cpu_seconds=cpu, rss_bytes=0)
        for at, cpu in ((0, 0.0), (1, 1.0), (2, 1.5))
    ]

    assert cpu_between(samples, 0.5, 1.5) == pytest.approx(0.75)


def test_processor_time_outside_the_samples_is_refused() -> None:
    samples = [Sample(at=float(at), cpu_seconds=0.0, rss_bytes=0) for at in range(3)]

    with pytest.raises(ValueError, match="no samples"):
        cpu_between(samples, 1.0, 2.5)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_the_ceiling_runs_every_text_once(way: str) -> None:
    lengths = [3 + (7 * text) % 60 for text in range(1000)]

    batches = list(WAYS[way](lengths))

    assert sorted(text for batch in batches for text in batch) == list(range(1000))


def test_equal_lengths_put_only_texts_of_one_padded_length_together() -> None:
    lengths = [3 + (7 * text) % 60 for text in range(1000)]

    for batch in WAYS["equal lengths in 512"](lengths):
        assert len({-(-lengths[text] // 4) for text in batch}) == 1


def test_last_core_is_measured_and_the_others_have_the_load() -> None:
    assert choose_cores({0, 1}) == Cores(measured=1, second=0, load=frozenset({0}))


def test_kafka_shares_two_cores_with_two_workers_only_where_there_are_no_more() -> None:
    assert choose_cores({0, 1}).beside_two == {0, 1}
    assert choose_cores({0, 1, 2, 3}).beside_two == {0, 1}


def test_one_core_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two cores"):
        choose_cores({0})


def test_variant_names_settings_with_or_without_their_prefix() -> None:
    read = parse_variant("small:DELIVERY=exactly_once,TIDINGS_MAX_BATCH_MESSAGES=256")

    settings = {"delivery": "exactly_once", "max_batch_messages": "256"}
    assert read == Variant(name="small", settings=settings)


@pytest.mark.parametrize("text", ["aiokafka", ":KEY=1", "name:KEY", "name:=1"])
def test_variant_that_names_no_settings_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="variant"):
        parse_variant(text)


def test_histogram_counts_texts_by_their_tokens() -> None:
    assert token_histogram([3, 8, 9, 24]) == {"1-8": 2, "9-16": 1, "17-24": 1}
