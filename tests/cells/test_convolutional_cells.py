"""Cells over maps against a second implementation, equation by equation, and the conformance suite."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import unrolled
from unrolled import analysis
from unrolled.cells import ConvGRUCell, ConvLSTMCell, GRUState, LSTMState
from unrolled.cells.convolution import Convolution
from unrolled.cells.dilated import Dilated
from unrolled.errors import ArgumentError, ShapeError
from unrolled.testing import check_cell


def convolve(x, weight, stride, dilation, padding):
    """The sum of the module's docstring, term by term, for x (C, *space) and weight (O, C, *kernel)."""
    space, kernel = x.shape[1:], weight.shape[2:]
    sizes, before = [], []
    for n, k, s, d, p in zip(space, kernel, stride, dilation, padding, strict=True):
        extent = d * (k - 1) + 1
        if p == "same":
            count = -(-n // s)
            missing = max((count - 1) * s + extent - n, 0)
            before.append(missing // 2)
        else:
            count = (n + 2 * p - extent) // s + 1
            before.append(p)
        sizes.append(count)
    y = np.zeros((len(weight), *sizes))
    for place in itertools.product(*map(range, sizes)):
        for tap in itertools.product(*map(range, kernel)):
            at = tuple(s * q + d * j - z for q, j, s, d, z in zip(place, tap, stride, dilation, before, strict=True))
            if all(0 <= a < n for a, n in zip(at, space, strict=True)):
                y[(slice(None), *place)] += weight[(slice(None), slice(None), *tap)] @ x[(slice(None), *at)]
    return y


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding", "space"),
    [
        ((4,), (1,), (1,), "same", (5,)),
        ((2,), (3,), (2,), "same", (7,)),
        ((4, 3), (2, 1), (1, 2), "same", (5, 6)),
        ((3, 3), (2, 2), (1, 1), "same", (5, 4)),
        ((2, 3), (2, 1), (1, 1), "valid", (5, 4)),
        ((3, 2), (1, 2), (2, 1), (2, 1), (5, 4)),
        ((2, 3, 1), (1, 2, 1), (1, 1, 1), "same", (3, 4, 2)),
    ],
)
def test_convolution_at_the_borders(kernel, stride, dilation, padding, space):
    x, weight = torch.randn(2, *space, dtype=torch.float64), torch.randn(3, 2, *kernel, dtype=torch.float64)
    convolution = Convolution.of(kernel, len(kernel), stride, dilation, padding)
    numbers = {"same": ["same"] * len(kernel), "valid": [0] * len(kernel)}.get(padding, padding)
    expected = convolve(x.numpy(), weight.numpy(), stride, dilation, numbers)
    received = convolution(x[None], weight)[0].numpy()
    assert received.shape == expected.shape == (3, *convolution.output_space(space))
    np.testing.assert_allclose(received, expected, atol=1e-12)
    if padding == "same" and set(stride) == {1}:
        own = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(kernel)]
        np.testing.assert_allclose(own(x[None], weight, padding="same", dilation=dilation)[0], received, atol=1e-12)


def weights(cell):
    return {name: value.detach().numpy() for name, value in cell.named_parameters()}


def over_state(h, w):
    n = w.ndim - 2
    return convolve(h, w, [1] * n, [1] * n, ["same"] * n)


def lstm(cell, x, h, c):
    """Equations (1) to (6) of cells.conv_lstm for one sequence."""
    w, H, outputs = weights(cell), cell.hidden_size, []
    geometry = cell.from_input.stride, cell.from_input.dilation, ["same"] * cell.space_dims
    peepholes = [w[f"peephole_{gate}"] for gate in "ifo"]
    p_i, p_f, p_o = (p.reshape(H, 1, 1) if p.ndim == 1 else p for p in peepholes)
    for x_t in x:
        a = convolve(x_t, w["weight_ih"], *geometry) + over_state(h, w["weight_hh"]) + w["bias_ih"][:, None, None]
        i, f, g, o = (a[n * H : (n + 1) * H] for n in range(4))
        i, f = sigmoid(i + p_i * c), sigmoid(f + p_f * c)
        c = f * c + i * np.tanh(g)
        h = sigmoid(o + p_o * c) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs), c


def gru(cell, x, h):
    """Equations (1) to (4) of cells.conv_gru for one sequence."""
    w, H, outputs = weights(cell), cell.hidden_size, []
    geometry = cell.from_input.stride, cell.from_input.dilation, ["same"] * cell.space_dims
    for x_t in x:
        a = convolve(x_t, w["weight_ih"], *geometry) + w["bias_ih"][:, None, None]
        r = sigmoid(a[:H] + over_state(h, w["weight_hh"][:H]))
        z = sigmoid(a[H : 2 * H] + over_state(h, w["weight_hh"][H : 2 * H]))
        n = np.tanh(a[2 * H :] + over_state(r * h, w["weight_hh"][2 * H :]))
        h = (1 - z) * h + z * n
        outputs.append(h)
    return np.stack(outputs)


@pytest.mark.parametrize("backend", ["reference", "torch", "native"])
@pytest.mark.parametrize("peepholes", [True, (3, 2)])
def test_conv_lstm_is_its_equations(backend, peepholes):
    options = {"stride": (2, 2), "dilation": (1, 2), "recurrent_kernel_size": (2, 3), "peepholes": peepholes}
    cell = ConvLSTMCell(2, 3, (4, 3), dtype=torch.float64, **options)
    x = torch.randn(4, 2, 2, 6, 4, dtype=torch.float64)
    h, c = torch.randn(2, 2, 3, 3, 2, dtype=torch.float64)
    y, state = unrolled.scan(cell, x, LSTMState(h, c), backend=backend)
    for b in range(2):
        outputs, last = lstm(cell, x[:, b].numpy(), h[b].numpy(), c[b].numpy())
        np.testing.assert_allclose(y[:, b].detach(), outputs, atol=1e-12)
        np.testing.assert_allclose(state.c[b].detach(), last, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch", "native"])
def test_conv_gru_is_its_equations(backend):
    cell = ConvGRUCell(2, 3, (2, 3), stride=(1, 2), recurrent_kernel_size=(3, 2), dtype=torch.float64)
    x, h = torch.randn(4, 2, 2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 3, 3, dtype=torch.float64)
    y, _ = unrolled.scan(cell, x, GRUState(h), backend=backend)
    for b in range(2):
        np.testing.assert_allclose(y[:, b].detach(), gru(cell, x[:, b].numpy(), h[b].numpy()), atol=1e-12)


def test_norms_are_over_channels_and_positions():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 3, 4)
    for options, groups in (({"layer_norm": True}, 1), ({"group_norm": 2}, 8)):
        cell = ConvLSTMCell(6, 4, bias=False, **options)
        p = F.conv2d(x, cell.weight_ih, padding=1).view(2, groups, -1)
        expected = ((p - p.mean(2, keepdim=True)) / (p.var(2, unbiased=False, keepdim=True) + 1e-5).sqrt()).view(
            2, 16, 3, 4
        )
        torch.testing.assert_close(cell.preactivation(x), expected)


SLOW = dict.fromkeys(["compile", "export", "hessian", "vmap of grad and jvp", "jacrev", "jacfwd"], "slow")
LIGHT = SLOW | dict.fromkeys(["double backward", "jvp", "func.grad", "vjp", "batched gradients", "vmap"], "slow")
CELLS = {  # a cell, the sizes of its maps, and the checks that it leaves to the other cells
    "gru": (ConvGRUCell(1, 1, 2, dims=1, recurrent_dropout=0.3), (3,), {}),
    "gru, norm": (ConvGRUCell(1, 2, 2, dims=1, stride=2, layer_norm=True), (4,), SLOW),
    "lstm": (ConvLSTMCell(1, 1, (2, 3), peepholes=True, initial_state="learned"), (3, 2), SLOW),
    "lstm, 3-d": (ConvLSTMCell(1, 1, 2, dims=3, padding=1), (2, 1, 2), LIGHT),
}


@pytest.mark.parametrize("name", CELLS)
def test_conformance(name):
    cell, space, exempt = CELLS[name]
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    check_cell(cell, exempt=exempt, space=space)


def test_capture_has_every_gate_of_every_step():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = unrolled.nn.ConvLSTM(2, 3, num_layers=2)

    model, found = Model(), {}
    x = torch.randn(5, 2, 2, 4, 3)
    with analysis.capture(model, lambda name, begin, trace: found.setdefault(name, []).append(trace), chunk=2) as names:
        outputs, _ = model.layers(x)
    assert [trace["f"].shape for trace in found[names[1]]] == [(2, 2, 3, 4, 3), (2, 2, 3, 4, 3), (1, 2, 3, 4, 3)]
    torch.testing.assert_close(torch.cat([trace["h"] for trace in found[names[1]]]), outputs)


def test_initialisers_know_the_kernels():
    torch.manual_seed(0)
    cell = ConvGRUCell(3, 4, 5, recurrent_kernel_size=3)
    bound = 1 / (3 * 25 + 4 * 9) ** 0.5
    assert 0.9 * bound < float(cell.weight_ih.detach().abs().max()) <= bound
    cell = ConvGRUCell(3, 4, 2, init="identity")
    h = torch.randn(1, 4, 3, 5)
    torch.testing.assert_close(cell.from_state(h, cell.weight_hh.detach()), h.repeat(1, 3, 1, 1))
    kernel = ConvLSTMCell(3, 4, init="orthogonal").weight_hh.detach()[:4].flatten(1)
    torch.testing.assert_close(kernel @ kernel.T, torch.eye(4), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ConvLSTMCell(2, 3, (3, 3, 3)), "kernel_size must be an integer, or 2 of them for dims=2"),
        (lambda: ConvLSTMCell(2, 3, dims=4), "dims must be 1, 2 or 3, got 4"),
        (lambda: ConvLSTMCell(2, 3, padding="full"), "padding must be 'same', 'valid' or a number of zeros"),
        (lambda: ConvGRUCell(2, 3, group_norm=2), r"group_norm must be a divisor of hidden_size \(3\)"),
        (lambda: ConvGRUCell(2, 3).initial_state(2), "space must be the 2 sizes of the input's maps, got None"),
        (lambda: ConvLSTMCell(2, 3, forget_bias=1.0, bias=False), "use bias=True"),
        (lambda: Dilated(ConvGRUCell(2, 3), 2), "cell must be a cell over vectors, got 'ConvGRUCell'"),
        (
            lambda: unrolled.scan(ConvLSTMCell(2, 3, peepholes=(4, 4)), torch.zeros(2, 1, 2, 5, 4)),
            r"peepholes must be \(5, 4\), the sizes of the state's maps .*got \(4, 4\); peepholes=True",
        ),
    ],
)  # fmt: skip
def test_wrong_arguments(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    ("inputs", "state", "message"),
    [
        ((4, 1, 2, 5), None, r"inputs must be \(T, B, 2, height, width\), got \(4, 1, 2, 5\)"),
        ((4, 1, 2, 2, 5), None, r"at least the kernel's extent \(3, 3\), got \(2, 5\); use larger maps"),
        (
            (4, 1, 2, 5, 5),
            (1, 3, 5, 5),
            r"must have \{'h': \(1, 3, 3, 3\)\}, got GRUState with \{'h': \(1, 3, 5, 5\)\}",
        ),
    ],
)
def test_wrong_shapes(inputs, state, message):
    state = None if state is None else GRUState(torch.zeros(state))
    with pytest.raises(ShapeError, match=message):
        unrolled.scan(ConvGRUCell(2, 3, padding="valid"), torch.zeros(inputs), state)
