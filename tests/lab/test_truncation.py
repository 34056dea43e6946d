"""The experiment's gradients: whole streams by autograd at once, cut ones by hand, and no bias where there is none."""

import pytest
import torch

from unrolled.data.cuts import Cuts
from unrolled.lab.truncation import Network, compare, gradient, saved_bytes, stream


@pytest.fixture
def network():
    return Network("lstm", 4, 0).double()


def streams(T, B=2, seed=0):
    x, y = stream(T, B, 3.0, torch.Generator().manual_seed(seed))
    return x.double(), y.double()


def test_the_task_by_hand():
    x, y = streams(40, 3)
    for lane in range(3):
        last = 0.0
        for t in range(40):
            u, m = x[t, lane].tolist()
            assert float(y[t, lane]) == pytest.approx(m * (u + last) / 2)
            last = u if m else last
    assert 0.15 < float(x[:, :, 1].mean()) < 0.6


def test_one_window_is_the_whole_gradient(network):
    x, y = streams(12)
    loss = network.losses(x, y, network.stack.initial_state(2))[0] / x[:, :, 1].sum()
    wanted = torch.cat([one.flatten() for one in torch.autograd.grad(loss, list(network.parameters()))])
    torch.testing.assert_close(gradient(network, x, y, [12]).double(), wanted, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(gradient(network, x, y, [12], 5, 1.0).double(), wanted, rtol=1e-5, atol=1e-7)


def test_random_windows_have_no_bias_and_equal_ones_have(network):
    """The mean over all patterns of two cuts, by their probability."""
    x, y = streams(12)
    c, segment = 0.4, 4
    full, mean = gradient(network, x, y, [12]), 0.0
    for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ends = [*([4] if first else []), *([8] if second else []), 12]
        cuts = first + second
        mean = mean + c**cuts * (1 - c) ** (2 - cuts) * gradient(network, x, y, ends, segment, 1 / (1 - c))
    torch.testing.assert_close(mean, full, rtol=1e-4, atol=1e-6)
    assert float((gradient(network, x, y, [4, 8, 12]) - full).norm()) > 1e-2 * float(full.norm())


def test_what_is_told():
    network = Network("gru", 4, 1)
    whole, equal, random = compare(network, 60, 2, 5.0, [("none", 6), ("unbiased", 8)], 3, 0)
    assert (whole.bias, whole.cosine, whole.steps) == (0, pytest.approx(1), 60)
    assert (equal.name, equal.steps, equal.longest) == ("6", 6, 6)
    assert equal.bias > 0
    cuts = Cuts(60, 8, "unbiased", 0)
    ends = [cuts.ends(number) for number in range(3)]
    assert random.longest == max(b - a for one in ends for a, b in zip([0, *one], one, strict=False))
    assert equal.memory < random.memory <= whole.memory


def test_memory_grows_with_the_window():
    network = Network("lstm", 8, 0)
    short, long = (saved_bytes(network, *stream(T, 2, 5.0, torch.Generator().manual_seed(0))) for T in (20, 200))
    assert 8 < long / short < 12
