"""Cell search: which unit of a network knows what about the text it reads, beyond what an untrained network knows.

Every unit of every layer, in every gate and state, is scored against every hypothesis: a binary one by AUC, a numeric
one by R² of a line fitted to the unit, with the rank correlation beside it. The unit is chosen (and its sign, and the
line) on one part of the text and its score taken on another, so the score owes nothing to how many units were tried.
It is set against what the network need not have learned:

    twins      the best unit, found in the same way, of each of K untrained networks of the same shape;
               untrained networks do encode what they have just read
    shifted    the best unit of the network itself for the labels moved along the text by 1/(K+1), …, K/(K+1) of its
               length, in a circle: labels that are like the true ones and belong to other places
    symbol     a table of the label's mean for each current symbol

    excess   = score − the best of these
    (1)  p   = max over both of (1 + #{of the K that reach the score}) / (K + 1)          twins, shifted

For (1) the network's score, too, is taken on the sample of the text that the twins read, so that like is compared with
like. A network that is itself untrained reaches p ≤ 1/(K + 1) for a hypothesis with a probability of at most 1/(K + 1).
A cell is *found* where p ≤ 5 % and there is an excess. Of many hypotheses some pass by chance: one in twenty at most.
"""

from __future__ import annotations

from collections.abc import Callable
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
from .findings import Finding, Found, Scores, Unit
from .hypotheses import Labels
from .scores import Floats, Lookup, Plane, Tally, choose, report

# J hypotheses, K twins and shifts, U units, n positions

TWINS = 19  # with fewer nothing can reach `findings.LEVEL`: the smallest p is 1/(K + 1)
SCORED, SCORED_OF_SAMPLE = 1 << 26, 1 << 22  # positions times units of h that are scored at most, evenly spread
FEWEST = 10  # scored positions of each part of the sample at which a binary label must be true, and false
Progress = Callable[[int], None]


@checked
def search(
    reading: Inspection,
    labels: Labels,
    *,
    twins: Count | Floats = TWINS,
    top: Size = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Look for the units that know what the labels say.

    Args:
        reading: the network and the text.
        labels: of the text.
        twins: K, or what `untrained` gave for these labels.
        top: units named for each hypothesis.
        seed: of the twins' weights.
        progress: told how many steps have been computed, of `work`.

    Raises:
        DataError: the text is too short to have two parts.
        ArgumentError: the recurrent cell names no gates.
    """
    if not labels.names:
        raise DataError("no hypothesis can be tried on this text: each is the same everywhere in it; give more text")
    told = _Told(progress)
    nulls = untrained(reading, labels, twins, seed, told) if isinstance(twins, int) else twins
    K, J = nulls.shape
    own = measure(reading, labels, sample=True, shifts=K, progress=told)
    at = own.best().reshape(K + 1, J)
    full = own if reading.short else measure(reading, labels, progress=told)
    findings, left_out = [], dict(labels.left_out)
    for j, name in enumerate(labels.names):
        if not own.seen[j]:
            left_out[name] = "too rare in the sample that untrained twins read"
            continue
        score, shifted = at[0, j], at[1:, j]
        p = max(float(1 + (null >= score).sum()) / (K + 1) for null in (nulls[:, j], shifted))
        findings.append(
            Finding(
                name, bool(labels.binary[j]), float(labels.values[j].mean(dtype=np.float64)), full.ranked(j, top),
                nulls[:, j].tolist(), shifted.tolist(), float(full.symbol[j]), p,
            )
        )  # fmt: skip
    if not findings:
        raise DataError("no hypothesis can be tried on this text: what they ask is too rare in it; give more text")
    findings.sort(key=lambda one: (not one.found, -one.closed))
    return Found(findings, left_out, len(full.units), full.positions, reading.steps)


def work(reading: Inspection, twins: int = TWINS) -> int:
    """About how many steps a search computes."""
    sample = sum(one.positions.size for one in reading.passes(sample=True))
    return sample * (twins + 1) + (0 if reading.short else reading.steps)


@checked
def untrained(
    reading: Inspection, labels: Labels, count: Count = TWINS, seed: int = 0, progress: Progress | None = None
) -> Floats:
    """``(K, J)``: for each of ``count`` untrained twins and each hypothesis the score of the twin's best unit."""
    check_size("twins", count, least=TWINS)
    found = []
    device = next(reading.model.parameters()).device
    for number in range(count):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 1000 + number)
            twin = reading.twin().to(device).eval()
        found.append(measure(reading, labels, model=twin, sample=True, progress=progress).best())
    return np.stack(found)


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
        labels: of the text.
        model: a twin to score in the network's place.
        sample: read a sample of the text only.
        shifts: K: score also for the labels moved along in K steps; rows ``J k`` to ``J (k + 1)`` are those of step k.
        progress: told how many steps have been computed.
    """
    model = reading.model if model is None else model
    n = labels.values.shape[1]
    moved = [round(n * k / (shifts + 1)) for k in range(shifts + 1)]
    binary = np.tile(labels.binary, shifts + 1)
    centre = np.tile(labels.values[~labels.binary].mean(axis=1, dtype=np.float64), shifts + 1)
    tallies = [Tally(binary, centre) for _ in (CHOOSING, REPORTING)]
    lookup = Lookup(reading.symbols, binary[: len(labels.names)])
    stride = _stride(reading, sample)
    origin: dict[Plane, Tensor] = {}
    where: list[tuple[int, Tensor, Any]] = []  # of this pass: part, rows of the trace, labels

    def take(name: str, begin: int, trace: Trace) -> None:
        if not trace:
            raise ArgumentError("cell", "one that names its gates in step_traced", name)
        for gate, values in trace.items():
            flat = values.flatten(0, 1)
            for part, rows, chunk in where:
                z = flat[rows].t().contiguous().float().cpu()  # (H, n)
                if (name, gate) not in origin:
                    origin[name, gate] = z.mean(1)
                tallies[part].add((name, gate), chunk, z, origin[name, gate])

    with capture(reading.stack(model), take, chunk=1 << 40) as names:
        for one in reading.passes(model, sample=sample):
            where[:] = []
            for part, tally in enumerate(tallies):
                rows = _rows(one, part, stride)
                if len(rows):
                    places = one.positions.ravel()[rows]
                    values = np.concatenate([labels.values[:, (places + move) % n] for move in moved])
                    lookup.add(part, one.symbols.ravel()[rows], values[: len(labels.names)])
                    where.append((part, torch.from_numpy(rows), tally.labels(values)))
            one.run()
            if progress is not None:
                progress(one.positions.size)
    if not all(tally.positions > 1 for tally in tallies):
        raise DataError("the text is too short to choose units on one part of it and score them on another")
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
    """Every how manieth position is scored."""
    sample = sample or reading.short
    positions = min(reading.steps, reading.sample) if sample else reading.steps
    return max(1, -(-positions * reading.width // (SCORED_OF_SAMPLE if sample else SCORED)))


def _rows(one: Pass, part: int, stride: int) -> Any:
    """Which of the T·B positions of a pass are scored for a part: every so manieth step, another first one per lane."""
    T, B = one.part.shape
    due = (np.arange(T)[:, None] + np.arange(B)) % stride == 0
    return np.flatnonzero((one.part == part) & due)


class _Told:
    """Adds up steps for whoever follows."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, 0

    def __call__(self, steps: int) -> None:
        self.done += steps
        if self.progress is not None:
            self.progress(self.done)
