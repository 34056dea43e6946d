"""Scores from sums are what they say: equal to the textbook's for one chunk, near for many, with the error measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.inspector.scores import Lookup, Tally, choose, ranks, report

PLANE = ("layers.0.0", "h")


def auc(y, z):
    """By counting pairs."""
    true, false = z[y > 0][:, None], z[y == 0][None]
    return float((true > false).mean() + (true == false).mean() / 2)


def mean_ranks(z):
    return np.array([(z < one).sum() + ((z == one).sum() + 1) / 2 for one in z])


def spearman(y, z):
    return float(np.corrcoef(mean_ranks(y), mean_ranks(z))[0, 1])


def fitted_r2(y, z, y2, z2):
    """Of a line fitted to (z, y), on (z2, y2)."""
    a, b = np.polyfit(z, y, 1)
    return float(1 - ((y2 - a * z2 - b) ** 2).sum() / ((y2 - y2.mean()) ** 2).sum())


def example(n, seed=0):
    """Labels (3, n), one binary and two numeric, and four units that know them more or less; two of them tie often."""
    draw = np.random.default_rng(seed)
    y = np.stack([draw.random(n) < 0.2, np.cumsum(draw.normal(size=n)), draw.integers(0, 5, n)]).astype(np.float32)
    z = np.stack([
        y[0] + draw.normal(size=n), -0.1 * y[1] + draw.normal(size=n) + 40, np.maximum(draw.normal(size=n), 0),
        np.round(y[2] + draw.normal(size=n)),
    ])  # fmt: skip
    return y, z.astype(np.float32)


def tallied(y, z, chunks=1):
    tally = Tally(np.array([True, False, False]), np.array([3.0, 2.0]))
    origin = torch.tensor([0.0, 40.0, 0.5, 2.0])
    order = np.arange(y.shape[1]).reshape(-1, chunks).T  # each chunk has positions from all over
    for rows in order:
        tally.add(PLANE, tally.labels(y[:, rows]), torch.from_numpy(z[:, rows].copy()), origin)
    return tally


def test_ranks_share_ties():
    z = np.array([[3, 1, 2, 1, 1], [0, 0, 0, 0, 0]], dtype=np.float32)
    expected = np.stack([mean_ranks(row) for row in z])
    np.testing.assert_allclose(ranks(z), (expected - 3) / 5, atol=1e-7)


def test_one_chunk_gives_the_exact_scores():
    y, z = example(1500)
    y2, z2 = example(1200, seed=1)
    chosen = choose(tallied(y, z), [PLANE])
    found = report(tallied(y2, z2), [PLANE], chosen)
    for u in range(4):
        assert chosen.rank[0, u] + 0.5 == pytest.approx(auc(y[0], z[u]), abs=1e-5)
        assert found.score[0, u] == pytest.approx(
            auc(y2[0], z2[u]) if auc(y[0], z[u]) > 0.5 else 1 - auc(y2[0], z2[u]), abs=1e-5
        )
        for j in (1, 2):
            assert chosen.rank[j, u] == pytest.approx(spearman(y[j], z[u]), abs=1e-4)
            assert found.rank[j, u] == pytest.approx(spearman(y2[j], z2[u]), abs=1e-4)
            assert chosen.merit[j, u] == pytest.approx(np.corrcoef(y[j], z[u])[0, 1] ** 2, abs=1e-4)
            assert found.score[j, u] == pytest.approx(fitted_r2(y[j], z[u], y2[j], z2[u]), abs=1e-4)


def test_many_chunks_stay_near():
    """Ranks within chunks of 1000 positions cost less than 0.003 of AUC and 0.01 of ρ; R² costs nothing."""
    y, z = example(8000)
    whole, parts = tallied(y, z), tallied(y, z, chunks=8)
    a, b = choose(whole, [PLANE]), choose(parts, [PLANE])
    assert np.abs(a.rank[0] - b.rank[0]).max() < 0.003
    assert np.abs(a.rank[1:] - b.rank[1:]).max() < 0.01
    np.testing.assert_allclose(a.merit[1:], b.merit[1:], atol=1e-4)


def test_a_unit_that_does_not_move_scores_nothing():
    y, z = example(500)
    z[0] = 1.0
    chosen = choose(tallied(y, z), [PLANE])
    found = report(tallied(y, z), [PLANE], chosen)
    assert chosen.merit[:, 0] == pytest.approx([0, 0, 0], abs=1e-6)
    assert found.score[0, 0] == 0.5
    assert found.score[1:, 0] == pytest.approx([0, 0], abs=1e-5)


def test_the_lookup_of_the_symbol():
    y, _ = example(3000)
    draw = np.random.default_rng(2)
    symbols = np.where(draw.random(3000) < 0.7, y[2].astype(int), draw.integers(0, 6, 3000))
    lookup = Lookup(7, np.array([True, False, False]))
    lookup.add(0, symbols[:1500], y[:, :1500])
    lookup.add(1, symbols[1500:], y[:, 1500:])
    table = [[y[j, :1500][symbols[:1500] == s].mean() for s in range(6)] for j in range(3)]
    guess = np.array([[row[s] for s in symbols[1500:]] for row in table])
    found = lookup.scores()
    assert found[0] == pytest.approx(auc(y[0, 1500:], guess[0]), abs=1e-6)
    for j in (1, 2):
        held = y[j, 1500:].astype(np.float64)
        assert found[j] == pytest.approx(
            1 - ((held - guess[j]) ** 2).sum() / ((held - held.mean()) ** 2).sum(), abs=1e-5
        )
