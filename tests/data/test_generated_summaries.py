"""Generated reports: every headline follows from its report by the rule."""

import re

import pytest

from unrolled.data import generated_parts
from unrolled.data.generated_summaries import EVENTS, PLACES, summaries

OUTCOMES = (  # from the most serious: a pattern in the report, and the headline
    (r"(\w+) people died", "{} dead"),
    (r"(\w+) people were injured", "{} injured"),
    (r"(\w+) families had to leave", "{} families evacuated"),
    (r"trains were delayed", "trains delayed"),
)
VERBS = {form: verb[2] for events in EVENTS for verb in events.verbs for form in verb[:2]}
NOUNS = sorted({noun for events in EVENTS for noun in (*events.subjects, *events.objects)}, key=len, reverse=True)


@pytest.fixture(scope="module", autouse=True)
def _blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated_parts, "_BLOCK", 256)
        yield


@pytest.fixture(scope="module")
def parts(_blocks):
    return summaries(sizes=(400, 20, 30))


def headline(report):
    """The headline of a report, by regular expressions."""
    [place] = [place for place in PLACES if re.search(rf"\bin {place}\b", report)]
    nouns = "|".join(NOUNS)
    event = re.search(
        rf"an? [\w\- ]*?\b({nouns}) (was )?({'|'.join(VERBS)}) (?:by )?an? [\w\- ]*?\b({nouns})\b", report
    )
    first, passive, verb, second = event.groups()
    subject, thing = (second, first) if passive else (first, second)
    found = ((re.search(pattern, report, re.IGNORECASE), text) for pattern, text in OUTCOMES)
    outcome = next((text.format(*match.groups()).lower() for match, text in found if match), None)
    text = f"{subject} {VERBS[verb]} {thing} in {place}" + (f", {outcome}" if outcome else "")
    return text[0].upper() + text[1:]


def test_headlines_follow_the_rule(parts):
    for pairs in parts:
        assert [headline(report) for report in pairs.source] == pairs.target
    assert len({report for pairs in parts for report in pairs.source}) == 450


def test_reports_are_reproducible_and_short(parts):
    assert summaries(sizes=(400, 20, 30)) == parts
    assert summaries(1, sizes=(5, 1, 1))[0] != summaries(sizes=(5, 1, 1))[0]
    assert max(len(text.split()) for text in parts[0].source) <= 60
    some = [("," in target) for target in parts[0].target]
    assert 0.05 < some.count(False) / len(some) < 0.15  # without any consequence: 0.3²
