"""The convolutional blocks are torch's operations in the order of the docstring."""

import pytest
import torch
import torch.nn.functional as F

from unrolled.errors import ArgumentError
from unrolled.layers import Convolutions

X = torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_equations(residual, norm):
    network = Convolutions(3, (4, 5), depth=2, residual=residual, norm=norm).eval()
    y = X
    for block in network.blocks:
        for n, (convolution, rule) in enumerate(zip(block.convolutions, block.norms, strict=True)):
            a = F.conv2d(y, convolution.weight, convolution.bias, padding=1)
            if norm:
                a = (a - rule.running_mean[:, None, None]) / (rule.running_var[:, None, None] + rule.eps).sqrt()
            y = a.relu() + (y if residual and n else 0)
        y = y.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    torch.testing.assert_close(network.grid(X), y)
    layers = list(network.layers(X))
    assert [layer.name for layer in layers][:3] == ["block 1 convolution 1", "block 1 convolution 2", "block 1 pooling"]
    torch.testing.assert_close(layers[-1].maps, y)
    assert network.grid_size(12, 10) == tuple(y.shape[2:]) == (3, 2)
    assert network.grid(X).is_contiguous(memory_format=torch.channels_last)


def test_wrong():
    with pytest.raises(ArgumentError, match="odd"):
        Convolutions(3, (4,), kernel_size=2)
    with pytest.raises(ArgumentError, match="maps"):
        Convolutions(3, ())
    with pytest.raises(ArgumentError, match="at most 3 blocks for pictures of 12 × 10"):
        Convolutions(3, (4, 4, 4, 4)).grid_size(12, 10)
