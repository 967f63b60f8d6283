"""The benchmark's table: goals are judged by what was measured, and a failure is a row too."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.rows import Row, all_rows, shares_of_ceiling


def saturation(rate: float, **figures: float) -> dict[str, Any]:
    return {
        "messages_per_second": rate,
        "cpu_ms_per_message": 1000 / rate,
        "kafka_cpu_ms_per_message": 0.1,
        "rss_mb": 230.0,
        "pss_mb": 220.0,
        "seconds_to_first": 4.0,
        **figures,
    }


def tidings(rates: list[float], ceilings: list[float], **figures: float) -> dict[str, Any]:
    return {
        "way": "equal lengths in 512",
        "ceilings": [
            {"messages_per_second": rate, "cpu_ms_per_message": 1000 / rate} for rate in ceilings
        ],
        "rounds": {"Tidings": [saturation(rate, **figures) for rate in rates]},
    }


def row(rows: list[Row], start: str) -> Row:
    (found,) = (each for each in rows if each.what.startswith(start))
    return found


def test_round_is_compared_with_the_ceilings_around_it() -> None:
    parts = tidings([500, 270], [600, 400, 200])

    rounds = parts["rounds"]["Tidings"]
    assert shares_of_ceiling(rounds, parts["ceilings"]) == pytest.approx([1.0, 0.9])


@pytest.mark.parametrize(("rate", "met"), [(541.0, True), (539.0, False)])
def test_goal_is_nine_tenths_of_the_ceiling(rate: float, met: bool) -> None:
    rows = all_rows({"tidings": tidings([rate], [600, 600])})

    assert row(rows, "2. Tidings").met is met


@pytest.mark.parametrize(("rate", "met"), [(99.0, True), (101.0, False)])
def test_loop_must_be_beaten_six_times(rate: float, met: bool) -> None:
    rows = all_rows(
        {"tidings": tidings([600], [600, 600]), "loops": {"one at a time": saturation(rate)}}
    )

    assert row(rows, "3.").met is met


def test_peer_that_is_as_fast_again_is_a_missed_goal() -> None:
    parts = {"tidings": tidings([600], [600, 600]), "infinity": saturation(1200)}

    found = row(all_rows(parts), "4. Infinity")

    assert found.met is False
    assert found.compared.startswith("Tidings is 0.50 times as fast")


def test_peer_that_failed_is_a_row_with_its_reason() -> None:
    reason = "mlserver ended with 1\n--- the log ---\nImportError: no such thing"

    found = row(
        all_rows({"tidings": tidings([600], [600, 600]), "mlserver": {"failed": reason}}),
        "4. MLServer",
    )

    assert (found.figure, found.met) == ("not measured", None)
    assert "ImportError: no such thing" in found.compared


@pytest.mark.parametrize(
    ("p99", "undecided", "met"), [(11.0, 0, True), (12.0, 0, False), (11.0, 1, False)]
)
def test_latency_goal_is_ten_milliseconds_beside_the_inference(
    p99: float, undecided: int, met: bool
) -> None:
    low = {"share": 0.1, "rate": 60.0, "p50_ms": 4.0, "p95_ms": 6.0, "p99_ms": p99}
    low |= {"undecided": undecided, "inference_ms": 1.5, "batch_messages": 1.0, "late_p99_ms": 0.1}
    high = {**low, "share": 0.8, "p99_ms": 90.0}

    rows = all_rows({"latency": {"Tidings": {"rows": [low, high], "rest": {}}}})

    assert [each.met for each in rows] == [met, None]


@pytest.mark.parametrize(("rate", "met"), [(1150.0, True), (1130.0, False)])
def test_two_workers_must_do_almost_twice_as_much(rate: float, met: bool) -> None:
    pair = {"one": saturation(600), "two": saturation(rate)}
    rows = all_rows({"two": {"pairs": {"Tidings": [pair]}, "kafka_shares_their_cores": True}})

    assert row(rows, "6.").met is met
    assert "Kafka on them too" in row(rows, "6.").what


@pytest.mark.parametrize(
    ("figures", "memory", "start"),
    [({}, True, True), ({"rss_mb": 351.0}, False, True), ({"seconds_to_first": 5.1}, True, False)],
)
def test_memory_and_start_have_their_bounds(
    figures: dict[str, float], memory: bool, start: bool
) -> None:
    latency = {"Tidings": {"rows": [], "rest": {"rss_mb": 190.0, "pss_mb": 180.0}}}
    rows = all_rows({"tidings": tidings([600], [600, 600], **figures), "latency": latency})

    assert row(rows, "7. Tidings, memory at rest").met
    assert row(rows, "7. Tidings, memory saturated").met is memory
    assert row(rows, "7. Tidings, start").met is start
