"""unrolled lab convolution: the worked examples, against torch, and the sizes of layers."""

import json

import numpy as np
import pytest
import torch

from unrolled.cli import main
from unrolled.errors import ArgumentError
from unrolled.lab.convolution import (
    CURVE,
    CURVE_FILTER,
    NO_CURVE,
    TWO_BY_TWO,
    TWO_CHANNELS,
    convolve,
    max_pool,
    output_size,
    parse_matrices,
    places,
)
from unrolled.lab.layer_sizes import layers_of, parse_layers, sizes
from unrolled.layers import Convolutions


def test_worked_examples():
    assert convolve(TWO_CHANNELS, TWO_BY_TWO).tolist() == [[25, 27, 15], [0, -2, 10], [-13, -9, 23]]
    assert convolve(CURVE, CURVE_FILTER).tolist() == [[6600]]
    assert convolve(NO_CURVE, CURVE_FILTER).tolist() == [[0]]
    assert max_pool(np.array([[1.0, 5, 2, 0], [3, 4, 1, 1], [0, 1, 7, 2], [2, 2, 3, 9]])).tolist() == [[5, 2], [2, 9]]


def test_output_sizes():
    assert output_size(32, 5) == 32 - 5 + 1
    assert output_size(7, 3, stride=2) == (7 - 3) // 2 + 1
    assert output_size(32, 5, padding=(5 - 1) // 2) == 32
    with pytest.raises(ArgumentError, match="at most 4"):
        output_size(4, 5)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_convolution_is_torchs(stride, padding):
    random = np.random.default_rng(0)
    x, w = random.normal(size=(3, 9, 8)), random.normal(size=(3, 3, 3))
    expected = torch.nn.functional.conv2d(
        torch.tensor(x)[None], torch.tensor(w)[None], torch.tensor([0.5]).double(), stride, padding
    )[0, 0]
    assert np.allclose(convolve(x, w, 0.5, stride, padding), expected.numpy())
    by_place = {(place.row, place.column): place.value for place in places(x, w, 0.5, stride, padding)}
    assert np.allclose([by_place[at] for at in np.ndindex(*expected.shape)], expected.flatten().numpy())


def test_sizes_weights_and_receptive_fields():
    first, pool, last = sizes(parse_layers("5x5x3x10, pool 2, 3x3x20 stride 2 padding same"), 32, 32, 3)
    assert (first.weights, first.biases, first.height, first.field, first.jump) == (5 * 5 * 3 * 10, 10, 28, 5, 1)
    assert (pool.weights, pool.height, pool.field, pool.jump) == (0, 14, 6, 2)
    assert (last.weights, last.height, last.maps, last.field, last.jump, last.unread) == (1800, 7, 20, 10, 4, False)
    with pytest.raises(ArgumentError, match="with 3 channels in layer 1"):
        sizes(parse_layers("5x5x4x10"), 32, 32, 3)
    for wrong in ("5x5", "3x4x5", "pool", "3x3x0", "3x3x3 stride x", ""):
        with pytest.raises(ArgumentError, match="layers"):
            parse_layers(wrong)


def test_receptive_field_of_a_network_by_its_gradient():
    network = Convolutions(1, (2, 2), depth=2).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_()  # so that no unit is 0 everywhere
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64).requires_grad_()
    maps = [layer.maps for layer in network.layers(x)]
    for layer, found in zip(maps, sizes(layers_of(network), 64, 64, 1), strict=True):
        assert layer.shape[1:] == (found.maps, found.height, found.width)
        middle = layer.size(2) // 2
        (gradient,) = torch.autograd.grad(layer[0, :, middle, middle].sum(), x, retain_graph=True)
        rows = gradient[0, 0].abs().sum(1).nonzero()
        assert int(rows.max() - rows.min()) + 1 <= found.field
    assert [found.field for found in sizes(layers_of(network), 64, 64, 1)] == [3, 5, 6, 10, 14, 16]


def test_matrices():
    assert parse_matrices("input", "1,2;3,4|5,6;7,-8").tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, -8]]]
    for wrong in ("1,2;3", "a", "", "1,nan"):
        with pytest.raises(ArgumentError, match="input"):
            parse_matrices("input", wrong)


def test_command(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["lab", "convolution", "--out", out]) == 0
    shown = capsys.readouterr().out
    assert "(−4·3) + (9·1) = 26 − 1 = 25" in shown
    assert " = −1 + 28 = 27" in shown
    assert {"convolution.svg", "convolution.png", "convolution.csv"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert "26 − 1 = 25" in (tmp_path / "out" / "convolution.svg").read_text()
    assert main(["lab", "convolution", "--example", "curve", "--out", out]) == 0
    assert "(50·30) + (20·30) + (50·30) + (50·30) + (50·30) = 6600" in capsys.readouterr().out
    assert main(["lab", "convolution", "--layers", "5x5x3x10", "--json"]) == 0
    [layer] = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["weights"], layer["biases"], layer["field"]) == (750, 10, 5)
    assert main(["lab", "convolution", "--input", "1,2;3,4", "--filter", "1,2,3", "--out", out]) == 2
    assert "filter" in capsys.readouterr().err
