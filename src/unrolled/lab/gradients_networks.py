"""Networks whose gradients are looked at before any training: of a given spectral radius, or as they usually begin."""

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
from .gradients import Measured, blocks_of, bound, flows, recurrent_matrices

SMALL = 1e-10  # of inputs that leave tanh linear: they still do when they have grown by 1.2 a hundred times
CLASSES = 10  # of the readout whose loss is differentiated


@dataclass(frozen=True)
class Network:
    """A stack, and what it is to read.

    Attributes:
        kind: of cell and initialiser, for a person.
        stack: in evaluation mode.
        inputs: standard deviation of the N(0, ·²) that every unit of every x_t is drawn from; 0: zeros.
        radius: what W_hh was scaled to, if it was.
        group: with which it is compared.
    """

    kind: str
    stack: Stack
    inputs: float
    radius: float | None = None
    group: str = ""


def build(options: Recurrent, seed: int, radius: float | None = None) -> Stack:
    """The layers as a training begins with them, as wide below as they are; ``radius``: see `scale`."""
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
    """Multiply W_hh, each gate's by itself, so that its largest eigenvalue has this absolute value.

    Raises:
        ArgumentError: the cell has no W_hh, or only eigenvalues of 0.
    """
    found = blocks_of(cell)
    if not found:
        raise ArgumentError("radius", f"left out for {type(cell).__name__}, which has no W_hh", radius)
    for block in found.values():
        now = float(torch.linalg.eigvals(block.double()).abs().max())
        if not now:
            raise ArgumentError("radius", "left out for a W_hh whose eigenvalues are 0", radius)
        block.mul_(radius / now)


def defaults(hidden_size: int, seed: int) -> list[Network]:
    """The comparison that is made when nothing is asked for."""
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
    for kind, one in usual.items():
        options = Recurrent(**one, hidden_size=hidden_size, num_layers=1)
        networks.append(Network(kind, build(options, seed), 1.0, group="as they usually begin, inputs of size 1"))
    return networks


def measure(network: Network, length: int, seed: int, progress: Callable[[], None] = lambda: None) -> Measured:
    """Gradients of h_T, and of the loss of a softmax readout of h_T with weights N(0, 1/H) and a target drawn for it.

    Args:
        network: the layers and the size of their inputs.
        length: T.
        seed: of inputs, readout and target.
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

    found = flows(stack, losses, progress=progress)
    return Measured(network.kind, found, recurrent_matrices(stack), [bound(cell) for cell in stack.cells],
                    network.group, network.radius)  # fmt: skip
