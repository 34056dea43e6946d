"""Dates as written in fifteen locales, and in ISO 8601: "lördag 5 november 2016" is 2016-11-05.

The formats are from Babel (Unicode CLDR), so a few dates may differ between versions of Babel. Only unambiguous formats
are used: the year has four digits, and numeric dates have dots and the day first (5.11.2016), or start with the year
(2016/11/05).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from .bitext import Pairs
from .generated_parts import SIZES, generate_parts, pick

if TYPE_CHECKING:
    from babel import Locale
    from babel.dates import DateTimePattern

LOCALES = ("en_US", "en_GB", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "tr", "ro")
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)

STYLES: tuple[Literal["short", "medium", "long", "full"], ...] = ("short", "medium", "long", "full")
EVERYWHERE = ("EEE d MMM y", "d MMMM y", "EEEE d MMM y", "d.M.y", "y/MM/dd")
OWN = {
    "en_US": ("MMMM d y", "MMM d y", "EEE, MMM d, y", "y MMMM d"),
    "en_GB": ("EEE, d MMM y", "EEEE d MMMM y", "'the' d 'of' MMMM y"),
    "de": ("EEEE, 'den' d. MMMM y", "'am' d. MMMM y"),
    "fr": ("'le' d MMMM y", "EEEE 'le' d MMMM y"),
    "es": ("'el' d 'de' MMMM 'de' y",),
}

_LITERAL = re.compile("'[^']*'")
_DRAWS = 4  # locale, pattern, day, capitalization


def dates(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Generate training, validation and test pairs; sources are distinct, ignoring case."""
    days = (LAST - FIRST).days + 1

    def make(draws: Sequence[float]) -> tuple[str, str]:
        patterns = date_patterns(pick(LOCALES, draws[0]))
        day = FIRST + datetime.timedelta(int(draws[2] * days))
        text = write(day, patterns[int(draws[1] * len(patterns))])
        if draws[3] < 0.2:
            text = text.lower()
        elif draws[3] < 0.4:
            text = text[0].upper() + text[1:]
        return text, day.isoformat()

    return generate_parts(make, _DRAWS, seed, sizes)


def unambiguous(pattern: str) -> bool:
    """Whether dates in this CLDR pattern (letters d, M, y) are unambiguous."""
    fields = _LITERAL.sub("", pattern)
    years = re.findall("y+", fields)
    if len(years) != 1 or len(years[0]) == 2:
        return False
    return "MMM" in fields or fields.startswith("y") or re.fullmatch(r"d+\. ?M+\. ?y+", fields) is not None


LocalePattern = tuple[str, "DateTimePattern"]


@cache
def date_patterns(locale: str) -> tuple[LocalePattern, ...]:
    """Return the distinct date patterns of a locale."""
    from babel.dates import get_date_format, parse_pattern  # imported lazily

    standard = [get_date_format(style, locale).pattern for style in STYLES]
    patterns = filter(unambiguous, dict.fromkeys((*standard, *OWN.get(locale, ()), *EVERYWHERE)))
    return tuple((locale, parse_pattern(pattern)) for pattern in patterns)


def write(day: datetime.date, locale_pattern: LocalePattern) -> str:
    """Return a date in the given pattern, with plain spaces."""
    locale, pattern = locale_pattern
    return " ".join(pattern.apply(day, _locale(locale)).split())


@cache
def _locale(code: str) -> Locale:
    from babel import Locale

    return Locale.parse(code)
