"""Made-up dates: right, fast enough, and never to be read in two ways."""

import datetime
import re
import time

import pytest
from babel.dates import format_date

from unrolled.data.generated_dates import LOCALES, date_patterns, dates, unambiguous, write
from unrolled.data.generated_parts import SIZES

DAY = datetime.date(2016, 11, 5)


@pytest.fixture(scope="module")
def parts():
    return dates()


def test_the_same_ones_for_the_same_seed_in_little_time(parts):
    begin = time.process_time()
    assert dates(0) == parts
    assert time.process_time() - begin < 5  # 0.7 s on a small machine
    assert dates(1, (10, 10, 10)) != dates(0, (10, 10, 10))


def test_sizes_and_disjoint_parts(parts):
    assert tuple(map(len, parts)) == SIZES == (20_000, 1_000, 2_000)
    sources = [text.casefold() for part in parts for text in part.source]
    assert len(set(sources)) == len(sources)


def test_targets_are_iso_and_years_have_four_digits(parts):
    for part in parts:
        for source, target in zip(part.source, part.target, strict=True):
            day = datetime.date.fromisoformat(target)
            assert 1900 <= day.year <= 2099
            assert re.search(rf"(?<!\d){day.year}(?!\d)", source)
            assert re.search(rf"(?<!\d)0?{day.day}(?!\d)", source)
            assert source.split() == source.strip().split(" ")
            if not re.search(r"[^\W\d]", source):
                dotted = re.fullmatch(r"(\d+)\. ?(\d+)\. ?(\d{4})", source)
                found = (
                    dotted.groups()[::-1] if dotted else re.fullmatch(r"(\d{4})[-/](\d\d)[-/](\d\d)", source).groups()
                )
                assert datetime.date(*map(int, found)) == day


def test_no_text_is_two_days():
    """Not even in two languages, over all days of a year, whatever the capitals."""
    seen: dict[str, datetime.date] = {}
    for locale in LOCALES:
        for wording in date_patterns(locale):
            for number in range(366):
                day = datetime.date(2016, 1, 1) + datetime.timedelta(number)
                assert seen.setdefault(write(day, wording).casefold(), day) == day


def test_wordings():
    said = {write(DAY, wording) for locale in LOCALES for wording in date_patterns(locale)}
    assert {
        "November 5, 2016", "Saturday, 5 November 2016", "the 5 of November 2016", "Samstag, 5. November 2016",
        "sábado, 5 de noviembre de 2016", "5 Kasım 2016 Cumartesi", "5.11.2016", "05.11.2016", "2016/11/05",
    } <= said  # fmt: skip
    assert not {"05/11/2016", "11/5/16", "05-11-2016", "05.11.16"} & said
    for locale in LOCALES:
        assert len(date_patterns(locale)) >= 6
        assert format_date(DAY, "long", locale) in {write(DAY, one) for one in date_patterns(locale)}


def test_capitals_vary(parts):
    sources = [source for source in parts[0].source if source.lower() != source.upper()]
    lower = sum(source == source.lower() for source in sources) / len(sources)
    assert 0.3 < lower < 0.9
    assert any(source[0].isupper() for source in sources)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("d MMM y", True), ("EEEE, d 'de' MMMM 'de' y", True), ("dd.MM.y", True), ("d. M. y", True), ("y/MM/dd", True),
        ("y-MM-dd", True), ("dd/MM/y", False), ("M/d/yy", False), ("dd.MM.yy", False), ("dd-MM-y", False),
        ("d MMM yy", False), ("M.d.y", False), ("d MMM", False), ("d/M/y 'MMM'", False),
    ],
)  # fmt: skip
def test_unambiguous(pattern, expected):
    assert unambiguous(pattern) is expected
