from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tidings_services.replay import ReplayError, pace_by_rate, pace_by_time, read_rows


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_rows_are_objects_and_tickers_a_list(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text,tickers\n1,"a, ""b""",A|B\n2,c,\n')

    assert list(read_rows(path)) == [
        {"id": "1", "text": 'a, "b"', "tickers": ["A", "B"]},
        {"id": "2", "text": "c"},
    ]


def test_json_lines_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"id": "1", "n": 2}\n\n{"id": "2"}\n')

    assert list(read_rows(path)) == [{"id": "1", "n": 2}, {"id": "2"}]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "id,text\n1\n", "line 2"),
        ("a.csv", "id,text\n1,a,b\n", "line 2"),
        ("a.jsonl", '{"id": 1}\n{', "line 2"),
        ("a.jsonl", "[1]\n", "line 1"),
    ],
)
def test_bad_row_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(ReplayError, match=told):
        list(read_rows(write(tmp_path, name, text)))


def test_file_that_is_not_there_or_not_utf_8_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("id\nü\n".encode("latin-1"))

    with pytest.raises(ReplayError, match=r"none\.csv: can not be read"):
        list(read_rows(tmp_path / "none.csv"))
    with pytest.raises(ReplayError, match=r"latin\.csv: is not UTF-8"):
        list(read_rows(latin))


def test_rate_spaces_rows_evenly() -> None:
    due = [second for second, _ in itertools.islice(pace_by_rate(itertools.repeat({}), rate=4), 5)]

    assert due == [0, 0.25, 0.5, 0.75, 1.0]


def test_speed_keeps_the_rows_own_spacing() -> None:
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00+00:00", "2026-01-01T02:00:00+01:00"]
    rows = [{"at": time} for time in times]

    due = [second for second, _ in pace_by_time(rows, time_field="at", speed=60)]

    assert due == [0, 1, 60]


@pytest.mark.parametrize("row", [{}, {"at": "noon"}, {"at": 5}, {"at": "2026-01-01T00:00:00"}])
def test_row_without_a_time_is_named(row: dict[str, object]) -> None:
    rows = [{"at": "2026-01-01T00:00:00Z"}, row]

    with pytest.raises(ReplayError, match="row 2"):
        list(pace_by_time(rows, time_field="at", speed=1))
