"""What is compared computes the same thing."""

import pytest
import torch

from unrolled import nn as ours
from unrolled.kernels import extension
from unrolled.lab.bench import GROUPS, all_cases, peers
from unrolled.lab.bench.cases import products

needs_kernels = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))


def needs(peer):
    return pytest.mark.skipif(not peers.installed(peer), reason=f"{peer} is not installed")


def layer_and_inputs(cell):
    torch.manual_seed(0)
    return peers.TORCH[cell](6, 6), torch.randn(5, 3, 6)


@pytest.mark.parametrize("cell", peers.TORCH)
@needs("onnxruntime")
def test_onnxruntime_computes_what_torch_does(cell):
    layer, x = layer_and_inputs(cell)
    (got,) = peers.onnxruntime_inference(cell, layer, x)()
    torch.testing.assert_close(torch.from_numpy(got)[:, 0], layer(x)[0].detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", peers.TORCH)
@needs("jax")
def test_jax_computes_what_torch_does(cell):
    layer, x = layer_and_inputs(cell)
    got = torch.tensor(peers.jax_step(cell, layer, x, train=False)().tolist())
    torch.testing.assert_close(got, layer(x)[0].detach(), rtol=1e-5, atol=1e-5)
    (by_ih, by_hh, *_), by_x = peers.jax_step(cell, layer, x, train=True)()
    x.requires_grad_()
    layer(x)[0].sum().backward()
    for mine, theirs in ((by_ih, layer.weight_ih_l0.grad), (by_hh, layer.weight_hh_l0.grad), (by_x, x.grad)):
        torch.testing.assert_close(torch.tensor(mine.tolist()), theirs, rtol=1e-4, atol=1e-5)


def test_a_training_step_leaves_the_gradients_of_one_step():
    torch.manual_seed(0)
    layer, x = ours.GRU(4, 4), torch.randn(3, 2, 4)
    work = peers.training_step(layer, x)
    work()
    once = layer.weight_hh_l0.grad.clone()
    work()
    assert torch.equal(layer.weight_hh_l0.grad, once)
    assert x.grad is None  # the caller's inputs are left alone


def test_arithmetic_is_that_of_the_products():
    # an LSTM's step: (1, 16) · (16, 32) and (1, 8)·…: 2 · 4H · (I + H) operations, three times as many with backward
    assert products("lstm", 1, 1, 8, train=False) == 2 * 32 * 16
    assert products("rnn", 5, 3, 8, train=True) == 15 * 3 * 2 * 8 * 16


@needs_kernels
def test_every_case_can_be_made_and_run(monkeypatch):
    monkeypatch.setattr("unrolled.lab.bench.cases.SHAPES", ((3, 5, 8), (4, 2, 8)))
    monkeypatch.setattr("unrolled.lab.bench.cases.ONE_STREAM", (3, 1, 8))
    monkeypatch.setattr("unrolled.lab.bench.cases.ONE_STEP", (1, 1, 8))
    monkeypatch.setattr("unrolled.lab.bench.cases.SMALL", (3, 4, 8))
    monkeypatch.setattr("unrolled.lab.bench.writing.HIDDEN", 16)
    monkeypatch.setattr("unrolled.lab.bench.writing.LENGTH", 3)
    small = {"width": 8, "layers": 1, "heads": 2, "context": 4}
    monkeypatch.setattr("unrolled.lab.bench.writing.SIMILAR", small)
    every = list(all_cases(GROUPS, quick=False))
    assert {case.group for case in every} == set(GROUPS)
    for case in every:
        if "jax" in case.peers:  # compiled anew for every shape, which takes seconds
            continue
        works = case.make()
        assert set(works) == {"unrolled", *case.peers}
        for work in works.values():
            work()
