from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tidings_services.cli import app

COMMAND = ["classify", "sentiment-finance"]


def test_one_line_in_one_object_out() -> None:
    result = CliRunner().invoke(app, COMMAND, input="Nokia rallies\n\nShares fall on loss\n")

    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [answer["line"] for answer in answers] == [1, 3]
    assert set(answers[0]) == {"line", "label", "probability", "alternatives", "bundle"}
    assert len(answers[0]["alternatives"]) == 3


def test_csv_with_companies_is_read_by_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "news.csv"
    file.write_text('headline,who\n"Nokia rallies, Ericsson slumps",Ericsson\n', encoding="utf-8")
    options = ["--input", str(file), "--text-column", "headline", "--entity-column", "who"]

    result = CliRunner().invoke(app, [*COMMAND, *options])

    assert json.loads(result.stdout)["label"] == "negative"


@pytest.mark.parametrize(
    ("options", "given", "fault"),
    [
        (["--format", "jsonl"], b'{"text": "ok"}\n{"text": 3}\n', "line 2 has no text"),
        (["--format", "jsonl"], b"no json\n", "line 1 is not JSON"),
        (["--format", "csv"], b"title\na\n", "line 1 has no column 'text'"),
        ([], b"fine\n\xff\xfe\n", "line 2 is not UTF-8"),
        (["--input", "absent.txt"], b"", "absent.txt"),
    ],
)
def test_bad_input_names_the_line_and_exits_with_2(
    options: list[str], given: bytes, fault: str
) -> None:
    result = CliRunner().invoke(app, [*COMMAND, *options], input=given)

    assert result.exit_code == 2
    assert fault in result.stderr


def test_unknown_bundle_lists_the_shipped_ones() -> None:
    result = CliRunner().invoke(app, ["classify", "none"], input="a\n")

    assert result.exit_code == 2
    assert "intents-banking77" in result.stderr


def test_evaluate_prints_its_figures_as_json(tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text("text,label\nShares rally on record profit,bullish\n", encoding="utf-8")
    options = ["--data", str(file), "--rename", "bullish=positive", "--json"]

    result = CliRunner().invoke(app, ["models", "evaluate", "sentiment-finance", *options])

    figures = json.loads(result.stdout)
    assert figures["accuracy"] == 1
    assert {"macro_f1", "expected_calibration_error", "messages_per_second"} <= set(figures)
