"""How far back a language model looks when it predicts a symbol.

    g_{t,d} = ‖∂ log p(x_{t+1} | x_1 … x_t) / ∂ x_{t−d}‖            d = 0: the symbol just read              (1)
    w_{t,d} = x_{t−d} · ∂ log p(x_{t+1} | …) / ∂ x_{t−d}            gradient times input, `saliency`         (2)
    m(q)    = the smallest m with  Σ_{d≤m} g_d ≥ q Σ_d g_d          effective memory, q = 0.9                (3)

x is what the first recurrent layer receives: a one-hot vector, or an embedding. Gradients of recurrent models by inputs
at a distance: Hochreiter 1991; Bengio, Simard and Frasconi 1994. Khandelwal et al. 2018 ask the same by changing the
context instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map

from ..cells import Cell, State, check_size
from ..checks import Size, checked
from ..data import Split
from ..errors import ArgumentError
from ..scan import one_hot
from .runner import run_by
from .saliency import times_input
from .text_windows import LanguageModelHandle, Progress, as_split, device_of, one_way, read
from .units import stack_of

# P positions, R reach, T steps, B lanes

AT_ONCE = 1024  # symbols read without gradients

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lookback:
    """Gradients at chosen positions of a text.

    Attributes:
        positions: ``(P,)``, each t.
        log_p: ``(P,)``, log p of the symbol that follows, in nats.
        available: ``(P,)``, how many distances there are: up to the document's beginning, at most R.
        norms: ``(P, R)``, (1) by distance; 0 where there is no such input.
        times_input: ``(P, R)``, (2).
    """

    positions: Ids
    log_p: Floats
    available: Ids
    norms: Floats
    times_input: Floats

    def mean(self) -> Floats:
        """``(R,)``: the norm at each distance, over the positions that have it; NaN where none has."""
        has = np.arange(self.norms.shape[1]) < self.available[:, None]  # (P, R)
        count = has.sum(0)
        return np.where(count > 0, self.norms.sum(0) / np.maximum(count, 1), np.nan)

    def memory(self, share: float = 0.9) -> int:
        """(3) of the mean: within how many symbols before the last one read this share of the norm lies.

        What lies beyond the reach is not counted; where it would matter, the result is near R.

        Raises:
            ArgumentError: the share is not above 0 and at most 1.
        """
        return effective_memory(np.nan_to_num(self.mean()), share)

    def memories(self, share: float = 0.9) -> list[int]:
        """(3) of every position."""
        return [effective_memory(row, share) for row in self.norms]

    def as_json(self) -> dict[str, Any]:
        """Plain data: the mean by distance, and every position."""
        rows = zip(self.positions, self.log_p, self.available, self.norms, self.times_input, strict=True)
        mean = self.mean()
        return {
            "mean": mean[~np.isnan(mean)].tolist(),
            "memory": self.memory(),
            "positions": [
                {"position": int(t), "log_p": float(p), "norms": g[:n].tolist(), "times_input": w[:n].tolist()}
                for t, p, n, g, w in rows
            ],
        }


def effective_memory(norms: Floats, share: float = 0.9) -> int:
    """(3) of norms by distance ``(R,)``; 0 if all are 0.

    Raises:
        ArgumentError: the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ArgumentError("share", "above 0 and at most 1", share)
    sums = norms.cumsum()
    return int(np.argmax(sums >= share * sums[-1]))


@checked
def lookback(
    handle: LanguageModelHandle,
    text: str | Split,
    positions: Sequence[int] | None = None,
    *,
    count: Size = 200,
    reach: Size = 128,
    lanes: Size = 32,
    progress: Progress | None = None,
) -> Lookback:
    """Gradients of the log-probability of what follows each position by the inputs before it.

    The state is carried from the text's beginning; gradients go ``reach`` symbols back, and not beyond the beginning
    of a document.

    Args:
        handle: a language model with recurrent layers, of symbols or with an embedding.
        text: of at least two symbols.
        positions: each t, from 0; `None`: ``count`` of them, evenly spread.
        count: see above.
        reach: R, distances from 0 to R − 1.
        lanes: positions computed side by side.
        progress: told how many positions have been computed.

    Raises:
        ArgumentError: a position outside the text, a size below 1, or layers of two directions or none.
    """
    check_size("count", count)
    check_size("reach", reach)
    check_size("lanes", lanes)
    one_way(handle)
    split = as_split(handle, text)
    last = len(split) - 2
    reach = min(reach, last + 1)  # there is nothing farther back
    if positions is None:
        chosen = np.unique(np.linspace(reach - 1, last, min(count, last - reach + 2)).round().astype(np.int64))
    else:
        chosen = np.array(list(positions), dtype=np.int64)
        if not len(chosen) or chosen.min() < 0 or chosen.max() > last:
            raise ArgumentError("positions", f"some from 0 to {last}, whose next symbol is in the text", positions)
    order = np.argsort(chosen, kind="stable")
    starts = np.union1d(split.starts, [0])
    began = starts[np.searchsorted(starts, chosen, side="right") - 1]
    available = np.minimum(chosen - began + 1, reach)
    norms, products = np.zeros((2, len(chosen), reach))
    log_p = np.zeros(len(chosen))
    carried = States(handle, split)
    for at in range(0, len(order), lanes):
        some = order[at : at + lanes]
        begin = chosen[some] - reach + 1  # of the lanes; what is before the document is masked by a reset
        whole = available[some] == reach
        states = [carried.at(int(first)) if full else None for first, full in zip(begin, whole, strict=True)]
        log_p[some], g, w = _gradients(handle, split, begin, began[some], states, reach)
        norms[some], products[some] = g, w
        if progress is not None:
            progress(at + len(some))
    return Lookback(chosen, log_p, available, norms, products)


def _gradients(
    handle: LanguageModelHandle, split: Split, begin: Ids, began: Ids, states: list[State | None], reach: int
) -> tuple[Floats, Floats, Floats]:
    """log p ``(B,)``, norms and products ``(B, R)`` of lanes of R steps from ``begin (B,)`` on."""
    device = device_of(handle.model)
    positions = begin + np.arange(reach)[:, None]  # (T, B)
    ids = torch.from_numpy(split.tokens[np.maximum(positions, 0)].astype(np.int64)).to(device)
    resets = torch.from_numpy(positions == began).to(device)  # what is read before makes no difference
    target = torch.from_numpy(split.tokens[begin + reach].astype(np.int64)).to(device)  # (B,)
    model: Any = handle.model
    state = tree_map(lambda *some: torch.cat(some), *[model.initial_state(1) if one is None else one for one in states])
    seen: list[Tensor] = []
    with torch.enable_grad(), _watched_inputs(handle, seen):
        logits, _ = model(ids, tree_map(lambda leaf: leaf.detach(), state), resets if resets.any() else None)
        log_p = F.log_softmax(logits[-1].double(), dim=-1).gather(1, target[:, None])[:, 0]  # (B,)
        (gradient,) = torch.autograd.grad(log_p.sum(), seen)
    norms, products = gradient.norm(dim=-1), times_input(seen[0], gradient)  # (T, B)
    g, w = (one.flip(0).t().double().cpu().numpy() for one in (norms, products))
    return log_p.detach().cpu().numpy(), g, w


@contextmanager
def _watched_inputs(handle: LanguageModelHandle, seen: list[Tensor]) -> Iterator[None]:
    """Within it, what the first layer receives becomes a leaf of the graph, as vectors, and is put into ``seen``."""
    stack = stack_of(handle.model)
    first, run = next(stack.cells), stack.runner

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if cell is first:
            inputs = one_hot(cell, inputs).detach().requires_grad_(True)
            seen.append(inputs)
        return run(cell, inputs, state, **options)

    with run_by(stack, runner):
        yield


class States:
    """The states in which a text leaves a model, asked for in the order of the text."""

    def __init__(self, handle: LanguageModelHandle, split: Split) -> None:
        self.handle, self.split, self.position = handle, split, 0
        self.state: State = None

    def at(self, position: int) -> State | None:
        """Before the symbol at ``position`` is read; `None` at the beginning."""
        while self.position < position:
            end = min(position, self.position + AT_ONCE)
            _, self.state = read(self.handle, self.split, self.position, end, self.state)
            self.position = end
        return self.state
