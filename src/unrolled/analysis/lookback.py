"""How far back the predictions of a language model depend on its inputs.

    g_{t,d} = ‖∂ log p(x_{t+1} | x_1 … x_t) / ∂ x_{t−d}‖            d = 0: the last token read               (1)
    w_{t,d} = x_{t−d} · ∂ log p(x_{t+1} | …) / ∂ x_{t−d}            gradient times input, `saliency`         (2)
    m(q)    = the smallest m with  Σ_{d≤m} g_d ≥ q Σ_d g_d          effective memory, q = 0.9                (3)

x is the input of the first recurrent layer: a one-hot vector or an embedding. Gradients with respect to distant inputs:
Hochreiter 1991; Bengio, Simard and Frasconi 1994. Khandelwal et al. 2018 perturb the context instead.
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
from ..training.process import device_of
from .runner import run_by
from .saliency import times_input
from .text_windows import LanguageModelHandle, Progress, as_split, check_unidirectional, read
from .units import stack_of

# P positions, R reach, T steps, B lanes

AT_ONCE = 1024  # tokens per window that is read without gradients

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lookback:
    """Gradients of predictions at chosen positions of a text.

    Attributes:
        positions: ``(P,)``, the positions t.
        log_p: ``(P,)``, log p of the next token, in nats.
        available: ``(P,)``, the number of distances: back to the beginning of the document, at most R.
        norms: ``(P, R)``, (1) by distance; 0 beyond ``available``.
        times_input: ``(P, R)``, (2).
    """

    positions: Ids
    log_p: Floats
    available: Ids
    norms: Floats
    times_input: Floats

    def mean(self) -> Floats:
        """Return ``(R,)``: the mean norm at each distance, over the positions that have it; NaN if none has."""
        has = np.arange(self.norms.shape[1]) < self.available[:, None]  # (P, R)
        count = has.sum(0)
        return np.where(count > 0, self.norms.sum(0) / np.maximum(count, 1), np.nan)

    def memory(self, share: float = 0.9) -> int:
        """Return the effective memory (3) of the mean: the distance within which this share of the norm lies.

        Distances beyond the reach are not counted; where they would matter, the result is close to R.

        Raises:
            ArgumentError: the share is not in (0, 1].
        """
        return effective_memory(np.nan_to_num(self.mean()), share)

    def memories(self, share: float = 0.9) -> list[int]:
        """Return the effective memory (3) of every position."""
        return [effective_memory(row, share) for row in self.norms]

    def as_json(self) -> dict[str, Any]:
        """Return JSON data: the mean by distance, and every position."""
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
    """Return the effective memory (3) of norms by distance ``(R,)``; 0 if all norms are 0.

    Raises:
        ArgumentError: the share is not in (0, 1].
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
    """Compute gradients of the log-probability of the token after each position with respect to the previous inputs.

    The state is carried from the beginning of the text; gradients go back ``reach`` tokens, at most to the beginning
    of the document.

    Args:
        handle: a language model with recurrent layers, with one-hot inputs or an embedding.
        text: a text of at least two tokens.
        positions: the positions t, from 0; `None`: ``count`` evenly spaced positions.
        count: the number of positions if ``positions`` is `None`.
        reach: R, for distances from 0 to R − 1.
        lanes: positions computed in parallel.
        progress: called with the number of positions computed so far.

    Raises:
        ArgumentError: a position is outside the text, a size is below 1, or the layers are bidirectional or missing.
    """
    check_size("count", count)
    check_size("reach", reach)
    check_size("lanes", lanes)
    check_unidirectional(handle)
    split = as_split(handle, text)
    last = len(split) - 2
    reach = min(reach, last + 1)  # no input is farther back
    if positions is None:
        chosen = np.unique(np.linspace(reach - 1, last, min(count, last - reach + 2)).round().astype(np.int64))
    else:
        chosen = np.array(list(positions), dtype=np.int64)
        if not len(chosen) or chosen.min() < 0 or chosen.max() > last:
            raise ArgumentError("positions", f"positions from 0 to {last}, which have a next token", positions)
    order = np.argsort(chosen, kind="stable")
    starts = np.union1d(split.starts, [0])
    document = starts[np.searchsorted(starts, chosen, side="right") - 1]  # where the document begins
    available = np.minimum(chosen - document + 1, reach)
    norms, products = np.zeros((2, len(chosen), reach))
    log_p = np.zeros(len(chosen))
    state_reader = States(handle, split)
    for at in range(0, len(order), lanes):
        batch = order[at : at + lanes]
        begin = chosen[batch] - reach + 1  # of the lanes; a reset masks tokens before the document
        complete = available[batch] == reach
        states = [state_reader.at(int(first)) if full else None for first, full in zip(begin, complete, strict=True)]
        log_p[batch], g, w = _gradients(handle, split, begin, document[batch], states, reach)
        norms[batch], products[batch] = g, w
        if progress is not None:
            progress(at + len(batch))
    return Lookback(chosen, log_p, available, norms, products)


def _gradients(
    handle: LanguageModelHandle, split: Split, begin: Ids, document: Ids, states: list[State | None], reach: int
) -> tuple[Floats, Floats, Floats]:
    """Return log p ``(B,)``, norms and products ``(B, R)`` of lanes of R steps from positions ``begin (B,)``."""
    device = device_of(handle.model)
    positions = begin + np.arange(reach)[:, None]  # (T, B)
    ids = torch.from_numpy(split.tokens[np.maximum(positions, 0)].astype(np.int64)).to(device)
    resets = torch.from_numpy(positions == document).to(device)  # tokens before the document have no effect
    target = torch.from_numpy(split.tokens[begin + reach].astype(np.int64)).to(device)  # (B,)
    model: Any = handle.model
    lane_states = [model.initial_state(1) if state is None else state for state in states]
    state = tree_map(lambda *leaves: torch.cat(leaves), *lane_states)
    inputs: list[Tensor] = []
    with torch.enable_grad(), _first_inputs(handle, inputs):
        logits, _ = model(ids, tree_map(lambda leaf: leaf.detach(), state), resets if resets.any() else None)
        log_p = F.log_softmax(logits[-1].double(), dim=-1).gather(1, target[:, None])[:, 0]  # (B,)
        (gradient,) = torch.autograd.grad(log_p.sum(), inputs)
    norms, products = gradient.norm(dim=-1), times_input(inputs[0], gradient)  # (T, B)
    g, w = (values.flip(0).t().double().cpu().numpy() for values in (norms, products))
    return log_p.detach().cpu().numpy(), g, w


@contextmanager
def _first_inputs(handle: LanguageModelHandle, collected: list[Tensor]) -> Iterator[None]:
    """Context manager in which inputs of the first layer become leaves of the graph and are added to ``collected``."""
    stack = stack_of(handle.model)
    first, run = next(stack.cells), stack.runner

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if cell is first:
            inputs = one_hot(cell, inputs).detach().requires_grad_(True)
            collected.append(inputs)
        return run(cell, inputs, state, **options)

    with run_by(stack, runner):
        yield


class States:
    """The states of a model at ascending positions of a text."""

    def __init__(self, handle: LanguageModelHandle, split: Split) -> None:
        self.handle, self.split, self.position = handle, split, 0
        self.state: State = None

    def at(self, position: int) -> State | None:
        """Return the state before the token at ``position`` is read; `None` at the beginning."""
        while self.position < position:
            end = min(position, self.position + AT_ONCE)
            _, self.state = read(self.handle, self.split, self.position, end, self.state)
            self.position = end
        return self.state
