"""The rows of `replies.Hypotheses`: a hypothesis with its best units, compared or still a candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..findings import Encoded, Finding, Found, Scored, Scores, Unit
from ..hypotheses import Labels
from ..judgement import explains, figure, meaning
from ..unit_search import p_value

TOP = 20  # units listed for each hypothesis


def finite(value: Any) -> float | None:
    """Return the value rounded for JSON; `None` for nan and infinity."""
    return round(float(value), 6) if math.isfinite(value) else None


def candidates(labels: Labels, scores: Scores, left_out: dict[str, str]) -> list[dict[str, Any]]:
    """Return the results without twins, ranked by the best unit's excess over the current token's score."""
    rows = []
    for j, name in enumerate(labels.names):
        if not scores.seen[j]:
            left_out[name] = "too rare in the scored sample"
            continue
        best = scores.ranked(j, TOP)
        symbol = float(scores.symbol[j])
        excess = (best[0].score - symbol) / max(1 - symbol, 1e-6)
        share = float(labels.values[j].mean(dtype=np.float64))
        rank = -excess if math.isfinite(excess) else math.inf
        rows.append((rank, row(name, Candidate(bool(labels.binary[j]), share, best))))
    rows.sort(key=lambda entry: entry[0])
    return [entry for _, entry in rows]


@dataclass(frozen=True)
class Candidate:
    """A hypothesis that has been scored, but not compared: the fields of a `Finding` that are known."""

    binary: bool
    share: float
    best: list[Scored]
    baseline: float | None = None
    excess: float | None = None
    p: float | None = None
    found: bool | None = None
    why: str = "a candidate: not compared with untrained networks yet"

    @property
    def explains(self) -> bool:
        """See `findings.explains`."""
        return explains(self.best[0].score, self.binary)


def row(name: str, finding: Finding | Candidate) -> dict[str, Any]:
    """Return a hypothesis as a row of `replies.Hypotheses`."""
    units = [
        {
            "recurrence": scored.unit.recurrence, "gate": scored.unit.gate, "index": scored.unit.index,
            "name": scored.unit.name, "sign": scored.sign, "score": finite(scored.score), "rank": finite(scored.rank),
        }
        for scored in finding.best
    ]  # fmt: skip
    numbers = {"share": finding.share, "baseline": finding.baseline, "excess": finding.excess, "p": finding.p}
    return {
        "name": name, "binary": finding.binary, "measure": "auc" if finding.binary else "r2", "best": units,
        **{key: None if value is None else finite(value) for key, value in numbers.items()},
        "found": finding.found, "explains": finding.explains, "why": finding.why,
    }  # fmt: skip


def of_unit(unit: Unit, labels: Labels, scores: Scores, found: Found | None) -> list[dict[str, Any]]:
    """Return what one unit encodes, as `replies.OfUnit` has it: a row for each hypothesis, compared or a candidate."""
    u, rows = scores.units.index(unit), list[dict[str, Any]]()
    findings = {finding.hypothesis: finding for finding in found.findings} if found else {}
    for j, name in enumerate(labels.names):
        if not scores.seen[j]:
            continue
        binary, scored = bool(labels.binary[j]), scores.scored(j, u)
        if finding := findings.get(name):
            p = p_value(scored.score, finding.twins, finding.shifted)
            scored = next((best for best in finding.best if best.unit == unit), scored)  # the score in the table
            entry = Encoded(name, binary, scored, finding.baseline, p)
            text, numbers, closed, star = entry.meaning, entry.numbers, entry.closed, entry.found
        else:
            text = numbers = f"{'AUC' if binary else 'R²'} {figure(scored.score)} for “{name}”: no better than guessing"
            if explains(scored.score, binary):
                text = f"{meaning(name, binary, scored.sign, scored.score)}, a candidate: not compared yet"
                numbers = text
            closed, star = (scored.score - float(scores.symbol[j])) / max(1 - float(scores.symbol[j]), 1e-6), False
        rows.append({
            "name": name, "meaning": text, "numbers": numbers, "explains": explains(scored.score, binary),
            "found": star, "closed": finite(closed),
        })  # fmt: skip
    return rows
