"""Results of a unit search: units, their scores, and for each hypothesis the best units and the baselines."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..results import Table, markup
from ..results.markup import Shown
from .judgement import explains, figure, meaning, short_text
from .labels import BUILT_IN
from .scores import Floats

# J hypotheses, K twins and shifts, U units

LEVEL = 0.05
LISTED = 3  # hypotheses listed for a chosen unit
CHOSEN = ("", "unit", "hypothesis", "measure", "score", "baseline", "excess", "p")
HEADER = ("", "hypothesis", "unit", "measure", "score", "ρ", "twins", "shifted", "token", "excess", "p")


@dataclass(frozen=True)
class Unit:
    """One unit of a gate or state of a recurrent layer: a scalar that the network computes at every step.

    Attributes:
        recurrence: the name of the layer and direction in the stack, such as ``layers.1.0``.
        gate: ``h``, ``c``, ``i``, …
        index: the unit's number, from 0.
    """

    recurrence: str
    gate: str
    index: int

    @property
    def name(self) -> str:
        """The printed name, such as ``layer 2 h[37]``; an arrow marks the backward direction."""
        layer, backward = self.place
        return f"layer {layer}{' ←' if backward else ''} {self.gate}[{self.index}]"

    @property
    def place(self) -> tuple[int, bool]:
        """The layer's number, from 1, and whether this is its backward direction."""
        layer, direction = re.findall(r"\d+", self.recurrence)[-2:]
        return int(layer) + 1, direction == "1"


@dataclass(frozen=True)
class Scored:
    """A unit and its score for a hypothesis.

    Attributes:
        unit: the unit.
        sign: 1, or −1 if the unit is low where the label is high.
        score: AUC (binary hypothesis) or R² (numeric).
        rank: Spearman's ρ for a numeric hypothesis; the AUC again for a binary one.
    """

    unit: Unit
    sign: int
    score: float
    rank: float


@dataclass(frozen=True)
class Finding(Shown):
    """The result of the search for one hypothesis.

    Attributes:
        hypothesis: the hypothesis's name.
        binary: whether it is binary; otherwise numeric.
        share: the share of positions where it is true; for a numeric one, the mean label.
        best: the units with the highest scores on the selection part of the text, best first; the scores given are
            those on the other part.
        twins: (K,) the score of each untrained twin's best unit.
        shifted: (K,) the best unit's score for each shift of the labels.
        symbol: the score of a lookup table by the current token.
        p: the p-value, equation 1 of `unit_search`.
    """

    hypothesis: str
    binary: bool
    share: float
    best: list[Scored]
    twins: list[float]
    shifted: list[float]
    symbol: float
    p: float

    @property
    def score(self) -> float:
        """The best unit's score."""
        return self.best[0].score

    @property
    def baseline(self) -> float:
        """The highest score that needs no training: of the twins, the shifted labels and the current token."""
        return max(*self.twins, *self.shifted, self.symbol)

    @property
    def excess(self) -> float:
        """The score above the baseline."""
        return self.score - self.baseline

    @property
    def closed(self) -> float:
        """The excess as a share of 1 − baseline, which makes AUC and R² comparable for ranking."""
        return self.excess / max(1 - self.baseline, 1e-6)

    @property
    def found(self) -> bool:
        """Whether the best unit scores significantly higher than the baselines: p ≤ `LEVEL` and a positive excess."""
        return self.p <= LEVEL and self.excess > 0

    @property
    def explains(self) -> bool:
        """Whether the row is worth showing: found, or better than guessing; see `explains`."""
        return self.found or explains(self.score, self.binary)

    @property
    def why(self) -> str:
        """Why the finding has a ★, or why it has none, in one sentence."""
        if self.found:
            return "no untrained network, no shift of the labels and no table of tokens reaches this score"
        if self.p > LEVEL:
            K = len(self.twins)
            return f"untrained networks or shifted labels often reach this score: p {self.p:.2f} with {K} of each"
        best = max(
            (self.symbol, "the current token alone"),
            (max(self.twins), "an untrained network"),
            (max(self.shifted), "the network with shifted labels"),
        )
        return f"{best[1]} does as well ({best[0]:.2f}), so the low p is no evidence of learning"

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of the finding's row, for the columns of `HEADER`; ★: found, −: the unit is low where true."""
        best = self.best[0]
        return (
            "★" if self.found else "",
            self.hypothesis,
            f"{best.unit.name}{' −' if best.sign < 0 else ''}",
            "AUC" if self.binary else "R²",
            f"{self.score:z.3f}",
            "" if self.binary else f"{best.rank:+z.3f}",
            *(f"{value:z.3f}" for value in (max(self.twins), max(self.shifted), self.symbol)),
            f"{self.excess:+z.3f}",
            f"{self.p:.2f}",
        )

    def plain(self) -> str:
        """Return the table as text."""
        return table_of([self]).plain()

    def _repr_html_(self) -> str:
        return markup.part(table_of([self]))

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain data for JSON."""
        fields = asdict(self)
        fields["measure"] = "auc" if fields.pop("binary") else "r2"
        for entry, scored in zip(fields["best"], self.best, strict=True):
            entry["unit"] |= {"name": scored.unit.name}
        return fields | {
            "excess": self.excess, "found": self.found, "explains": self.explains, "why": self.why,
        }  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """The scores of all units of a network on a text.

    Attributes:
        units: (U,) the units of all planes (layer, direction and gate), in order.
        chosen: (J, U) the score on the selection part of the text, used to choose units.
        sign: (J, U) the sign of each unit, see `Scored`.
        score, rank: (J, U) the scores on the other part.
        symbol: (J,) the score of a lookup table by the current token.
        positions: the number of scored positions, both parts together.
        seen: (J,) whether the labels vary enough in both parts for a meaningful score.
    """

    units: list[Unit]
    chosen: Floats
    sign: Floats
    score: Floats
    rank: Floats
    symbol: Floats
    positions: int
    seen: npt.NDArray[np.bool_]

    def best(self) -> Floats:
        """Return ``(J,)``: for each hypothesis the score of the chosen unit."""
        best: Floats = self.score[np.arange(len(self.score)), self.chosen.argmax(axis=1)]
        return best

    def ranked(self, j: int, most: int) -> list[Scored]:
        """Return the ``most`` best units for hypothesis ``j``, ranked on the selection part."""
        return [self.scored(j, int(u)) for u in np.argsort(-self.chosen[j], kind="stable")[:most]]

    def scored(self, j: int, u: int) -> Scored:
        """Return unit number ``u`` with its score for hypothesis ``j``."""
        return Scored(self.units[u], int(self.sign[j, u]) or 1, float(self.score[j, u]), float(self.rank[j, u]))


@dataclass(frozen=True)
class Encoded:
    """What a chosen unit encodes: its score for one hypothesis, beside the controls of the best unit.

    Attributes:
        hypothesis: the hypothesis's name.
        binary: whether it is binary; otherwise numeric.
        scored: the unit and its score.
        baseline: the highest score that needs no training, see `Finding.baseline`.
        p: the p-value of this unit's score, equation 1 of `unit_search`; strict, as the controls are best units.
    """

    hypothesis: str
    binary: bool
    scored: Scored
    baseline: float
    p: float

    @property
    def excess(self) -> float:
        """The score above the baseline."""
        return self.scored.score - self.baseline

    @property
    def closed(self) -> float:
        """The excess as a share of 1 − baseline, see `Finding.closed`."""
        return self.excess / max(1 - self.baseline, 1e-6)

    @property
    def found(self) -> bool:
        """Whether the unit scores significantly higher than the baselines, see `Finding.found`."""
        return self.p <= LEVEL and self.excess > 0

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of the row, for the columns of `CHOSEN`."""
        low = " −" if self.binary and self.scored.sign < 0 else ""
        measure = "AUC" if self.binary else "R²"
        numbers = (f"{self.scored.score:.3f}", f"{self.baseline:.3f}", f"{self.excess:+.3f}")
        star = "★" if self.found else ""
        return star, f"{self.scored.unit.name}{low}", self.hypothesis, measure, *numbers, f"{self.p:.2f}"

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain data for JSON."""
        scored = asdict(self.scored)
        scored["unit"] |= {"name": self.scored.unit.name}
        return {
            "hypothesis": self.hypothesis, "measure": "auc" if self.binary else "r2", **scored,
            "baseline": self.baseline, "excess": self.excess, "p": self.p, "found": self.found,
        }  # fmt: skip

    @property
    def meaning(self) -> str:
        """What the colours mean: where the unit is red, with a ★; without a finding, the nearest hypothesis."""
        if self.found:
            return f"★ {meaning(self.hypothesis, self.binary, self.scored.sign, self.scored.score)}"
        if not explains(self.scored.score, self.binary):
            return "no finding: no hypothesis is better than guessing"
        return f"no finding: no hypothesis exceeds its baselines; nearest: “{self.hypothesis}” ({self.numbers})"

    @property
    def numbers(self) -> str:
        """The score and its baseline, in words."""
        why = "★" if self.found else f"p {self.p:.2f}" if self.excess > 0 else "not above it"
        measure = "AUC" if self.binary else "R²"
        return f"{measure} {figure(self.scored.score)}, best baseline {figure(self.baseline)}, {why}"


@dataclass(frozen=True)
class Found(Shown):
    """The result of a search.

    Attributes:
        findings: one for each tested hypothesis, ranked.
        left_out: the hypotheses that could not be tested, name → reason.
        units: the number of units.
        positions: the number of scored positions.
        steps: the number of tokens read.
        chosen: for each chosen unit the hypotheses: findings first, then by the excess as a share of 1 − baseline.
    """

    findings: list[Finding]
    left_out: dict[str, str]
    units: int
    positions: int
    steps: int
    chosen: list[list[Encoded]] = field(default_factory=list)

    @property
    def table(self) -> Table:
        """The findings as a table, a row each."""
        return table_of(self.findings)

    @property
    def table_of_chosen(self) -> Table:
        """What the chosen units encode: for each the best `LISTED` hypotheses that it explains, and all custom ones."""
        rows = []
        for encoded in self.chosen:
            shown = [entry for entry in encoded if explains(entry.scored.score, entry.binary)][:LISTED]
            rows += [entry.row for entry in encoded if entry in shown or entry.hypothesis not in BUILT_IN]
        return Table("chosen units", CHOSEN, rows, right=CHOSEN[4:])

    @property
    def verdicts(self) -> list[str]:
        """What each chosen unit encodes, in a sentence each; see `Encoded.meaning`."""
        return [f"{entry.scored.unit.name}: {entry.meaning}" for entry in map(nearest, self.chosen)]

    @property
    def warning(self) -> str:
        """Why the scores mean little; an empty string if the text is long enough."""
        return short_text(self.positions)

    def plain(self) -> str:
        """Return the table as text."""
        return f"{self.table.plain()}\n{self._summary}"

    def _repr_html_(self) -> str:
        return f"<div>{markup.part(self.table)}{markup.dim([self._summary])}</div>"

    @property
    def _summary(self) -> str:
        count = sum(finding.found for finding in self.findings)
        warning = f"; {self.warning}" if self.warning else ""
        return (
            f"★ {count} of {len(self.findings)} hypotheses: p ≤ {LEVEL} and a positive excess; "
            f"{self.units:,} units, {self.positions:,} positions scored{warning}"
        )


def nearest(encoded: list[Encoded]) -> Encoded:
    """Return the hypothesis to name for a unit: the first that it explains, findings first, or the first."""
    return next((entry for entry in encoded if explains(entry.scored.score, entry.binary)), encoded[0])


def table_of(findings: list[Finding]) -> Table:
    """Return findings as a table, a row each."""
    return Table("units", HEADER, [finding.row for finding in findings], right=HEADER[4:])
