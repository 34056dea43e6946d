"""Unit search: find units of a network that encode a property of the text better than an untrained network does.

Every unit of every layer, in every gate and state, is scored against every hypothesis: binary hypotheses by AUC,
numeric ones by R² of a linear fit on the unit, with the rank correlation in addition. The unit, its sign and the linear
fit are selected on one part of the text and scored on another, so that the number of units does not inflate the score.
The score is compared with baselines that require no training:

    twins      the best unit of each of K untrained networks of the same shape, selected in the same way;
               untrained networks do encode their most recent inputs
    shifted    the best unit of the network itself for the labels rotated along the text by 1/(K+1), …, K/(K+1) of its
               length: labels with the same statistics at the wrong positions
    token      a lookup table: the mean label of each current token

    excess   = score − the highest of these
    (1)  p   = max over both of (1 + #{of the K with at least this score}) / (K + 1)          twins, shifted

For (1) the network is scored on the same sample of the text as the twins. An untrained network reaches
p ≤ 1/(K + 1) for a hypothesis with a probability of at most 1/(K + 1). A unit is *found* if p ≤ 5 % and the excess is
positive. There is no correction for multiple hypotheses: at most one in twenty passes by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..analysis import capture
from ..analysis.inspection import Inspection
from ..analysis.passes import CHOOSING, REPORTING, Pass
from ..cells import Trace, check_size
from ..checks import Count, Size, checked
from ..errors import ArgumentError, DataError
from .findings import Encoded, Finding, Found, Scores, Unit
from .hypotheses import Labels
from .scores import Floats, Lookup, Plane, Tally, choose, report

# J hypotheses, K twins and shifts, U units, n positions

TWINS = 19  # the fewest that can reach `findings.LEVEL`: the smallest p is 1/(K + 1)
SCORED, SCORED_OF_SAMPLE = 1 << 26, 1 << 22  # the most positions × units of h to score, evenly spread
FEWEST = 10  # a binary label must be true, and false, at so many scored positions of each part of the sample
Progress = Callable[[int], None]


@checked
def search(
    reading: Inspection,
    labels: Labels,
    *,
    twins: Count | Floats = TWINS,
    top: Size = 5,
    seed: int = 0,
    units: Sequence[Unit] = (),
    progress: Progress | None = None,
) -> Found:
    """Find the units that predict the labels best, and compare them with the baselines.

    Args:
        reading: the network and the text.
        labels: the labels of the text, from `label`.
        twins: K, or the result of `untrained` for these labels.
        top: the number of units listed for each hypothesis.
        seed: the random seed of the twins' weights.
        units: chosen units, whose scores for all hypotheses are reported too.
        progress: called with the total number of steps computed so far, out of `work`.

    Raises:
        DataError: the text is too short for two parts, or no hypothesis can be tested on it.
        ArgumentError: the recurrent cell does not name its gates.
    """
    if not labels.names:
        raise DataError("no hypothesis can be tested on this text: each is constant over it; give more text")
    counter = _StepCounter(progress)
    nulls = untrained(reading, labels, twins, seed, counter) if isinstance(twins, int) else twins
    K, J = nulls.shape
    sampled = measure(reading, labels, sample=True, shifts=K, progress=counter)
    best = sampled.best().reshape(K + 1, J)
    full = sampled if reading.short else measure(reading, labels, progress=counter)
    findings, left_out = [], dict(labels.left_out)
    for j, name in enumerate(labels.names):
        if not sampled.seen[j]:
            left_out[name] = "too rare in the sample for the untrained twins"
            continue
        score, shifted = best[0, j], best[1:, j]
        p = p_value(score, nulls[:, j], shifted)
        findings.append(
            Finding(
                name, bool(labels.binary[j]), float(labels.values[j].mean(dtype=np.float64)), full.ranked(j, top),
                nulls[:, j].tolist(), shifted.tolist(), float(full.symbol[j]), p,
            )
        )  # fmt: skip
    if not findings:
        raise DataError("no hypothesis can be tested on this text: each is too rare in it; give more text")
    findings.sort(key=lambda finding: (not finding.found, -finding.closed))
    chosen = [_encoded(unit, full, sampled, labels, findings) for unit in units]
    return Found(findings, left_out, len(full.units), full.positions, reading.steps, chosen)


def p_value(score: float, twins: Sequence[float] | Floats, shifted: Sequence[float] | Floats) -> float:
    """Return p of a score on the sample, equation 1."""
    return max(float(1 + np.count_nonzero(np.asarray(null) >= score)) / (len(null) + 1) for null in (twins, shifted))


def _encoded(unit: Unit, full: Scores, sampled: Scores, labels: Labels, findings: list[Finding]) -> list[Encoded]:
    """Return the scores of one unit for all tested hypotheses: findings first, then the best."""
    u, encoded = full.units.index(unit), list[Encoded]()
    for finding in findings:
        j = labels.names.index(finding.hypothesis)
        p = p_value(float(sampled.score[j, u]), finding.twins, finding.shifted)
        encoded.append(Encoded(finding.hypothesis, finding.binary, full.scored(j, u), finding.baseline, p))
    return sorted(encoded, key=lambda entry: (not entry.found, -entry.closed))


def work(reading: Inspection, twins: int = TWINS) -> int:
    """Return about how many steps a search computes."""
    sample = sum(batch.positions.size for batch in reading.passes(sample=True))
    return sample * (twins + 1) + (0 if reading.short else reading.steps)


@checked
def untrained(
    reading: Inspection, labels: Labels, count: Count = TWINS, seed: int = 0, progress: Progress | None = None
) -> Floats:
    """Return ``(K, J)``: the score of the best unit of each of ``count`` untrained twins for each hypothesis."""
    check_size("twins", count, least=TWINS)
    scores = []
    device = next(reading.model.parameters()).device
    for number in range(count):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 1000 + number)
            twin = reading.twin().to(device).eval()
        scores.append(measure(reading, labels, model=twin, sample=True, progress=progress).best())
    return np.stack(scores)


@torch.no_grad()
def measure(
    reading: Inspection,
    labels: Labels,
    *,
    model: nn.Module | None = None,
    sample: bool = False,
    shifts: int = 0,
    progress: Progress | None = None,
) -> Scores:
    """Score every unit of a network in one pass over a text.

    Args:
        reading: the network and the text.
        labels: the labels of the text.
        model: a twin to score instead of the network.
        sample: read only a sample of the text.
        shifts: K: score the labels rotated by K shifts, too; rows ``J k`` to ``J (k + 1)`` are those of shift k.
        progress: called after each pass with its number of steps.
    """
    model = reading.model if model is None else model
    n = labels.values.shape[1]
    offsets = [round(n * k / (shifts + 1)) for k in range(shifts + 1)]
    binary = np.tile(labels.binary, shifts + 1)
    centre = np.tile(labels.values[~labels.binary].mean(axis=1, dtype=np.float64), shifts + 1)
    tallies = [Tally(binary, centre) for _ in (CHOOSING, REPORTING)]
    lookup = Lookup(reading.symbols, binary[: len(labels.names)])
    stride = _stride(reading, sample)
    origin: dict[Plane, Tensor] = {}
    scored: list[tuple[int, Tensor, Any]] = []  # of the current pass: part, rows of the trace, labels

    def take(name: str, begin: int, trace: Trace) -> None:
        if not trace:
            raise ArgumentError("cell", "a cell that names its gates in step_traced", name)
        for gate, values in trace.items():
            flat = values.flatten(0, 1)
            for part, rows, chunk in scored:
                z = flat[rows].t().contiguous().float().cpu()  # (H, n)
                if (name, gate) not in origin:
                    origin[name, gate] = z.mean(1)
                tallies[part].add((name, gate), chunk, z, origin[name, gate])

    with capture(reading.stack(model), take, chunk=1 << 40) as names:
        for batch in reading.passes(model, sample=sample):
            scored[:] = []
            for part, tally in enumerate(tallies):
                rows = _rows(batch, part, stride)
                if len(rows):
                    places = batch.positions.ravel()[rows]
                    values = np.concatenate([labels.values[:, (places + offset) % n] for offset in offsets])
                    lookup.add(part, batch.symbols.ravel()[rows], values[: len(labels.names)])
                    scored.append((part, torch.from_numpy(rows), tally.labels(values)))
            batch.run()
            if progress is not None:
                progress(batch.positions.size)
    if not all(tally.positions > 1 for tally in tallies):
        raise DataError("the text is too short to select units on one part and score them on another; give more text")
    planes = [plane for name in names for plane in origin if plane[0] == name]
    chosen = choose(tallies[CHOOSING], planes)
    reported = report(tallies[REPORTING], planes, chosen)
    units = [Unit(name, gate, u) for name, gate in planes for u in range(len(origin[name, gate]))]
    sign = np.sign(chosen.rank)
    return Scores(
        units, chosen.merit, sign, reported.score, reported.rank, lookup.scores(),
        sum(tally.positions for tally in tallies), np.all([tally.differing(FEWEST) for tally in tallies], axis=0),
    )  # fmt: skip


def _stride(reading: Inspection, sample: bool) -> int:
    """Return s, where every s-th position is scored."""
    sample = sample or reading.short
    positions = min(reading.steps, reading.sample) if sample else reading.steps
    return max(1, -(-positions * reading.width // (SCORED_OF_SAMPLE if sample else SCORED)))


def _rows(batch: Pass, part: int, stride: int) -> Any:
    """Return which of the T·B positions of a pass to score for a part: every ``stride``-th step, offset by the lane."""
    T, B = batch.part.shape
    due = (np.arange(T)[:, None] + np.arange(B)) % stride == 0
    return np.flatnonzero((batch.part == part) & due)


class _StepCounter:
    """Adds up the steps of all passes and reports the total."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, 0

    def __call__(self, steps: int) -> None:
        self.done += steps
        if self.progress is not None:
            self.progress(self.done)
