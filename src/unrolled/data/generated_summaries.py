"""Generated reports of events and their headlines, which follow a rule.

    It was a cold morning. Shortly before noon, a green van was hit by an empty tram near the harbour. Trains were
    delayed for six hours, but there were no deaths. It happened in Bergen, where the streets were wet.
                                                              → Tram hits van in Bergen, trains delayed

A headline is who, what and where, then the most serious consequence: dead before injured, evacuated and delayed. Verbs
become active and present, descriptions disappear, and what did not happen is not mentioned. The event may be in the
first or the second sentence, so copying the beginning is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .bitext import Pairs
from .generated_parts import SIZES, generate_parts, pick

DRAWS = 24  # random numbers per report

PLACES = (
    "Oslo|Bergen|Turku|Malmo|Aarhus|Bremen|Leipzig|Graz|Basel|Lyon|Nantes|Porto|Seville|Turin|Verona|Split|Gdansk|"
    "Brno|Riga|Tartu|Cork|Leeds|Bristol|Dundee|Quebec|Lima|Cusco|Salta|Osaka|Kyoto|Busan|Perth|Hobart|Nairobi|Accra"
).split("|")
SPOTS = "near the station|near the harbour|beside the market|close to the river|behind the town hall".split("|")
WHEN = "On Monday|Early on Friday|Shortly before noon|A little after noon|Late at night|This morning".split("|")
NUMBERS = "two|three|four|five|six|seven|eight|nine|ten|twelve".split("|")
NOISE = (
    "It had been raining for days|The week had been quiet so far|The fog was thick|It was a cold morning|"
    "The streets were full of visitors|A market was being prepared nearby"
).split("|")
QUOTES = (
    "A neighbour heard a loud noise.|The mayor thanked everyone who helped.|The police are looking for "
    "witnesses.|The cause is not known yet.|A spokesperson did not want to comment.|More will be known tomorrow."
).split("|")
ASIDES = "where the streets were wet|which is famous for its cheese|where a festival had just begun".split("|")


class Events(NamedTuple):
    """Who does what: nouns with their adjectives, and verbs as past, participle and headline."""

    subjects: Sequence[str]
    adjectives: Sequence[str]
    verbs: Sequence[tuple[str, str, str]]
    objects: Sequence[str]
    kinds: Sequence[str]


EVENTS = (
    Events(
        ("van", "lorry", "bus", "tram", "taxi", "tractor", "train"),
        ("old", "small", "empty", "red", "fully loaded"),
        (("hit", "hit", "hits"), ("scraped", "scraped", "scrapes"), ("crushed", "crushed", "crushes")),
        ("van", "fence", "lamp post", "kiosk", "tram", "shop window", "barrier"),
        ("new", "green", "wooden", "low", "badly lit"),
    ),
    Events(
        ("fire", "storm", "flood", "landslide", "explosion"),
        ("sudden", "violent", "large", "minor", "brief"),
        (("damaged", "damaged", "damages"), ("destroyed", "destroyed", "destroys"), ("closed", "closed", "closes")),
        ("bakery", "hotel", "school", "bridge", "warehouse", "library", "theatre", "farm"),
        ("well-known", "old", "new", "busy", "empty"),
    ),
    Events(
        ("thief", "gang", "burglar", "tourist", "cook"),
        ("masked", "young", "armed", "nervous", "well-known"),
        (("robbed", "robbed", "robs"), ("entered", "entered", "enters"), ("searched", "searched", "searches")),
        ("museum", "bank", "jeweller", "post office", "villa", "hotel"),
        ("small", "famous", "busy", "new", "closed"),
    ),
)

# from the most serious: its statement, that of its absence, and the headline; {n} is a number
CONSEQUENCES = (
    ("{n} people died", "there were no deaths", "{n} dead"),
    ("{n} people were injured", "there were no injuries", "{n} injured"),
    ("{n} families had to leave their homes", "no home was in danger", "{n} families evacuated"),
    ("trains were delayed for {n} hours", "trains were on time", "trains delayed"),
)


def summaries(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Generate reports and headlines: training, validation and test pairs."""
    return generate_parts(_pair, DRAWS, seed, sizes)


def _pair(draws: Sequence[float]) -> tuple[str, str]:
    rest = iter(draws)
    place = pick(PLACES, next(rest))
    subject, verb, thing, event = _event(rest)
    outcome, sentences = _consequences(rest)
    order = next(rest)
    if order < 0.5:
        event += f" in {place}"
        where = ""
    else:
        where = f"It happened in {place}, {pick(ASIDES, next(rest))}."
    noise = f"{pick(NOISE, next(rest))}." if next(rest) < 0.3 else ""
    parts = [noise, f"{event}.", *sentences, where, pick(QUOTES, next(rest))]
    headline = f"{subject} {verb} {thing} in {place}"
    return " ".join(filter(None, parts)), _sentence(headline + (f", {outcome}" if outcome else ""))


def _event(rest: Iterator[float]) -> tuple[str, str, str, str]:
    """Return subject, verb and object of the headline, and the beginning of the sentence."""
    events = EVENTS[int(next(rest) * len(EVENTS))]
    subject, thing = pick(events.subjects, next(rest)), pick(events.objects, next(rest))
    past, participle, present = events.verbs[int(next(rest) * len(events.verbs))]
    who, what = _described(subject, events.adjectives, rest), _described(thing, events.kinds, rest)
    when, spot = pick(WHEN, next(rest)), pick(SPOTS, next(rest))
    clause = f"{who} {past} {what}" if next(rest) < 0.6 else f"{what} was {participle} by {who}"
    return subject, present, thing, f"{when}, {clause} {spot}"


def _described(noun: str, adjectives: Sequence[str], rest: Iterator[float]) -> str:
    """Return a noun with an article and, in two of three cases, an adjective."""
    draw, adjective = next(rest), pick(adjectives, next(rest))
    words = f"{adjective} {noun}" if draw < 2 / 3 else noun
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def _consequences(rest: Iterator[float]) -> tuple[str, list[str]]:
    """Return the most serious consequence, empty if there is none, and the sentences about two of them."""
    first = int(next(rest) * len(CONSEQUENCES))
    second = (first + 1 + int(next(rest) * (len(CONSEQUENCES) - 1))) % len(CONSEQUENCES)
    statements: dict[int, str] = {}
    outcomes: dict[int, str] = {}
    for which in (first, second):
        happened, number = next(rest) < 0.7, pick(NUMBERS, next(rest))
        yes, no, headline = (text.format(n=number) for text in CONSEQUENCES[which])
        statements[which] = yes if happened else no
        if happened:
            outcomes[which] = headline
    worst = outcomes[min(outcomes)] if outcomes else ""
    a, b = (statements[which] for which in (first, second))
    if (first in outcomes) != (second in outcomes):
        return worst, [_sentence(f"{a}, but {b}") + "."]
    return worst, [_sentence(a) + ".", _sentence(b) + "."]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
