"""Which companies a text names: by cashtag, by name or by alias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:[.-][A-Za-z]{1,2})?)(?![\w$])")


class CompaniesError(Exception):
    """The table of companies can not be used; the message names the file, the entry, the remedy."""


class Company(BaseModel):
    """One company of the table.

    `case_sensitive`: names and aliases match only as they are written here (or in capitals), since
    they are also ordinary words.  `name_is_ambiguous`: the name itself never matches, only a
    cashtag or an alias.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticker: str = Field(min_length=1, max_length=16)
    name: str = Field(min_length=2)
    aliases: tuple[str, ...] = ()
    case_sensitive: bool = False
    name_is_ambiguous: bool = False

    @property
    def patterns(self) -> tuple[str, ...]:
        """What is looked for in a text."""
        return self.aliases if self.name_is_ambiguous else (self.name, *self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A company in a text; `entity` is how the text calls it."""

    ticker: str
    entity: str


class CompanyTable:
    """Finds the companies that a text names."""

    def __init__(self, companies: Iterable[Company]) -> None:
        """Raises CompaniesError where two companies share a ticker or a name."""
        self._tickers: set[str] = set()
        self._patterns: list[tuple[str, Company]] = []
        owners: dict[str, Company] = {}
        for company in companies:
            if company.ticker in self._tickers:
                raise CompaniesError(f"the ticker {company.ticker!r} stands there twice")
            self._tickers.add(company.ticker)
            for pattern in dict.fromkeys(company.patterns):
                folded = fold(pattern)
                other = owners.setdefault(folded, company)
                if other is not company:
                    raise CompaniesError(
                        f"{pattern!r} is a name of both {other.ticker} and {company.ticker}; "
                        "remove it from one"
                    )
                self._patterns.append((pattern, company))
        self._automaton = AhoCorasick(
            [fold(pattern) for pattern, _ in self._patterns], matchkind=MatchKind.Standard
        )

    @property
    def tickers(self) -> frozenset[str]:
        """Every ticker of the table."""
        return frozenset(self._tickers)

    def find(self, text: str) -> list[Mention]:
        """The companies of a text in order of their first mention, each once.

        A name counts as a whole word, and the longest of several that begin at one place.  A
        cashtag in capitals counts even where the table does not know it.  `entity` is the first
        name in the text, or the cashtag where there is no name.
        """
        names = self._find_names(text)
        cashtags = [
            (match.start(), match[1].upper(), match[0])
            for match in CASHTAG.finditer(text)
            if match[1].isupper() or match[1].upper() in self._tickers
        ]
        entities = {ticker: entity for _, ticker, entity in reversed([*cashtags, *names])}
        entities |= {ticker: entity for _, ticker, entity in reversed(names)}
        order = dict.fromkeys(ticker for _, ticker, _ in sorted([*names, *cashtags]))
        return [Mention(ticker=ticker, entity=entities[ticker]) for ticker in order]

    def _find_names(self, text: str) -> list[tuple[int, str, str]]:
        """(start, ticker, surface form) of each name, in order, none within another."""
        if not self._patterns:
            return []
        candidates = []
        for index, start, end in self._automaton.find_matches_as_indexes(
            fold(text), overlapping=True
        ):
            pattern, company = self._patterns[index]
            surface = text[start:end]
            if _is_whole_word(text, start, end) and (
                not company.case_sensitive or surface in (pattern, pattern.upper())
            ):
                candidates.append((start, -end, company.ticker, surface))
        found = []
        taken = 0
        for start, minus_end, ticker, surface in sorted(candidates):
            if start >= taken:
                found.append((start, ticker, surface))
                taken = -minus_end
        return found


def fold(text: str) -> str:
    """Lower case and straight apostrophes, character by character: positions stay what they are."""
    text = text.replace("\u2019", "'")
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _is_whole_word(text: str, start: int, end: int) -> bool:
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return not (before.isalnum() or before in "$@_" or after.isalnum() or after == "_")


def load_companies(path: Path | None) -> CompanyTable:
    """Read a table of companies, the shipped one where `path` is None; raises CompaniesError."""
    where = "the shipped table of companies" if path is None else str(path)
    try:
        text = _shipped() if path is None else path.read_text(encoding="utf-8")
        companies = TypeAdapter(Sequence[Company]).validate_python(yaml.safe_load(text))
        return CompanyTable(companies)
    except OSError as error:
        raise CompaniesError(
            f"{where}: can not be read ({error.strerror}); set TIDINGS_COMPANIES to a YAML file"
        ) from None
    except (yaml.YAMLError, ValidationError, CompaniesError) as error:
        raise CompaniesError(f"{where}: {error}") from None


def _shipped() -> str:
    return files("tidings_streams").joinpath("data/companies.yaml").read_text(encoding="utf-8")
