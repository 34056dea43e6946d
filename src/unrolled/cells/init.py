"""Initialisers of a cell's weights, by name.

torch       every weight and bias uniform in ±1/√H, the default of torch.nn
xavier      weights N(0, 2/(n_in + n_out)) per gate, biases 0        Glorot and Bengio 2010, eq. 12
lecun       weights N(0, 1/n_in) per gate, biases 0                   LeCun et al. 1998, section 4.6
orthogonal  weight_ih as xavier; each gate of weight_hh orthogonal    Saxe et al. 2014, section 3
identity    weight_ih N(0, 0.001²); each gate of weight_hh the identity, biases 0   Le et al. 2015, section 2

In cells with convolutions n_in and n_out include the positions of the kernel, the identity is that of the central
position, and ``torch`` is uniform in ±1/√n_in, n_in of both convolutions together, as in torch's one convolution over
[x, h].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from .base import BuiltinCell

INITIALISERS = ("torch", "xavier", "lecun", "orthogonal", "identity")
"""The names of the initialisers of a cell's weights."""


def check_initialiser(name: str) -> None:
    """Raise `ArgumentError` unless ``name`` is one of `INITIALISERS`."""
    if name not in INITIALISERS:
        remedy = did_you_mean(name, INITIALISERS)
        raise ArgumentError("init", f"one of {', '.join(INITIALISERS)}", name, remedy)


@torch.no_grad()
def initialise(cell: BuiltinCell, name: str) -> None:
    """Initialise the weights of ``cell`` with the initialiser ``name``; a learned initial state starts at zero.

    Raises:
        ArgumentError: the initialiser is unknown.
    """
    check_initialiser(name)
    bound = 1 / math.sqrt(cell.fan_in)
    for key, parameter in cell.named_parameters(recurse=False):
        if key.startswith("initial_"):
            nn.init.zeros_(parameter)
        elif name == "torch":
            nn.init.uniform_(parameter, -bound, bound)
        elif parameter.dim() == 1 or key.startswith("peephole_"):
            nn.init.zeros_(parameter)
        else:
            gates = cell.gates if parameter.size(0) == cell.gates * cell.hidden_size else 1
            for gate in parameter.chunk(gates):  # (H, n_in) each
                _fill(gate, name, recurrent=key == "weight_hh")


@torch.no_grad()
def initialise_for_tokens(cell: nn.Module) -> None:
    """Initialise ``weight_ih`` of a cell that reads one-hot vectors: uniform in ±1.

    A one-hot vector has one entry that is not zero, so its products with ``weight_ih`` have n_in = 1: the bound of
    `initialise`, 1/√n_in, is 1. With ±1/√H, tokens would hardly change the gates of a wide layer until the weights have
    grown.
    """
    nn.init.uniform_(cell.get_parameter("weight_ih"), -1, 1)


def _fill(weight: Tensor, name: str, recurrent: bool) -> None:
    n_out, n_in = weight.size(0) * weight[0, 0].numel(), weight[0].numel()
    if name == "lecun":
        nn.init.normal_(weight, std=math.sqrt(1 / n_in))
    elif name == "orthogonal" and recurrent:
        nn.init.orthogonal_(weight)
    elif name == "identity":
        if not recurrent:
            nn.init.normal_(weight, std=0.001)
            return
        nn.init.zeros_(weight)
        for size in weight.shape[2:]:
            weight = weight.select(2, (size - 1) // 2)
        weight.fill_diagonal_(1)
    else:
        nn.init.normal_(weight, std=math.sqrt(2 / (n_in + n_out)))
