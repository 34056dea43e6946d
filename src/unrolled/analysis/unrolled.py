"""A language model unrolled over a short text: every step's state, what it predicts, and how the loss looks back at it.

    L   = 1/(T-1) Σ_{t<T-1} -log p(x_{t+1} | x_0 … x_t)         or of the last of these alone                    (1)
    g_t = ∂L/∂h_t                                               of each layer, along every path to the losses     (2)

(2) is what backpropagation through time hands from step to step (`lab.bptt`, 10.19 and 10.21): through the head at t,
the layers above, and all later steps. The cells' own equations are run one step at a time, so that every h_t is a node
of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..cells import Cell, State
from ..cells.dilated import Dilated
from ..checks import checked
from ..errors import ArgumentError
from ..scan import one_hot
from .runner import run_by
from .text_windows import LanguageModelHandle, device_of, one_way
from .units import stack_of

# T steps, V symbols, H units


@dataclass(frozen=True)
class Layer:
    """One layer's steps: ``h (T, H)``, ``c (T, H)`` of an LSTM, and (2), ``grad (T, H)``."""

    name: str
    h: Tensor
    c: Tensor | None
    grad: Tensor


@dataclass(frozen=True)
class Unrolled:
    """A text's steps.

    Attributes:
        ids: (T,) the symbols; the target of each is the next.
        log_p: ``(T, V)`` of what comes next, in nats.
        layers: from the lowest.
        loss: (1); `None` for a text of one symbol, which predicts nothing that is there.
    """

    ids: list[int]
    log_p: Tensor
    layers: list[Layer]
    loss: float | None


@checked
def unroll(handle: LanguageModelHandle, text: str, *, last_only: bool = False) -> Unrolled:
    """Read a text from the initial state, and look back from its loss.

    Args:
        handle: a language model with recurrent layers; nobody else may use it meanwhile.
        text: of at least one symbol.
        last_only: take the loss of the last prediction only.

    Raises:
        ArgumentError: the text is empty or has characters outside the vocabulary, or the layers have two directions.
    """
    one_way(handle)
    if not text:
        raise ArgumentError("text", "at least one character", text)
    if outside := handle.vocabulary.outside(text):
        expected = f"in the model's {handle.vocabulary.kind} vocabulary"
        raise ArgumentError("text", expected, "".join(list(outside)[:5]), "leave these characters out")
    ids = torch.from_numpy(handle.vocabulary.encode(text).astype(np.int64)).to(device_of(handle.model))
    stack = stack_of(handle.model)
    names = {cell: name for name, cell in stack.named_modules() if cell in set(stack.cells)}
    states: dict[str, list[State]] = {}

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if isinstance(cell, Dilated):
            raise ArgumentError("model", "one whose state is that of one step", f"a dilation of {cell.dilation}")
        outputs = []
        for x in one_hot(cell, inputs):
            output, state = cell.step(x, state)
            if not hasattr(state, "h"):
                raise ArgumentError("cell", "one whose state has a leaf h", type(cell).__name__)
            states.setdefault(names[cell], []).append(state)
            outputs.append(output)
        return torch.stack(outputs), state

    model: Any = handle.model
    with run_by(stack, runner), torch.enable_grad():
        logits, _ = model(ids[:, None])
        log_p = F.log_softmax(logits[:, 0].double(), dim=-1)  # (T, V)
        nats = -log_p[:-1].gather(1, ids[1:, None])[:, 0]
        loss = (nats[-1] if last_only else nats.mean()) if len(nats) else None  # (1)
    nodes = [state.h for some in states.values() for state in some]
    found: Any = [None] * len(nodes) if loss is None else torch.autograd.grad(loss, nodes, allow_unused=True)
    gradients = iter([torch.zeros_like(h) if g is None else g for h, g in zip(nodes, found, strict=True)])  # (2)
    layers = [
        Layer(
            name,
            torch.cat([state.h for state in some]).detach(),
            torch.cat([state.c for state in some]).detach() if hasattr(some[0], "c") else None,
            torch.cat([next(gradients) for _ in some]),
        )
        for name, some in states.items()
    ]
    return Unrolled(ids.tolist(), log_p.detach(), layers, None if loss is None else loss.item())
