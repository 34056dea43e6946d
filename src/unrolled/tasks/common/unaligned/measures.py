"""The metrics of texts that were read: error rates by character and word, exact texts, and the errors in detail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....data.text_errors import ErrorRates, by_group, error_rates, total
from ....results import Part, Table, Text
from ....training.metrics import LOSS, Metric

METRICS = (
    LOSS._replace(label="nats per character"),
    Metric("cer", "CER", ".2%"),
    Metric("wer", "WER", ".2%"),
    Metric("exact", "exact", ".2%", larger_is_better=True),
)
CONFUSIONS = 15


def rates(read: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """Return the metrics by name, of texts and the true ones."""
    return summary(total(map(error_rates, truth, read)))


def summary(found: ErrorRates) -> dict[str, float]:
    """Return the metrics by name of the counts of some texts."""
    return {"cer": found.character_rate, "wer": found.word_rate, "exact": found.exact_share}


class Errors:
    """The errors in texts that were read.

    Args:
        read: the texts.
        truth: the true ones.
        groups: the group of each, such as its script.
    """

    def __init__(self, read: Sequence[str], truth: Sequence[str], groups: Sequence[str]) -> None:
        lines = list(map(error_rates, truth, read))
        self.all = total(lines)
        named = by_group(lines, groups) if len(set(groups)) > 1 else {}
        self.groups = {name or "(none)": found for name, found in named.items()}

    def values(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        found = self.all
        return {
            **summary(found),
            "cer_clusters": found.cluster_rate,
            "cer_ignoring_case": found.folded_rate,
            "exact_ignoring_case": found.exact_folded_share,
            "characters": found.characters,
            "insertions": found.insertions,
            "deletions": found.deletions,
            "substitutions": found.substitutions,
            "groups": {name: {**summary(some), "lines": some.lines} for name, some in self.groups.items()},
            "confusions": [
                {"text": text, "read": read, "count": count} for text, read, count in found.most_confused(CONFUSIONS)
            ],
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return labels and texts of the figures of all texts."""
        found = self.all
        return [
            ("CER by grapheme cluster", f"{found.cluster_rate:.2%}"),
            ("CER ignoring case", f"{found.folded_rate:.2%}"),
            ("exact ignoring case", f"{found.exact_folded_share:.2%}"),
            (
                "errors",
                f"{found.errors:,} in {found.characters:,} characters: {found.insertions:,} insertions, "
                f"{found.deletions:,} deletions, {found.substitutions:,} substitutions",
            ),
        ]

    def parts(self) -> Iterator[Part]:
        """Yield the tables of groups and of confusions, and a word on rates above 100 %."""
        if self.groups:
            header = ("group", "texts", "CER", "WER", "exact")
            rows = [
                (name, f"{some.lines:,}", f"{some.character_rate:.2%}", f"{some.word_rate:.2%}",
                 f"{some.exact_share:.2%}")
                for name, some in self.groups.items()
            ]  # fmt: skip
            yield Table("groups", header, rows, right=header[1:])
        if confused := self.all.most_confused(CONFUSIONS):
            table = [(_named(text), _named(read), f"{count:,}") for text, read, count in confused]
            yield Table("confusions", ("text", "read", "count"), table, right=("count",))
        if max(self.all.character_rate, self.all.word_rate) > 1:
            yield Text(
                "a rate above 100 % means more insertions than the texts have characters or words: too much is read"
            )


def _named(character: str) -> str:
    """Return a character as it is shown in a table."""
    if not character:
        return "(nothing)"
    return "␣" if character == " " else character
