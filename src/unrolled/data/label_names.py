"""Labels that differ only in case and white space: find them, and merge them under the most frequent spelling."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .labelled import Examples

SHOWN = 3  # groups in a warning


def key(label: str) -> str:
    """Return what labels or texts that differ only in case and white space have in common.

    >>> key(" Billing  Question") == key("BILLING question")
    True
    """
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def spellings(labels: Iterable[str]) -> dict[str, str]:
    """Return the most frequent spelling of each key; of equally frequent ones, the first in alphabetical order."""
    counts = Counter(labels)
    chosen: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        chosen.setdefault(key(label), label)
    return chosen


def folded(examples: Examples, names: Mapping[str, str]) -> Examples:
    """Return the examples with each label replaced by its spelling in ``names``; labels without one are unchanged."""
    return replace(examples, labels=[names.get(key(label), label) for label in examples.labels])


def alike(labels: Iterable[str]) -> str:
    """Return a warning about labels that look alike, with their counts and the remedy; an empty string without any."""
    counts = Counter(labels)
    groups: dict[str, list[str]] = {}
    for label, count in counts.most_common():
        groups.setdefault(key(label), []).append(f"{label} ({count:,})")
    several = [" and ".join(group) for group in groups.values() if len(group) > 1]
    if not several:
        return ""
    more = f"; and {len(several) - SHOWN:,} more" if len(several) > SHOWN else ""
    return f"labels that look alike are separate classes: {'; '.join(several[:SHOWN])}{more}; --fold-labels merges them"
