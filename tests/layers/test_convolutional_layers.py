"""ConvLSTM and ConvGRU of unrolled.nn: torch's interface, Keras' names, carried state, export."""

import pytest
import torch
from torch.export import Dim, export

import unrolled
from unrolled.errors import ArgumentError, ShapeError, UnknownOption
from unrolled.nn import ConvGRU, ConvLSTM


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_two_layers_in_two_directions_are_four_scans():
    layer = ConvGRU(2, 3, num_layers=2, bidirectional=True, stride=2)
    x, h_0 = torch.randn(4, 2, 2, 5, 6), torch.randn(4, 2, 3, 3, 3)
    output, h_n = layer(x, h_0)
    y, last = x, []
    for number, cells in enumerate(layer.stack.layers):
        outputs = []
        for direction, cell in enumerate(cells):
            state = unrolled.cells.GRUState(h_0[2 * number + direction])
            out, after = unrolled.scan(cell, y, state, reverse=direction == 1)
            outputs.append(out)
            last.append(after.h)
        y = torch.cat(outputs, 2)
    torch.testing.assert_close(output, y)
    torch.testing.assert_close(h_n, torch.stack(last))
    assert [cells[0].from_input.stride for cells in layer.stack.layers] == [(2, 2), (1, 1)]


def test_batch_first_and_unbatched_input():
    layer, first = ConvLSTM(2, 3), ConvLSTM(2, 3, batch_first=True)
    first.load_state_dict(layer.state_dict())
    x, h, c = torch.randn(4, 2, 2, 5, 6), torch.randn(1, 2, 3, 5, 6), torch.randn(1, 2, 3, 5, 6)
    output, (h_n, c_n) = layer(x, (h, c))
    swapped, state = first(x.transpose(0, 1), (h, c))
    torch.testing.assert_close(swapped.transpose(0, 1), output)
    torch.testing.assert_close(state, (h_n, c_n))
    alone, (h_1, _) = layer(x[:, 0], (h[:, 0], c[:, 0]))
    torch.testing.assert_close(alone, output[:, 0])
    torch.testing.assert_close(h_1, h_n[:, 0])


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_carried_state_continues_the_sequence(backend):
    layer = ConvLSTM(2, 3, num_layers=2, peepholes=True, backend=backend)
    x = torch.randn(6, 2, 2, 5, 6)
    whole, (h_n, c_n) = layer(x)
    left, state = layer(x[:2])
    right, (h, c) = layer(x[2:], state)
    torch.testing.assert_close(torch.cat([left, right]), whole)
    torch.testing.assert_close((h, c), (h_n, c_n))
    steps, state = [], None  # as a stream of single frames
    for frame in x:
        y, state = layer(frame[None], state)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps), whole)


def test_lengths_and_resets():
    layer = ConvGRU(2, 3, dims=1)
    x = torch.randn(4, 2, 2, 5)
    output, h_n = layer(x, lengths=torch.tensor([4, 2]))
    alone, h = layer(x[:2, 1:])
    torch.testing.assert_close(output[:2, 1:], alone)
    torch.testing.assert_close(h_n[:, 1:], h)
    assert not output[2:, 1].any()
    resets = torch.zeros(4, 2, dtype=torch.bool)
    resets[1, 0] = True
    output, _ = layer(x, torch.randn(1, 2, 3, 5), resets=resets)
    torch.testing.assert_close(output[1:, :1], layer(x[1:, :1])[0])


def test_keras_names():
    keras = ConvLSTM(
        2, filters=3, kernel_size=2, strides=2, dilation_rate=1, padding="valid", use_bias=True, unit_forget_bias=True,
        return_sequences=True, data_format="channels_first", recurrent_dropout=0.2,
    )  # fmt: skip
    (cell,) = keras.stack.cells
    assert (cell.hidden_size, cell.from_input.stride, cell.from_input.padding) == (3, (2, 2), (0, 0))
    assert cell.bias_ih.detach()[3:6].tolist() == [1, 1, 1]
    assert cell.recurrent_dropout == 0.2


def test_recurrent_dropout_drops_the_same_channels_at_every_step():
    layer = ConvGRU(1, 64, recurrent_dropout=0.5)
    (cell,) = layer.stack.cells
    noise = cell.draw_noise(3, 2, torch.Generator().manual_seed(0))
    assert noise.recurrent.shape == (3, 2, 64, 1, 1)
    assert torch.equal(noise.recurrent[0], noise.recurrent[2])
    assert set(noise.recurrent.unique().tolist()) == {0.0, 2.0}
    x = torch.randn(3, 2, 1, 3, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ConvLSTM(2), ArgumentError, "hidden_size must be a number of channels, got None"),
        (lambda: ConvLSTM(2, 3, filters=4), ArgumentError, "filters must be omitted, got 4; it is Keras' name of"),
        (lambda: ConvGRU(2, 3, return_sequences=False), ArgumentError, r"True or omitted, got False; .* output\[-1\]"),
        (lambda: ConvGRU(2, 3, data_format="channels_last"), ArgumentError, "move the channels"),
        (lambda: ConvGRU(2, 3, peepholes=True), UnknownOption, "'peepholes' is not an option"),
        (lambda: ConvGRU(2, 3, strid=2), UnknownOption, "did you mean 'stride'"),
        (lambda: ConvGRU(2, 3, batch_first=True)(torch.zeros(1, 4, 3, 5, 5)), ShapeError,
         r"\(B, T, 2, height, width\) or unbatched \(T, 2, height, width\), got \(1, 4, 3, 5, 5\)"),
        (lambda: ConvLSTM(2, 3)(torch.zeros(4, 1, 2, 5, 5), torch.zeros(1)), ShapeError, r"\(h_0, c_0\), got Tensor"),
        (lambda: ConvLSTM(2, 3)(torch.zeros(4, 1, 2, 5, 5), (torch.zeros(1, 1, 3, 4, 4),) * 2), ShapeError,
         r"h_0 must be \(1, 1, 3, 5, 5\) .* got \(1, 1, 3, 4, 4\)"),
    ],
)  # fmt: skip
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_export_with_any_number_of_steps():
    layer = ConvLSTM(2, 3, backend="native")
    x = torch.randn(3, 2, 2, 4, 5)
    program = export(layer, (x,), dynamic_shapes={"input": {0: Dim("steps", min=2)}}).module()
    longer = torch.randn(7, 2, 2, 4, 5)
    torch.testing.assert_close(program(longer), layer(longer))
