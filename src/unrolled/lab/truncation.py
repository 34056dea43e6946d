"""What truncating backpropagation through time does to the gradient: its bias, its noise and its memory.

A network of fixed weights reads streams of a task with a known range. At every step it sees a number u_t in −1..1 and,
with probability 1/D, a mark; at a mark it is to put out the mean of the numbers at this mark and at the last one:

    (1)  x_t = (u_t, m_t),   y_t = ½ (u_t + u_{t'}),   t' the last mark before t
    (2)  L = Σ_t m_t (o_t − y_t)² / Σ_t m_t
    (3)  bias = ‖E g − E g*‖ / ‖E g*‖,   noise = √(E ‖g − E g‖²) / ‖E g*‖

g* is the gradient of L through the whole stream, g that in windows between which the state is carried and gradients are
cut: Williams and Peng 1990, at equal lengths; otherwise as in `data.cuts` and `training.pieces`. The mean of g − g* is
taken stream by stream, so that what differs between streams does not count as bias; its own standard error is given.
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
        options: dict[str, Any] = {"forget_bias": 3.0} if cell == "lstm" else {}  # it remembers from the beginning
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stack = Stack.build(cell, 2, hidden_size, **options)
            self.head = nn.Linear(hidden_size, 1)

    def losses(self, x: Tensor, y: Tensor, state: State) -> tuple[Tensor, State]:
        """The sum of the squares in (2), and the state after."""
        outputs, state = self.stack(x, state)
        o = self.head(outputs)[:, :, 0]  # (T, B)
        return (x[:, :, 1] * (o - y).square()).sum(), state


def stream(T: int, B: int, distance: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(1): ``x (T, B, 2)`` and ``y (T, B)``, 0 where there is no mark; before the first mark stands a 0."""
    u = 2 * torch.rand(T, B, generator=generator) - 1
    m = (torch.rand(T, B, generator=generator) < 1 / distance).float()
    y, last = torch.zeros(T, B), torch.zeros(B)
    for t in range(T):
        y[t] = m[t] * (u[t] + last) / 2
        last = torch.where(m[t] > 0, u[t], last)
    return torch.stack([u, m], dim=2), y


def train(network: Network, T: int, B: int, distance: float, steps: int, seed: int) -> list[float]:
    """Some steps of training through whole streams, so that the weights use what they remember; the losses."""
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
    """g ``(P,)``: in windows with these ends; with segments, gradients of the state are multiplied between."""
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
        found = torch.autograd.grad(torch.stack(parts).sum() / marks, parameters)
        total += torch.cat([one.flatten() for one in found])
        begin = end
    return total


@dataclass(frozen=True)
class Truncated:
    """One way to truncate.

    Attributes:
        name: of it.
        steps: of a window, in the mean.
        longest: window among all.
        bias: (3).
        error: the standard error of the bias: a bias that is as small cannot be told from none.
        cosine: of the angle between E g and E g*.
        noise: (3).
        memory: bytes that autograd keeps of the longest window.
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
    network: Network, T: int, B: int, distance: float, ways: list[tuple[Random, int]], draws: int, seed: int,
    progress: Callable[[], None] = lambda: None,
) -> list[Truncated]:  # fmt: skip
    """Each way over the same ``draws`` streams, and the whole stream first.

    Args:
        network: of fixed weights.
        T, B, distance: of the streams.
        ways: how windows are cut, and ``bptt``.
        draws: streams.
        seed: of streams and windows.
        progress: called after each stream.
    """
    generator = torch.Generator().manual_seed(seed)
    found: list[list[Tensor]] = [[] for _ in range(len(ways) + 1)]
    every: list[list[list[int]]] = [[] for _ in ways]
    for number in range(draws):
        x, y = stream(T, B, distance, generator)
        found[0].append(gradient(network, x, y, [T]))
        for way, (random, bptt) in enumerate(ways):
            cuts = Cuts(T, bptt, random, seed)
            ends = cuts.ends(number)
            if random == "unbiased":
                one = gradient(network, x, y, ends, cuts.segment, 1 / (1 - cuts.c))
            else:
                one = gradient(network, x, y, ends)
            found[way + 1].append(one)
            every[way].append(ends)
        progress()
    x, y = stream(T, B, distance, generator)
    full = torch.stack(found[0])
    told = [_told("whole stream", [[T]], full, full, kept(network, x, y))]
    for (random, bptt), gradients, windows in zip(ways, found[1:], every, strict=True):
        longest = max(b - a for ends in windows for a, b in zip([0, *ends], ends, strict=False))
        name = f"{bptt}" if random == "none" else f"{random} {bptt}"
        told.append(_told(name, windows, torch.stack(gradients), full, kept(network, x[:longest], y[:longest])))
    return told


def _told(name: str, ends: list[list[int]], g: Tensor, full: Tensor, memory: int) -> Truncated:
    mean, whole, apart = g.mean(0), full.mean(0), g - full  # (P,), (P,), (draws, P)
    size = float(whole.norm())
    error = math.sqrt(float(apart.var(0).sum()) / len(g)) if len(g) > 1 else math.nan
    windows = [b - a for one in ends for a, b in zip([0, *one], one, strict=False)]
    cosine = float(torch.cosine_similarity(mean, whole, dim=0))
    noise = math.sqrt(float((g - mean).square().sum(1).mean())) / size
    return Truncated(name, sum(windows) / len(windows), max(windows), float(apart.mean(0).norm()) / size, error / size,
                     cosine, noise, memory)  # fmt: skip


def kept(network: Network, x: Tensor, y: Tensor) -> int:
    """Bytes that autograd keeps between the forward and the backward pass, without inputs and weights."""
    known = {one.untyped_storage().data_ptr() for one in (x, y, *network.parameters())}
    sizes: dict[int, int] = {}
    held: list[Tensor] = []  # lest an address be given out twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            sizes[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network.losses(x, y, network.stack.initial_state(x.size(1)))
    return sum(sizes.values())
