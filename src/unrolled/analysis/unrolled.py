"""A language model unrolled over a short text: states, predictions and gradients of the loss at every step.

    L   = 1/(T-1) Σ_{t<T-1} -log p(x_{t+1} | x_0 … x_t)         or the last term alone                           (1)
    g_t = ∂L/∂h_t                                               of each layer, along all paths to the losses      (2)

(2) is the gradient of backpropagation through time (`lab.bptt`, 10.19 and 10.21): through the head at t, the layers
above, and all later steps. The cells run one step at a time, so that every h_t is a node of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..cells import Cell, State, Trace
from ..cells.dilated import Dilated
from ..cells.state import named_leaves
from ..checks import checked
from ..errors import ArgumentError
from ..scan import one_hot
from ..training.process import device_of
from .runner import run_by
from .text_windows import LanguageModelHandle, check_unidirectional
from .units import stack_of

# T steps, V vocabulary size, H units


@dataclass(frozen=True)
class Layer:
    """The steps of one layer: ``h (T, H)``, ``c (T, H)`` of an LSTM, ``grad (T, H)``, (2), and ``gates`` ``(T, ·)``."""

    name: str
    h: Tensor
    c: Tensor | None
    grad: Tensor
    gates: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Unrolled:
    """The steps of a model over a text.

    Attributes:
        ids: the T token ids; the target of each is the next.
        log_p: ``(T, V)``, log-probabilities of the next token in nats.
        layers: the layers, from the first.
        loss: (1); `None` for a text of one token, which has no target.
    """

    ids: list[int]
    log_p: Tensor
    layers: list[Layer]
    loss: float | None


@checked
def unroll(handle: LanguageModelHandle, text: str, *, last_only: bool = False, gates: bool = False) -> Unrolled:
    """Run a model over a text from the initial state and differentiate its loss.

    Args:
        handle: a language model with recurrent layers; not thread-safe.
        text: a text of at least one token.
        last_only: use the loss of the last prediction only.
        gates: also return every gate that the cells name.

    Raises:
        ArgumentError: the text is empty or has characters outside the vocabulary, or the layers are bidirectional.
    """
    check_unidirectional(handle)
    if not text:
        raise ArgumentError("text", "at least one character", text)
    if outside := handle.vocabulary.outside(text):
        expected = f"in the model's {handle.vocabulary.kind} vocabulary"
        raise ArgumentError("text", expected, "".join(list(outside)[:5]), "remove these characters")
    ids = torch.from_numpy(handle.vocabulary.encode(text).astype(np.int64)).to(device_of(handle.model))
    stack = stack_of(handle.model)
    names = {cell: name for name, cell in stack.named_modules() if cell in set(stack.cells)}
    states: dict[str, list[dict[str, Tensor]]] = {}
    traces: dict[str, list[Trace]] = {}

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if isinstance(cell, Dilated):
            raise ArgumentError("model", "one without dilated layers", f"a dilation of {cell.dilation}")
        outputs = []
        for x in one_hot(cell, inputs):
            output, state, trace = cell.step_traced(x, state)
            leaves = named_leaves(state)
            if "h" not in leaves:
                raise ArgumentError("cell", "one whose state has a leaf h", type(cell).__name__)
            states.setdefault(names[cell], []).append(leaves)
            traces.setdefault(names[cell], []).append(trace)
            outputs.append(output)
        return torch.stack(outputs), state

    model: Any = handle.model
    with run_by(stack, runner), torch.enable_grad():
        logits, _ = model(ids[:, None])
        log_p = F.log_softmax(logits[:, 0].double(), dim=-1)  # (T, V)
        nats = -log_p[:-1].gather(1, ids[1:, None])[:, 0]
        loss = (nats[-1] if last_only else nats.mean()) if len(nats) else None  # (1)
    nodes = [leaves["h"] for layer_states in states.values() for leaves in layer_states]
    grads: Any = [None] * len(nodes) if loss is None else torch.autograd.grad(loss, nodes, allow_unused=True)
    gradients = iter([torch.zeros_like(h) if g is None else g for h, g in zip(nodes, grads, strict=True)])  # (2)
    layers = [
        Layer(
            name,
            _joined(layer_states, "h"),
            _joined(layer_states, "c") if "c" in layer_states[0] else None,
            torch.cat([next(gradients) for _ in layer_states]),
            {gate: _joined(traces[name], gate) for gate in traces[name][0] if gate not in layer_states[0]}
            if gates
            else {},
        )
        for name, layer_states in states.items()
    ]
    return Unrolled(ids.tolist(), log_p.detach(), layers, None if loss is None else loss.item())


def _joined(steps: list[dict[str, Tensor]], name: str) -> Tensor:
    """Return a state or gate of all steps, ``(T, ·)``."""
    return torch.cat([step[name] for step in steps]).detach()
