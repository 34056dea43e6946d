"""The encoder–forecaster and the motion of frames."""

import pytest
import torch

from unrolled.errors import ArgumentError
from unrolled.layers.forecaster import EncoderForecaster
from unrolled.layers.motion import Motion


@pytest.mark.parametrize("cell", ["convgru", "convlstm"])
@pytest.mark.parametrize("maps", [(3,), (3, 4, 5)])
def test_scale_by_scale_is_step_by_step(cell, maps):
    torch.manual_seed(0)
    layers = EncoderForecaster(2, maps, cell=cell)
    begin = layers.encode(torch.randn(4, 2, 2, 8, 8))
    whole, now = layers.forecast(begin, 3), begin
    assert whole.shape == (3, 2, maps[0], 8, 8)
    for n in range(3):
        y, now = layers.step(now)
        torch.testing.assert_close(y, whole[n], rtol=1e-5, atol=1e-6)


def test_the_last_frames_decide_and_all_weights_are_used():
    torch.manual_seed(0)
    layers = EncoderForecaster(2, (3, 4), feedback=1)
    x = torch.randn(4, 1, 2, 4, 4)
    y, now = layers.step(layers.encode(x), torch.randn(1, 1, 4, 4))
    layers.step(now, torch.randn(1, 1, 4, 4))[0].sum().backward()
    assert [name for name, p in layers.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert not torch.allclose(layers.step(layers.encode(x.flip(0)), torch.zeros(1, 1, 4, 4))[0], y)


def test_sizes_are_checked():
    with pytest.raises(ArgumentError, match="maps"):
        EncoderForecaster(2, ())
    with pytest.raises(ArgumentError, match="kernel_size must be odd"):
        EncoderForecaster(2, (3,), kernel_size=4)


def test_a_filter_with_one_weight_shifts_each_patch():
    motion = Motion(1, patch=2, copies=2)
    torch.nn.init.zeros_(motion.filters.weight)
    bias = torch.full((2, 2, 5), -40.0)
    bias[0, 0, 3], bias[0, 1, 0] = 40.0, 40.0  # the first copy reads one row below and two columns to the left
    bias[1, :, 2] = 40.0  # the second one stays
    motion.filters.bias.data = bias.flatten()
    frame = torch.rand(2, 3, 6, 8)
    moved = motion(frame, torch.zeros(2, 1, 3, 4)).view(2, 2, 3, 6, 8)
    expected = torch.zeros_like(frame)
    expected[:, :, :-1, 2:] = frame[:, :, 1:, :-2]
    torch.testing.assert_close(moved[:, 0], expected)
    torch.testing.assert_close(moved[:, 1], frame)


def test_patches_move_on_their_own():
    motion = Motion(5, patch=1, copies=1)
    torch.nn.init.zeros_(motion.filters.bias)
    motion.filters.weight.data = 80 * torch.eye(6, 5)[..., None, None]  # features 0 to 2: rows, 3 and 4: columns
    features = torch.zeros(1, 5, 1, 2)
    features[0, 1, 0, :] = 1  # the same row
    features[0, 4, 0, 0] = features[0, 3, 0, 1] = 1  # patch 0 reads its own column, patch 1 the one to its left
    assert motion(torch.tensor([[[[0.25, 1.0]]]]), features).flatten().tolist() == pytest.approx([0.25, 0.25])
