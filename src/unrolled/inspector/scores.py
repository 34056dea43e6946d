"""Scores of units against labels, from sums accumulated while a text streams by; no trace is stored.

    r_t   = (rank of z_t among the n values of a chunk − (n + 1)/2) / n           equal values share their mean rank
    (1)   AUC = 1/2 + Σ_chunks n Σ_{t: y_t} r_t / Σ_chunks n₊ n₋                  binary labels y
    (2)   ρ   = Σ_chunks Σ_t q_t r_t / sqrt(Σ_chunks Σ_t q_t² · Σ_chunks Σ_t r_t²)      numeric labels y; q: r of y
    (3)   R²  = 1 − Σ (y − a z − b)² / Σ (y − ȳ)²                                 a, b: least squares on another part

(1) is Mann and Whitney's statistic (Hanley and McNeil 1982) over all pairs of a true and a false position *of the same
chunk*, (2) Spearman's correlation with ranks taken within each chunk. A chunk has thousands of positions from all over
the text, so both are close to the scores over the whole text: equal to them for a single chunk, otherwise up to the
sampling error of a chunk (measured by tests/inspector/test_scores.py). (3) needs only Σz, Σz², Σy, Σy² and Σzy and is
exact. All of them are matrix products over all units and hypotheses at once, which makes them fast.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

# n positions of a chunk, H units of a plane, U units of all planes, J rows of labels, M numeric rows among them

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.float32]
Plane = tuple[str, str]  # (the recurrence's name, the gate's)

FEW_TIES = 0.01  # a unit with a smaller share of ties (from rounding) is ranked without averaging: one rank off


def ranks(z: Numbers) -> Numbers:
    """Return ``r (H, n)``, the ranks of the values ``z (H, n)``; rows are split over as many threads as torch has."""
    r = np.empty_like(z)
    threads = min(torch.get_num_threads(), len(z))
    if threads <= 1:
        _rank(z, r)
        return r
    edges = np.linspace(0, len(z), threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda a, b: _rank(z[a:b], r[a:b]), edges, edges[1:]))
    return r


def _rank(z: Numbers, into: Numbers) -> None:
    n = z.shape[1]
    order = np.argsort(z, axis=1)
    places = (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) / np.float32(n)
    np.put_along_axis(into, order, places[None], axis=1)
    ordered = np.take_along_axis(z, order, axis=1)
    ties = np.count_nonzero(ordered[:, 1:] == ordered[:, :-1], axis=1)
    for row in np.flatnonzero(ties > FEW_TIES * n):
        is_new = np.append(True, ordered[row, 1:] != ordered[row, :-1])
        run = np.cumsum(is_new) - 1  # the index of the run of equal values
        begins = np.flatnonzero(is_new)
        ends = np.append(begins[1:], n) - 1
        into[row, order[row]] = ((places[begins] + places[ends]) / 2)[run]


@dataclass(frozen=True)
class Chunk:
    """The labels of one chunk's positions, prepared for comparison with the values of any plane.

    Attributes:
        rows: ``(J, n)``: for binary labels n·y, for numeric ones their ranks q.
        raw: ``(M, n)``: the numeric labels minus a constant.
        pairs: ``(J,)``: n₊ n₋, or Σ q².
    """

    rows: torch.Tensor
    raw: torch.Tensor
    pairs: Floats

    @classmethod
    def of(cls, values: Numbers, binary: npt.NDArray[np.bool_], centre: Floats) -> Chunk:
        """Prepare the labels ``values (J, n)``; ``centre (M,)``: a constant near the mean of each numeric row."""
        n = values.shape[1]
        rows = np.empty_like(values)
        rows[binary] = values[binary] * n
        pairs = np.empty(len(values))
        true = values[binary].sum(axis=1, dtype=np.float64)
        pairs[binary] = true * (n - true)
        if not binary.all():
            rows[~binary] = ranks(values[~binary])
            pairs[~binary] = np.square(rows[~binary], dtype=np.float64).sum(axis=1)
        raw = (values[~binary] - centre[:, None]).astype(np.float32)
        return cls(torch.from_numpy(rows), torch.from_numpy(raw), pairs)


@dataclass
class Sums:
    """The accumulated sums of one plane's units over one part of a text; every array is float64."""

    ranked: Floats  # (J, H): Σ rows · r
    spread: Floats  # (H,): Σ r²
    product: Floats  # (M, H): Σ y z
    first: Floats  # (H,): Σ z
    second: Floats  # (H,): Σ z²


class Tally:
    """The sums of one part of a text.

    Args:
        binary: ``(J,)``: which rows of labels are binary.
        centre: ``(M,)``: see `Chunk.of`.
    """

    def __init__(self, binary: npt.NDArray[np.bool_], centre: Floats) -> None:
        self.binary, self.centre = binary, centre
        M = int((~binary).sum())
        self.positions = 0
        self.pairs = np.zeros(len(binary))
        self.true = np.zeros(int(binary.sum()))
        self.y, self.yy = np.zeros(M), np.zeros(M)
        self.planes: dict[Plane, Sums] = {}

    def labels(self, values: Numbers) -> Chunk:
        """Add the labels ``(J, n)`` of the next chunk; pass its values plane by plane to `add` afterwards."""
        chunk = Chunk.of(values, self.binary, self.centre)
        raw = chunk.raw.double()
        self.positions += values.shape[1]
        self.pairs += chunk.pairs
        self.true += values[self.binary].sum(axis=1, dtype=np.float64)
        self.y += raw.sum(1).numpy()
        self.yy += raw.square().sum(1).numpy()
        return chunk

    def differing(self, fewest: int) -> npt.NDArray[np.bool_]:
        """Return ``(J,)``: whether binary labels were true and false at least ``fewest`` times, numeric ones varied."""
        varied = self.pairs > 0
        varied[self.binary] &= np.minimum(self.true, self.positions - self.true) >= fewest
        return varied

    def add(self, plane: Plane, chunk: Chunk, z: torch.Tensor, origin: torch.Tensor) -> None:
        """Add the values ``z (H, n)`` of a plane; ``origin (H,)``: a constant near their means, always the same."""
        sums = self.planes.get(plane)
        if sums is None:
            J, M, H = len(self.binary), len(self.centre), z.size(0)
            sums = Sums(np.zeros((J, H)), np.zeros(H), np.zeros((M, H)), np.zeros(H), np.zeros(H))
            self.planes[plane] = sums
        r = torch.from_numpy(ranks(z.numpy()))
        sums.ranked += (chunk.rows @ r.t()).numpy()
        sums.spread += torch.linalg.vecdot(r, r).numpy()
        z = z - origin[:, None]
        sums.product += (chunk.raw @ z.t()).numpy()
        sums.first += z.sum(1).numpy()
        sums.second += torch.linalg.vecdot(z, z).numpy()

    def concatenated(self, planes: list[Plane]) -> Sums:
        """Return the sums of all planes, concatenated along the units."""
        sums = [self.planes[plane] for plane in planes]
        fields = Sums.__dataclass_fields__
        return Sums(*(np.concatenate([getattr(plane, name) for plane in sums], axis=-1) for name in fields))


@dataclass(frozen=True)
class SelectionScores:
    """The scores and fits of every unit on the first part of a text, which units are selected on.

    Attributes:
        rank: ``(J, U)``: AUC − 1/2 of binary hypotheses, ρ of numeric ones.
        slope, intercept: ``(M, U)``: the least-squares fit of each numeric label (minus its centre) to each unit.
        merit: ``(J, U)``: the score used for selection, |AUC − 1/2| or R².
    """

    rank: Floats
    slope: Floats
    intercept: Floats
    merit: Floats


def choose(tally: Tally, planes: list[Plane]) -> SelectionScores:
    """Score all units on the part of the text that units are selected on."""
    sums, n, numeric = tally.concatenated(planes), max(1, tally.positions), ~tally.binary
    rank = _rank_scores(tally, sums)
    variance = np.maximum(sums.second / n - (sums.first / n) ** 2, 0.0)  # (U,)
    covariance = sums.product / n - np.outer(tally.y / n, sums.first / n)  # (M, U)
    constant = variance <= 1e-10  # a constant unit fits nothing
    slope = np.where(constant, 0.0, covariance / np.where(constant, 1.0, variance))
    intercept = tally.y[:, None] / n - slope * sums.first / n
    merit = np.abs(rank)
    label_variance = tally.yy / n - (tally.y / n) ** 2
    merit[numeric] = slope * covariance / np.maximum(label_variance, 1e-12)[:, None]
    return SelectionScores(rank, slope, intercept, merit)


@dataclass(frozen=True)
class ReportedScores:
    """The scores of every unit on the second part of a text: ``score (J, U)`` is AUC or R², ``rank (J, U)`` AUC or ρ.

    The sign of each unit comes from the first part: the AUC is of −z where the unit was low for true labels there.
    """

    score: Floats
    rank: Floats


def report(tally: Tally, planes: list[Plane], chosen: SelectionScores) -> ReportedScores:
    """Score all units on the part of the text that was not used for selection or fitting."""
    sums, n, binary = tally.concatenated(planes), max(1, tally.positions), tally.binary
    rank = _rank_scores(tally, sums)
    rank[binary] = 0.5 + np.sign(chosen.rank[binary]) * rank[binary]
    score = rank.copy()
    a, b = chosen.slope, chosen.intercept
    y, yy = tally.y[:, None], tally.yy[:, None]
    squares = yy - 2 * a * sums.product - 2 * b * y + a * a * sums.second + 2 * a * b * sums.first + n * b * b
    score[~binary] = 1 - squares / np.maximum(yy - y * y / n, 1e-12)
    return ReportedScores(score, rank)


def _rank_scores(tally: Tally, sums: Sums) -> Floats:
    """Return ``(J, U)``: AUC − 1/2 or ρ, equations 1 and 2; 0 without pairs to compare."""
    pairs, binary = tally.pairs[:, None], tally.binary
    rank = sums.ranked / np.maximum(pairs, 1e-12)
    rank[~binary] = sums.ranked[~binary] / np.sqrt(np.maximum(pairs[~binary] * sums.spread, 1e-12))
    rank[(pairs <= 0)[:, 0]] = 0.0
    return rank


class Lookup:
    """The baseline that sees only the current token: it predicts the mean label of each token.

    Args:
        symbols: V, the vocabulary size.
        binary: ``(J,)``: which rows of labels are binary.
    """

    def __init__(self, symbols: int, binary: npt.NDArray[np.bool_]) -> None:
        self.binary, self.symbols = binary, symbols
        self.count = np.zeros((2, symbols))
        self.sum, self.square = (np.zeros((2, len(binary), symbols)) for _ in range(2))

    def add(self, part: int, symbols: npt.NDArray[np.int64], values: Numbers) -> None:
        """Add tokens ``(n,)`` of a part (0: fit, 1: report) and their labels ``(J, n)``."""
        V = self.symbols
        self.count[part] += np.bincount(symbols, minlength=V)
        for j, row in enumerate(values):
            self.sum[part, j] += np.bincount(symbols, weights=row, minlength=V)
            self.square[part, j] += np.bincount(symbols, weights=np.square(row, dtype=np.float64), minlength=V)

    def scores(self) -> Floats:
        """Return ``(J,)``: AUC or R² on the second part."""
        scores = np.zeros(len(self.binary))
        for j, binary in enumerate(self.binary):
            seen = self.count[0] > 0
            overall = self.sum[0, j].sum() / max(1.0, self.count[0].sum())
            prediction = np.where(seen, self.sum[0, j] / np.maximum(self.count[0], 1), overall)  # (V,)
            n, s, ss = self.count[1], self.sum[1, j], self.square[1, j]
            scores[j] = _auc(prediction, s, n - s) if binary else _r2(prediction, n, s, ss)
        return scores


def _auc(prediction: Floats, true: Floats, false: Floats) -> float:
    """Return the AUC of a prediction per token, given the counts of true and false labels of each token."""
    levels, which = np.unique(prediction, return_inverse=True)
    t, f = (np.bincount(which, weights=counts, minlength=len(levels)) for counts in (true, false))
    pairs = t.sum() * f.sum()
    return float((t * (np.cumsum(f) - f / 2)).sum() / pairs) if pairs else 0.5


def _r2(prediction: Floats, n: Floats, s: Floats, ss: Floats) -> float:
    total = float(ss.sum() - s.sum() ** 2 / max(1.0, n.sum()))
    residual = float((ss - 2 * prediction * s + n * prediction * prediction).sum())
    return 1 - residual / total if total > 0 else 0.0
