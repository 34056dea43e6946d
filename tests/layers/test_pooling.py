"""One vector a sequence: against loops over single sequences."""

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.layers.pooling import RUNNING, Pooling

T, B, O = 7, 4, 6
LENGTHS = torch.tensor([7, 1, 4, 3])


def outputs():
    torch.manual_seed(0)
    y = torch.randn(T, B, O, dtype=torch.float64)
    return y * (torch.arange(T)[:, None] < LENGTHS)[..., None]


@pytest.mark.parametrize("kind", ["last", "mean", "max", "attention", "concat"])
@pytest.mark.parametrize("directions", [1, 2])
def test_against_each_sequence_alone(kind, directions):
    y, pool = outputs(), Pooling(kind, O, directions).double()
    found = pool(y, LENGTHS)
    for b, length in enumerate(LENGTHS.tolist()):
        one = y[:length, b]  # (L, O)
        if kind == "last":
            expected = one[-1] if directions == 1 else torch.cat([one[-1, : O // 2], one[0, O // 2 :]])
        elif kind == "mean":
            expected = one.mean(0)
        elif kind == "max":
            expected = one.amax(0)
        elif kind == "concat":
            end = one[-1] if directions == 1 else torch.cat([one[-1, : O // 2], one[0, O // 2 :]])
            expected = torch.cat([end, one.amax(0), one.mean(0)])
        else:
            hidden, context = pool.score[0], pool.score[2].weight[0]
            e = torch.tanh(one @ hidden.weight.T + hidden.bias) @ context
            a = e.exp() / e.exp().sum()
            expected = a @ one
        torch.testing.assert_close(found[b], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["last", "mean", "max", "attention", "concat"])
def test_padding_counts_for_nothing(kind):
    y, pool = outputs(), Pooling(kind, O, 2).double()
    found = pool(y, LENGTHS)
    rubbish = torch.where((torch.arange(T)[:, None] < LENGTHS)[..., None], y, torch.full_like(y, 1e3))
    torch.testing.assert_close(pool(rubbish, LENGTHS), found)


def test_an_unknown_kind():
    with pytest.raises(ArgumentError, match="one of last, mean, max, attention"):
        Pooling("median", O)


@pytest.mark.parametrize("kind", RUNNING)
def test_step_by_step_it_is_the_vector_of_the_steps_so_far(kind):
    y, pool = outputs(), Pooling(kind, O)
    pooled = pool.before(B, y)
    for t in range(T):
        pooled = pool.step(y[t], pooled)
        whole = pool(y[: t + 1], torch.full((B,), t + 1))
        torch.testing.assert_close(pool.so_far(pooled), whole, rtol=1e-12, atol=1e-12)
    assert pooled.steps.tolist() == [T] * B
