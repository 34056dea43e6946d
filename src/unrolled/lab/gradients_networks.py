"""Networks whose gradients are looked at before any training: with a given spectral radius, or as they usually begin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..cells import Cell, GatedCell
from ..errors import ArgumentError
from ..layers import Stack
from ..tasks.recurrent import Recurrent
from .gradients import Array, Flow, Matrix, blocks_of, bound, flows, recurrent_matrices

RADII = (0.8, 1.0, 1.2)
SMALL = 1e-10  # of inputs that leave tanh linear: they still do when they have grown by 1.2 a hundred times
CLASSES = 10  # of the readout whose loss is differentiated


@dataclass(frozen=True)
class Network:
    """A stack, and what it is to read.

    Attributes:
        name: for a person.
        stack: in evaluation mode.
        inputs: standard deviation of the N(0, ·²) that every unit of every x_t is drawn from; 0: zeros.
        radius: what W_hh was scaled to, if it was.
        panel: where it is drawn: networks of one panel are compared.
    """

    name: str
    stack: Stack
    inputs: float
    radius: float | None = None
    panel: str = ""


@dataclass(frozen=True)
class Measured:
    """A network's gradients and matrices. ``bound``: γ σ_max by layer, where it holds."""

    network: Network
    flows: list[Flow]
    matrices: list[Matrix]
    bounds: list[float | None]

    def predicted(self, flow: Flow) -> Array | None:
        """ρ^k, for a vanilla network that was scaled."""
        if self.network.radius is None or self.bounds[flow.layer - 1] is None:
            return None
        return np.asarray(self.network.radius ** np.arange(flow.length + 1.0))

    def bound(self, flow: Flow) -> Array | None:
        """(γ σ_max)^k."""
        gamma = self.bounds[flow.layer - 1]
        with np.errstate(over="ignore"):
            return None if gamma is None else np.asarray(gamma ** np.arange(flow.length + 1.0))


def build(options: Recurrent, seed: int, radius: float | None = None) -> Stack:
    """The layers as a training begins with them, as wide below as they are; ``radius``: see `scale`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = options.build(options.hidden_size).eval()
    if all(isinstance(cell, GatedCell) for cell in stack.cells):
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
    networks = []
    for name, nonlinearity, inputs in (("tanh", "tanh", SMALL), ("tanh", "tanh", 1.0), ("ReLU", "relu", 1.0)):
        options = Recurrent(cell="rnn", nonlinearity=nonlinearity, init="lecun", hidden_size=hidden_size, num_layers=1)
        panel = "small states" if inputs == SMALL else "inputs of size 1"
        for radius in RADII:
            title = f"{name}, ρ = {radius:g}, {'small' if inputs == SMALL else 'inputs 1'}"
            networks.append(Network(title, build(options, seed, radius), inputs, radius, panel))
    usual = {
        "tanh": Recurrent(cell="rnn", hidden_size=hidden_size, num_layers=1),
        "tanh, orthogonal": Recurrent(cell="rnn", init="orthogonal", hidden_size=hidden_size, num_layers=1),
        "ReLU, identity": Recurrent(
            cell="rnn", nonlinearity="relu", init="identity", hidden_size=hidden_size, num_layers=1
        ),
        "GRU": Recurrent(cell="gru", hidden_size=hidden_size, num_layers=1),
        "LSTM": Recurrent(cell="lstm", hidden_size=hidden_size, num_layers=1),
    }
    networks += [Network(name, build(one, seed), 1.0, panel="as they begin") for name, one in usual.items()]
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
    return Measured(network, found, recurrent_matrices(stack), [bound(cell) for cell in stack.cells])
