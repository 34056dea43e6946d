"""Dates as people of fifteen countries write them, and as ISO 8601 does: "lördag 5 november 2016" is 2016-11-05.

The wording is Babel's, that is, the Unicode consortium's; another version of Babel may say a few of them otherwise.
Only what can be read in one way is written: the year has four digits, and a date of digits alone has dots and the day
first (5.11.2016), or begins with the year (2016/11/05).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from .bitext import Pairs
from .generated_parts import SIZES, parts_of, pick

if TYPE_CHECKING:
    from babel import Locale
    from babel.dates import DateTimePattern

LOCALES = ("en_US", "en_GB", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "tr", "ro")
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)

STYLES: tuple[Literal["short", "medium", "long", "full"], ...] = (
    "short",
    "medium",
    "long",
    "full",
)  # as the country has them
EVERYWHERE = ("EEE d MMM y", "d MMMM y", "EEEE d MMM y", "d.M.y", "y/MM/dd")
OWN = {
    "en_US": ("MMMM d y", "MMM d y", "EEE, MMM d, y", "y MMMM d"),
    "en_GB": ("EEE, d MMM y", "EEEE d MMMM y", "'the' d 'of' MMMM y"),
    "de": ("EEEE, 'den' d. MMMM y", "'am' d. MMMM y"),
    "fr": ("'le' d MMMM y", "EEEE 'le' d MMMM y"),
    "es": ("'el' d 'de' MMMM 'de' y",),
}

_LITERAL = re.compile("'[^']*'")
_DRAWS = 4  # language, wording, day, capitals


def dates(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Training, validation and test pairs; no source is in two of them, whatever its capitals."""
    days = (LAST - FIRST).days + 1

    def make(draws: Sequence[float]) -> tuple[str, str]:
        wordings = wordings_of(pick(LOCALES, draws[0]))
        day = FIRST + datetime.timedelta(int(draws[2] * days))
        text = write(day, wordings[int(draws[1] * len(wordings))])
        if draws[3] < 0.2:
            text = text.lower()
        elif draws[3] < 0.4:
            text = text[0].upper() + text[1:]
        return text, day.isoformat()

    return parts_of(make, _DRAWS, seed, sizes)


def unambiguous(pattern: str) -> bool:
    """Whether a date in this pattern (of Unicode's letters: d, M, y) can be read in one way only."""
    fields = _LITERAL.sub("", pattern)
    years = re.findall("y+", fields)
    if len(years) != 1 or len(years[0]) == 2:
        return False
    return "MMM" in fields or fields.startswith("y") or re.fullmatch(r"d+\. ?M+\. ?y+", fields) is not None


Wording = tuple[str, "DateTimePattern"]  # locale, pattern


@cache
def wordings_of(locale: str) -> tuple[Wording, ...]:
    """The ways in which a country writes dates, each once."""
    from babel.dates import get_date_format, parse_pattern  # babel is imported when dates are first made

    usual = [get_date_format(style, locale).pattern for style in STYLES]
    patterns = dict.fromkeys(one for one in (*usual, *OWN.get(locale, ()), *EVERYWHERE) if unambiguous(one))
    return tuple((locale, parse_pattern(pattern)) for pattern in patterns)


def write(day: datetime.date, wording: Wording) -> str:
    """A day in words, with plain spaces."""
    locale, pattern = wording
    return " ".join(pattern.apply(day, _locale(locale)).split())


@cache
def _locale(code: str) -> Locale:
    from babel import Locale

    return Locale.parse(code)
