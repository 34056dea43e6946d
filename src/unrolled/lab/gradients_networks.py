"""Gradients of untrained networks: with a given spectral radius, or with their default initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ..cells import BuiltinCell, Cell
from ..errors import ArgumentError
from ..layers import Stack
from ..tasks.common.recurrent import Recurrent
from .gradients import Measurement, blocks_of, bound, flows, recurrent_matrices

SMALL = 1e-10  # size of inputs for which tanh is linear, even after growing by 1.2 a hundred times
CLASSES = 10  # classes of the readout whose loss is differentiated


@dataclass(frozen=True)
class Network:
    """A stack, and its inputs.

    Attributes:
        kind: a label for cell and initialisation.
        stack: in evaluation mode.
        inputs: standard deviation of the Gaussian inputs; 0: zero inputs.
        radius: the spectral radius that W_hh was scaled to, if any.
        group: the networks it is compared with.
    """

    kind: str
    stack: Stack
    inputs: float
    radius: float | None = None
    group: str = ""


def build(options: Recurrent, seed: int, radius: float | None = None) -> Stack:
    """Build the layers with initial weights and an input size equal to the hidden size; ``radius``: see `scale`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = options.build(options.hidden_size).eval()
    if all(isinstance(cell, BuiltinCell) for cell in stack.cells):
        stack.double()
    if radius is not None:
        for cell in stack.cells:
            scale(cell, radius)
    return stack


@torch.no_grad()
def scale(cell: Cell, radius: float) -> None:
    """Scale each gate's W_hh to the spectral radius ``radius``.

    Raises:
        ArgumentError: the cell has no W_hh, or only eigenvalues of 0.
    """
    blocks = blocks_of(cell)
    if not blocks:
        raise ArgumentError("radius", f"omitted for {type(cell).__name__}, which has no W_hh", radius)
    for block in blocks.values():
        current = float(torch.linalg.eigvals(block.double()).abs().max())
        if not current:
            raise ArgumentError("radius", "omitted for a W_hh whose eigenvalues are 0", radius)
        block.mul_(radius / current)


def defaults(hidden_size: int, seed: int) -> list[Network]:
    """Return the networks of the default comparison."""
    scaled: dict[str, Any] = {
        "tanh": {"cell": "rnn", "init": "lecun"},
        "ReLU": {"cell": "rnn", "init": "lecun", "nonlinearity": "relu"},
    }
    usual: dict[str, Any] = {
        "tanh": {"cell": "rnn"},
        "tanh, orthogonal": {"cell": "rnn", "init": "orthogonal"},
        "ReLU, identity": {"cell": "rnn", "init": "identity", "nonlinearity": "relu"},
        "GRU": {"cell": "gru"},
        "LSTM": {"cell": "lstm"},
    }
    networks = []
    for kind, inputs, radii, group in (
        ("tanh", SMALL, (0.8, 1.0, 1.2), "tanh, states near 0"),
        ("tanh", 1.0, (0.8, 1.2, 2.0), "inputs of size 1"),
        ("ReLU", 1.0, (0.8, 1.2, 2.0), "inputs of size 1"),
    ):
        options = Recurrent(**scaled[kind], hidden_size=hidden_size, num_layers=1)
        networks += [Network(kind, build(options, seed, radius), inputs, radius, group) for radius in radii]
    for kind, arguments in usual.items():
        options = Recurrent(**arguments, hidden_size=hidden_size, num_layers=1)
        networks.append(Network(kind, build(options, seed), 1.0, group="default initialisation, inputs of size 1"))
    return networks


def measure(network: Network, length: int, seed: int, progress: Callable[[], None] = lambda: None) -> Measurement:
    """Measure gradients of h_T, and of the loss of a softmax readout of h_T with weights N(0, 1/H) and a random target.

    Args:
        network: the layers and the size of their inputs.
        length: number of steps T.
        seed: random seed of inputs, readout and target.
        progress: called after each layer.
    """
    stack = network.stack
    generator = torch.Generator().manual_seed(seed)
    like = next(stack.parameters(), torch.zeros(()))
    draw = torch.randn(length, 1, stack.input_size, generator=generator, dtype=torch.float64)
    x = (network.inputs * draw).to(like)  # (T, 1, I)
    V = torch.randn(CLASSES, stack.output_size, generator=generator, dtype=torch.float64).to(like)
    target = torch.randint(CLASSES, (1,), generator=generator)

    def losses() -> torch.Tensor:
        outputs, _ = stack(x)
        o = outputs[-1] @ V.t() / math.sqrt(stack.output_size)  # (1, K)
        return F.cross_entropy(o, target, reduction="none")

    measured = flows(stack, losses, progress=progress)
    return Measurement(network.kind, measured, recurrent_matrices(stack), [bound(cell) for cell in stack.cells],
                    network.group, network.radius)  # fmt: skip
