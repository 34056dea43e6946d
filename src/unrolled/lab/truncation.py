"""Truncated backpropagation through time: bias, noise and memory footprint of its gradient.

A network with fixed weights reads streams with dependencies of a known range. At every step it reads a number u_t in
−1..1 and, with probability 1/D, a mark; the target at a mark is the mean of the numbers at this and at the last mark:

    (1)  x_t = (u_t, m_t),   y_t = ½ (u_t + u_{t'}),   t' the last mark before t
    (2)  L = Σ_t m_t (o_t − y_t)² / Σ_t m_t
    (3)  bias = ‖E g − E g*‖ / ‖E g*‖,   noise = √(E ‖g − E g‖²) / ‖E g*‖

g* is the gradient of L through the whole stream; g is that of windows between which the state is carried and gradients
are cut: of equal lengths (Williams and Peng 1990), or as in `data.cuts` and `training.pieces`. The mean of g − g* is
over the same streams, so that the variance between streams does not count as bias; its standard error is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..cells import State
from ..cells.state import detach
from ..checks import checked
from ..data.cuts import Cuts, Random
from ..layers import Stack
from ..training.pieces import Scaled

# T steps of a stream, B lanes, P parameters


class Network(nn.Module):
    """One recurrent layer and a linear output."""

    def __init__(self, cell: str, hidden_size: int, seed: int) -> None:
        super().__init__()
        options: dict[str, Any] = {"forget_bias": 3.0} if cell == "lstm" else {}  # forget gates open at first
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stack = Stack.build(cell, 2, hidden_size, **options)
            self.head = nn.Linear(hidden_size, 1)

    def losses(self, x: Tensor, y: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the sum of squares in (2), and the last state."""
        outputs, state = self.stack(x, state)
        o = self.head(outputs)[:, :, 0]  # (T, B)
        return (x[:, :, 1] * (o - y).square()).sum(), state


def stream(T: int, B: int, distance: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return a stream (1): ``x (T, B, 2)`` and ``y (T, B)``, 0 without a mark; u_{t'} is 0 at the first mark."""
    u = 2 * torch.rand(T, B, generator=generator) - 1
    m = (torch.rand(T, B, generator=generator) < 1 / distance).float()
    y, last = torch.zeros(T, B), torch.zeros(B)
    for t in range(T):
        y[t] = m[t] * (u[t] + last) / 2
        last = torch.where(m[t] > 0, u[t], last)
    return torch.stack([u, m], dim=2), y


def train(network: Network, T: int, B: int, distance: float, steps: int, seed: int) -> list[float]:
    """Train through whole streams for some steps, so that the network uses its state; return the losses."""
    generator = torch.Generator().manual_seed(seed)
    optimizer, losses = torch.optim.Adam(network.parameters(), lr=1e-2), list[float]()
    for _ in range(steps):
        x, y = stream(T, B, distance, generator)
        loss = network.losses(x, y, network.stack.initial_state(B))[0] / x[:, :, 1].sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss))
    return losses


def gradient(network: Network, x: Tensor, y: Tensor, ends: list[int], segment: int = 0, factor: float = 1) -> Tensor:
    """Return g ``(P,)`` for windows with these ends; ``factor`` scales the state's gradient between segments."""
    state, begin = network.stack.initial_state(x.size(1)), 0
    parameters, marks = list(network.parameters()), x[:, :, 1].sum()
    total = torch.zeros(sum(p.numel() for p in parameters))
    for end in ends:
        state, parts = detach(state), []
        for at in range(begin, end, segment or end):
            if at > begin:
                state = tree_map(lambda leaf: Scaled.apply(leaf, factor), state)
            stop = min(end, at + segment) if segment else end
            loss, state = network.losses(x[at:stop], y[at:stop], state)
            parts.append(loss)
        gradients = torch.autograd.grad(torch.stack(parts).sum() / marks, parameters)
        total += torch.cat([grad.flatten() for grad in gradients])
        begin = end
    return total


@dataclass(frozen=True)
class Truncated:
    """The statistics of one truncation method.

    Attributes:
        name: the method.
        steps: mean window length in steps.
        longest: longest window in steps.
        bias: (3).
        error: standard error of the bias; a bias of this size is not significant.
        cosine: cosine similarity of E g and E g*.
        noise: (3).
        memory: bytes that autograd saves for the longest window.
    """

    name: str
    steps: float
    longest: int
    bias: float
    error: float
    cosine: float
    noise: float
    memory: int


@checked
def compare(
    network: Network, T: int, B: int, distance: float, methods: list[tuple[Random, int]], draws: int, seed: int,
    progress: Callable[[], None] = lambda: None,
) -> list[Truncated]:  # fmt: skip
    """Compare the methods on the same ``draws`` streams; the first result is for whole streams.

    Args:
        network: the network, with fixed weights.
        T, B, distance: steps, lanes (batch rows) and mean distance of marks of the streams.
        methods: (how windows are cut, ``bptt``) pairs.
        draws: number of streams.
        seed: random seed of streams and windows.
        progress: called after each stream.
    """
    generator = torch.Generator().manual_seed(seed)
    gradients: list[list[Tensor]] = [[] for _ in range(len(methods) + 1)]
    windows: list[list[list[int]]] = [[] for _ in methods]
    for number in range(draws):
        x, y = stream(T, B, distance, generator)
        gradients[0].append(gradient(network, x, y, [T]))
        for method, (random, bptt) in enumerate(methods):
            cuts = Cuts(T, bptt, random, seed)
            ends = cuts.ends(number)
            if random == "unbiased":
                g = gradient(network, x, y, ends, cuts.segment, 1 / (1 - cuts.c))
            else:
                g = gradient(network, x, y, ends)
            gradients[method + 1].append(g)
            windows[method].append(ends)
        progress()
    x, y = stream(T, B, distance, generator)
    full = torch.stack(gradients[0])
    results = [_statistics("whole stream", [[T]], full, full, saved_bytes(network, x, y))]
    for (random, bptt), found, cut in zip(methods, gradients[1:], windows, strict=True):
        longest = max(b - a for ends in cut for a, b in zip([0, *ends], ends, strict=False))
        name = f"{bptt}" if random == "none" else f"{random} {bptt}"
        memory = saved_bytes(network, x[:longest], y[:longest])
        results.append(_statistics(name, cut, torch.stack(found), full, memory))
    return results


def _statistics(name: str, ends: list[list[int]], g: Tensor, full: Tensor, memory: int) -> Truncated:
    mean, whole, difference = g.mean(0), full.mean(0), g - full  # (P,), (P,), (draws, P)
    size = float(whole.norm())
    error = math.sqrt(float(difference.var(0).sum()) / len(g)) if len(g) > 1 else math.nan
    windows = [b - a for cut in ends for a, b in zip([0, *cut], cut, strict=False)]
    cosine = float(torch.cosine_similarity(mean, whole, dim=0))
    noise = math.sqrt(float((g - mean).square().sum(1).mean())) / size
    bias = float(difference.mean(0).norm()) / size
    return Truncated(name, sum(windows) / len(windows), max(windows), bias, error / size, cosine, noise, memory)


def saved_bytes(network: Network, x: Tensor, y: Tensor) -> int:
    """Return the bytes that autograd saves for the backward pass, excluding inputs and weights."""
    excluded = {tensor.untyped_storage().data_ptr() for tensor in (x, y, *network.parameters())}
    sizes: dict[int, int] = {}
    references: list[Tensor] = []  # keep the tensors alive, so that no address is reused

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in excluded:
            sizes[storage.data_ptr()] = storage.nbytes()
            references.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network.losses(x, y, network.stack.initial_state(x.size(1)))
    return sum(sizes.values())
