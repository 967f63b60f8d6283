from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings_streams.companies import (
    CompaniesError,
    Company,
    CompanyTable,
    fold,
    load_companies,
)

TABLE = CompanyTable(
    [
        Company(ticker="AAPL", name="Apple", aliases=("Apple Inc",), case_sensitive=True),
        Company(ticker="SIE", name="Siemens"),
        Company(ticker="ENR", name="Siemens Energy"),
        Company(ticker="TGT", name="Target", aliases=("Target Corp",), name_is_ambiguous=True),
        Company(ticker="LOW", name="Lowe's"),
        Company(ticker="BRK.B", name="Berkshire Hathaway"),
    ]
)


def tickers(text: str) -> list[str]:
    return [mention.ticker for mention in TABLE.find(text)]


def entities(text: str) -> dict[str, str]:
    return {mention.ticker: mention.entity for mention in TABLE.find(text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Apple beats estimates", ["AAPL"]),
        ("APPLE BEATS ESTIMATES", ["AAPL"]),
        ("an apple a day", []),
        ("Pineapple sales", []),
        ("Apple's margins", ["AAPL"]),
        ("siemens wins order", ["SIE"]),
        ("Siemens Energy cuts outlook", ["ENR"]),
        ("Siemens and Siemens Energy part", ["SIE", "ENR"]),
        ("Target cut to 40", []),
        ("Target Corp cut to 40", ["TGT"]),
        ("$tgt and $TGT", ["TGT"]),
        ("Lowe\u2019s guides up", ["LOW"]),
        ("$BRK.B buys", ["BRK.B"]),
        ("$5 off, $100 gone, US$AAPL", []),
        ("$ZZZQ to the moon", ["ZZZQ"]),
        ("$moon", []),
        ("nothing here", []),
        ("", []),
    ],
)
def test_companies_are_found(text: str, found: list[str]) -> None:
    assert tickers(text) == found


def test_company_that_is_named_often_counts_once() -> None:
    assert tickers("Apple, Apple Inc and $AAPL") == ["AAPL"]


def test_companies_come_in_the_order_of_the_text() -> None:
    assert tickers("$SIE falls as Apple rises") == ["SIE", "AAPL"]


def test_entity_is_the_name_in_the_text_and_else_the_cashtag() -> None:
    assert entities("$AAPL up: Apple rallies, $SIE down") == {"AAPL": "Apple", "SIE": "$SIE"}


@given(st.text(max_size=60))
def test_folding_keeps_positions(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(st.text(max_size=60, alphabet=st.characters(exclude_characters="$", codec="utf-8")))
def test_entity_stands_in_the_text(around: str) -> None:
    text = f"{around} Apple {around}"

    assert entities(text)["AAPL"] in text


@pytest.mark.parametrize(
    "companies",
    [
        [Company(ticker="A", name="One"), Company(ticker="A", name="Two")],
        [Company(ticker="A", name="One"), Company(ticker="B", name="Two", aliases=("one",))],
    ],
)
def test_table_in_which_a_name_has_two_owners_is_refused(companies: list[Company]) -> None:
    with pytest.raises(CompaniesError):
        CompanyTable(companies)


def test_shipped_table_is_sound() -> None:
    table = load_companies(None)

    assert {"AAPL", "MSFT"} <= table.tickers
    assert [m.ticker for m in table.find("Microsoft and Nvidia rally")] == ["MSFT", "NVDA"]


@pytest.mark.parametrize("text", ["- ticker: A", "ticker: A", "[", "- {ticker: A, name: Bb, x: 1}"])
def test_ill_formed_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "companies.yaml"
    path.write_text(text)

    with pytest.raises(CompaniesError, match=r"companies\.yaml"):
        load_companies(path)
