"""What a cell search finds: units, their scores, and for each hypothesis the best of them beside the baselines."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..results import Table, markup
from ..results.markup import Shown
from .scores import Floats

# J hypotheses, K twins and shifts, U units

LEVEL = 0.05
HEADER = ("", "hypothesis", "unit", "measure", "score", "ρ", "twins", "shifted", "symbol", "excess", "p")


@dataclass(frozen=True)
class Unit:
    """A number that a network computes at every step: one unit of a gate or state of a layer.

    Attributes:
        recurrence: the layer's and direction's name in the stack, ``layers.1.0``.
        gate: ``h``, ``c``, ``i``, …
        index: from 0.
    """

    recurrence: str
    gate: str
    index: int

    @property
    def name(self) -> str:
        """``layer 2 h[37]``; a layer's backward direction has an arrow."""
        layer, backward = self.place
        return f"layer {layer}{' ←' if backward else ''} {self.gate}[{self.index}]"

    @property
    def place(self) -> tuple[int, bool]:
        """The layer, from 1, and whether it is read backwards."""
        layer, direction = re.findall(r"\d+", self.recurrence)[-2:]
        return int(layer) + 1, direction == "1"


@dataclass(frozen=True)
class Scored:
    """A unit and its score for a hypothesis.

    Attributes:
        unit: which.
        sign: 1, or −1 where the unit is low when the label is high.
        score: AUC or R².
        rank: rank correlation; of a binary hypothesis AUC again.
    """

    unit: Unit
    sign: int
    score: float
    rank: float


@dataclass(frozen=True)
class Finding(Shown):
    """What the search found for one hypothesis.

    Attributes:
        hypothesis: its name.
        binary: else numeric.
        share: of positions for which it is true; the mean of a numeric one.
        best: the units with the highest scores on the choosing part, best first, scored on the other.
        twins: (K,) the best unit of each untrained twin.
        shifted: (K,) the best unit for labels moved along.
        symbol: what the current symbol alone gives.
        p: equation 1.
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
        return self.best[0].score

    @property
    def baseline(self) -> float:
        """The best that need not have been learned."""
        return max(*self.twins, *self.shifted, self.symbol)

    @property
    def excess(self) -> float:
        """The score above the baseline."""
        return self.score - self.baseline

    @property
    def closed(self) -> float:
        """The excess as a share of what was left above the baseline: it ranks AUCs and R²s in one list."""
        return self.excess / max(1 - self.baseline, 1e-6)

    @property
    def found(self) -> bool:
        """Whether the unit knows more than chance and an untrained network explain."""
        return self.p <= LEVEL and self.excess > 0

    @property
    def row(self) -> tuple[str, ...]:
        """A text for each column of `HEADER`; a star where a unit was found, a minus where it is low when true."""
        best = self.best[0]
        return (
            "★" if self.found else "",
            self.hypothesis,
            f"{best.unit.name}{' −' if best.sign < 0 else ''}",
            "AUC" if self.binary else "R²",
            f"{self.score:.3f}",
            "" if self.binary else f"{best.rank:+.3f}",
            *(f"{value:.3f}" for value in (max(self.twins), max(self.shifted), self.symbol)),
            f"{self.excess:+.3f}",
            f"{self.p:.2f}",
        )

    def plain(self) -> str:
        """As text."""
        return _table([self]).plain()

    def _repr_html_(self) -> str:
        return markup.part(_table([self]))

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        own = asdict(self)
        own["measure"] = "auc" if own.pop("binary") else "r2"
        for scored, one in zip(own["best"], self.best, strict=True):
            scored["unit"] |= {"name": one.unit.name}
        return own | {"excess": self.excess, "found": self.found}


@dataclass(frozen=True)
class Scores:
    """A network's scores on a text.

    Attributes:
        units: (U,) of all planes, in order.
        chosen: (J, U) what the choice goes by.
        sign: (J, U).
        score, rank: (J, U) on the other part.
        symbol: (J,) what the current symbol gives.
        positions: scored, of both parts.
        seen: (J,) whether the labels differ enough in both parts for a score to mean anything.
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
        """``(J,)``: for each hypothesis the score of the unit that was chosen."""
        return self.score[np.arange(len(self.score)), self.chosen.argmax(axis=1)]

    def ranked(self, j: int, most: int) -> list[Scored]:
        """The ``most`` units that hypothesis ``j`` chooses."""
        return [
            Scored(self.units[u], int(self.sign[j, u]) or 1, float(self.score[j, u]), float(self.rank[j, u]))
            for u in np.argsort(-self.chosen[j], kind="stable")[:most]
        ]


@dataclass(frozen=True)
class Found(Shown):
    """Everything a search gives: the findings, ranked, and what it was made on."""

    findings: list[Finding]
    left_out: dict[str, str]
    units: int
    positions: int
    steps: int

    @property
    def table(self) -> Table:
        """A row for each finding."""
        return _table(self.findings)

    def plain(self) -> str:
        """As text."""
        return f"{self.table.plain()}\n{self._summary}"

    def _repr_html_(self) -> str:
        return f"<div>{markup.part(self.table)}{markup.dim([self._summary])}</div>"

    @property
    def _summary(self) -> str:
        count = sum(finding.found for finding in self.findings)
        return (
            f"★ {count} of {len(self.findings)} hypotheses: p ≤ {LEVEL} and an excess; "
            f"{self.units:,} units, {self.positions:,} positions scored"
        )


def _table(findings: list[Finding]) -> Table:
    return Table("units", HEADER, [finding.row for finding in findings], right=HEADER[4:])
