"""Personal data out of text: e-mail, payment cards, IBANs, telephone and account numbers.

A first step: names and addresses of places are not found.  Each kind becomes a placeholder, such as
`<CARD>`.  What is checkable is checked: cards by Luhn's sum, IBANs by ISO 7064, telephone numbers
by libphonenumber's rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import phonenumbers
from stdnum import iban, luhn

EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}\b")
DIGITS = re.compile(r"(?<![\w$\u20ac\u00a3.,])\d(?:[ -]?\d){7,18}(?![\w%]|[.,]\d)")
SORT_CODE = re.compile(r"(?<![\d-])\d{2}-\d{2}-\d{2}(?![\d-])")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
MANY_DIGITS = re.compile(r"\d(?:[\s().\-/]*\d){5}")
PHONE_GROUPS = re.compile(r"\d{3}[ .-]\d{3}[ .-]\d{4}")
# Regions whose national ways of writing a telephone number are tried, besides the international.
PHONE_REGIONS = ("GB", "US")


def redact(text: str) -> str:
    """The text with personal data replaced by typed placeholders.

    Most texts have neither an at sign nor six digits in a row, and cost two scans.
    """
    if "@" in text:
        text = EMAIL.sub("<EMAIL>", text)
    if MANY_DIGITS.search(text) is None:
        return text
    text = IBAN.sub(_replace_iban, text)
    text = DIGITS.sub(_replace_if(_is_card, "<CARD>", at_least=13), text)
    text = _replace_phones(text)
    text = SORT_CODE.sub("<SORT_CODE>", text)
    return DIGITS.sub(_replace_if(_is_account, "<ACCOUNT>", at_least=8), text)


def _replace_iban(match: re.Match[str]) -> str:
    """Replace an IBAN; words that follow one without punctuation are tried off it, one by one."""
    found = match[0]
    words = re.split(r"([ -])", found)
    for end in range(len(words), 0, -2):
        candidate = "".join(words[:end])
        if iban.is_valid(candidate, check_country=False):
            return "<IBAN>" + "".join(words[end:])
    return found


def _replace_if(
    is_valid: Callable[[str], bool], placeholder: str, *, at_least: int
) -> Callable[[re.Match[str]], str]:
    def replacement(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        return placeholder if len(digits) >= at_least and is_valid(match[0]) else match[0]

    return replacement


def _is_card(digits: str) -> bool:
    return bool(luhn.is_valid(re.sub(r"\D", "", digits)))


def _is_account(digits: str) -> bool:
    return DATE.match(digits) is None


def _replace_phones(text: str) -> str:
    spans = {
        (match.start, match.end)
        for region in PHONE_REGIONS
        for match in phonenumbers.PhoneNumberMatcher(
            text, region, leniency=phonenumbers.Leniency.POSSIBLE
        )
        if _is_phone(text, match)
    }
    before = len(text)
    for start, end in sorted(spans, reverse=True):
        if end <= before:
            text = f"{text[:start]}<PHONE>{text[end:]}"
            before = start
    return text


def _is_phone(text: str, match: phonenumbers.PhoneNumberMatch) -> bool:
    """Whether a possible number is one: written like one, or assigned, and neither date nor sum."""
    if text[max(0, match.start - 1) : match.start] in {"$", "\u00a3", "\u20ac", ",", "."}:
        return False
    if DATE.fullmatch(match.raw_string):
        return False
    written_like_one = match.raw_string[0] in "+(0" or PHONE_GROUPS.fullmatch(match.raw_string)
    return bool(written_like_one or phonenumbers.is_valid_number(match.number))
