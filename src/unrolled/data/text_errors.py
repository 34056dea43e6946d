"""Error rates of texts that were read: by character, grapheme cluster and word.

    rate = (insertions + deletions + substitutions) / length of the references

The edits are those of an alignment with the fewest of them, summed over all lines before the division. A rate exceeds
100 % if texts are longer than their references: three letters read where there is one are two insertions and perhaps a
substitution, 200 or 300 %. Without any reference character the rate is the number of insertions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import regex

from .edits import align, distance

Pair = tuple[str, str]

_CLUSTER = regex.compile(r"\X")


@dataclass(frozen=True)
class ErrorRates:
    """Counts of some lines, which can be added, and their rates.

    Attributes:
        lines: number of lines.
        exact_lines: those without error.
        exact_folded_lines: those without error ignoring case.
        characters: code points of the references.
        insertions, deletions, substitutions: of code points.
        clusters, cluster_errors: grapheme clusters of the references, and edits of them.
        folded, folded_errors: code points and edits ignoring case.
        words, word_errors: stretches without white space, and edits of them.
        confusions: number of each edit: what is in the reference (``""``: insertion), what was read (``""``: deletion).
    """

    lines: int = 0
    exact_lines: int = 0
    exact_folded_lines: int = 0
    characters: int = 0
    insertions: int = 0
    deletions: int = 0
    substitutions: int = 0
    clusters: int = 0
    cluster_errors: int = 0
    folded: int = 0
    folded_errors: int = 0
    words: int = 0
    word_errors: int = 0
    confusions: Counter[Pair] = field(default_factory=Counter)

    def __add__(self, other: ErrorRates) -> ErrorRates:
        return ErrorRates(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    @property
    def errors(self) -> int:
        """Edits of code points."""
        return self.insertions + self.deletions + self.substitutions

    @property
    def character_rate(self) -> float:
        """The character error rate, by code point; 0.05 is 5 %."""
        return self.errors / max(self.characters, 1)

    @property
    def cluster_rate(self) -> float:
        """The error rate by grapheme cluster."""
        return self.cluster_errors / max(self.clusters, 1)

    @property
    def folded_rate(self) -> float:
        """The character error rate ignoring case."""
        return self.folded_errors / max(self.folded, 1)

    @property
    def word_rate(self) -> float:
        """The word error rate."""
        return self.word_errors / max(self.words, 1)

    @property
    def exact_share(self) -> float:
        """The share of lines without error."""
        return self.exact_lines / max(self.lines, 1)

    @property
    def exact_folded_share(self) -> float:
        """The share of lines without error ignoring case."""
        return self.exact_folded_lines / max(self.lines, 1)

    def most_confused(self, count: int = 20) -> list[tuple[str, str, int]]:
        """Return the most frequent edits, as reference, text and number."""
        ordered = sorted(self.confusions.items(), key=lambda item: (-item[1], item[0]))
        return [(reference, read, number) for (reference, read), number in ordered[:count]]


def error_rates(reference: str, read: str) -> ErrorRates:
    """Return the counts of one line.

    Args:
        reference: the right text, in logical order.
        read: the text to be judged.
    """
    if reference == read:
        clusters, folded = len(_CLUSTER.findall(reference)), len(reference.casefold())
        return ErrorRates(1, 1, 1, len(reference), clusters=clusters, folded=folded, words=len(reference.split()))
    confusions = Counter[Pair]()
    for first, second in align(reference, read):
        pair = ("" if first is None else reference[first], "" if second is None else read[second])
        if pair[0] != pair[1]:
            confusions[pair] += 1
    insertions = sum(number for pair, number in confusions.items() if not pair[0])
    deletions = sum(number for pair, number in confusions.items() if not pair[1])
    lower, clusters_of, words = (reference.casefold(), read.casefold()), _CLUSTER.findall(reference), reference.split()
    return ErrorRates(
        lines=1,
        exact_folded_lines=int(lower[0] == lower[1]),
        characters=len(reference),
        insertions=insertions,
        deletions=deletions,
        substitutions=sum(confusions.values()) - insertions - deletions,
        clusters=len(clusters_of),
        cluster_errors=distance(clusters_of, _CLUSTER.findall(read)),
        folded=len(lower[0]),
        folded_errors=distance(*lower),
        words=len(words),
        word_errors=distance(words, read.split()),
        confusions=confusions,
    )


def total(rates: Iterable[ErrorRates]) -> ErrorRates:
    """Return the sum of the counts of lines."""
    names = [item.name for item in fields(ErrorRates) if item.name != "confusions"]
    sums: dict[str, Any] = dict.fromkeys(names, 0)
    confusions = Counter[Pair]()
    for line in rates:
        for name in names:
            sums[name] += getattr(line, name)
        confusions.update(line.confusions)
    return replace(ErrorRates(confusions=confusions), **sums)


def by_group(rates: Sequence[ErrorRates], groups: Sequence[str]) -> dict[str, ErrorRates]:
    """Return the sums of the counts of lines for each group, in alphabetical order.

    Args:
        rates: the counts of each line.
        groups: the group of each line, such as its script.
    """
    lines: dict[str, list[ErrorRates]] = {}
    for line, group in zip(rates, groups, strict=True):
        lines.setdefault(group, []).append(line)
    return {group: total(lines[group]) for group in sorted(lines)}
