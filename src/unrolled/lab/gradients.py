"""Gradients through time: vanishing, preserved or exploding.

    (1)  J_k = ∂h_T/∂h_{T−k}                             k: distance; h: the first part of a layer's state
    (2)  ∂L_T/∂h_{T−k} = J_kᵀ ∂L_T/∂h_T                  one layer; in a stack, over all paths through the layers
    (3)  J_k = ∏_{t=T−k+1}^{T} diag(f'(a_t)) W_hh        vanilla; Pascanu, Mikolov and Bengio 2013, eq. 5
    (4)  ‖J_k‖₂ ≤ (γ σ_max)^k,   γ = max f' = 1          upper bound; σ_max: the largest singular value of W_hh
    (5)  ‖J_k‖₂ → c ρ^k                                  while f' ≈ 1; ρ: the largest |eigenvalue| of W_hh
    (6)  ‖J_k‖_F / √H                                    mean change of a direction's length

In (5), ρ < 1 is sufficient for vanishing, ρ > 1 necessary for exploding gradients. Hochreiter 1991, chapter 4; Bengio,
Simard and Frasconi 1994, section IV; Pascanu et al. 2013, section 2.1.

Each state is a node of the graph: an LSTM's ∂/∂c_t includes the path through h_t. Jacobians are exact: H copies of the
sequence form a batch, each with the gradient of one unit of h_T.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from ..analysis.lookback import Lookback
from ..analysis.runner import run_by
from ..cells import Cell, GatedCell, LSTMCell, RNNCell, State
from ..cells.dilated import Dilated
from ..checks import checked
from ..errors import ArgumentError
from ..layers import Stack
from ..scan import one_hot

# T steps, B sequences, I inputs, H units of h, W width of a part of the state; k from 0 to T

Array = NDArray[np.float64]
NAMES = {3: "rzn", 4: "ifgo"}  # gate names of GRU and LSTM
CHANGE = 10.0  # factor over T steps from which a gradient counts as exploding, its inverse as vanishing
AT_ONCE, KEPT = 64, 1 << 21  # limits: copies of a sequence in a batch, and state values saved for its backward pass


@dataclass(frozen=True)
class Flow:
    """The influence of one part of a layer's state at T − k on the last step, averaged over sequences.

    Attributes:
        layer: from 1.
        by: the part of the state: ``h``, or an LSTM's ``c``.
        norm: ``(T + 1,)``, (6) for each distance k.
        largest: ``(T + 1,)``, ‖J_k‖₂; `None` if not computed.
        loss: ``(T + 1,)``, ‖∂L_T/∂·‖.
    """

    layer: int
    by: str
    norm: Array
    largest: Array | None
    loss: Array

    @property
    def length(self) -> int:
        """T."""
        return len(self.norm) - 1

    @property
    def followed(self) -> Array:
        """The spectral norm of (4) and (5) if computed, else (6)."""
        return self.norm if self.largest is None else self.largest

    def slope(self) -> float:
        """Return the slope of log ``followed`` over k, fitted for k ≥ T/10, where (5) holds; −∞ if it reaches 0."""
        values = self.followed[self.length // 10 :]
        if not (values > 0).all():
            return -float("inf")
        values = values[np.isfinite(values)]  # overflow: it has exploded before
        return float(np.polyfit(np.arange(len(values)), np.log(values), 1)[0]) if len(values) > 1 else float("inf")

    def verdict(self) -> str:
        """Return "vanishes", "explodes" or "keeps": by the slope, T steps change it below 1/10, above 10, or less."""
        change = self.slope() * self.length
        most = np.log(CHANGE)
        return "vanishes" if change < -most else "explodes" if change > most else "keeps"


@dataclass(frozen=True)
class Matrix:
    """The recurrent matrix (H × H) of one gate.

    Attributes:
        layer: from 1.
        gate: the gate's name; empty for a vanilla cell.
        singular: ``(H,)``, singular values, descending.
        radius: the spectral radius ρ.
    """

    layer: int
    gate: str
    singular: Array
    radius: float

    @property
    def largest(self) -> float:
        """σ_max."""
        return float(self.singular[0])


@dataclass(frozen=True)
class Measurement:
    """The measured gradients of one network.

    Attributes:
        kind: cell and initialisation, or the stage of training.
        flows: for each layer and part of the state.
        matrices: for each layer and gate.
        bounds: γ σ_max of (4) for each layer; `None` where it does not hold.
        group: the networks it is compared with.
        radius: the ρ that W_hh was scaled to, if any.
        lookback: gradients with respect to the inputs, of a trained model.
    """

    kind: str
    flows: list[Flow]
    matrices: list[Matrix]
    bounds: list[float | None]
    group: str = ""
    radius: float | None = None
    lookback: Lookback | None = None

    @property
    def name(self) -> str:
        """The kind, and the radius if W_hh was scaled."""
        return self.kind if self.radius is None else f"{self.kind}, ρ = {self.radius:g}"

    @property
    def label(self) -> str:
        """The name and the group, a unique label."""
        return f"{self.name}, {self.group}"

    def predicted(self, flow: Flow) -> Array | None:
        """Return ρ^k of (5) for a scaled vanilla network."""
        return None if self.bounds[flow.layer - 1] is None else _powers(self.radius, flow.length)

    def bound(self, flow: Flow) -> Array | None:
        """Return the bound (4)."""
        return _powers(self.bounds[flow.layer - 1], flow.length)


@checked
def flows(
    stack: Stack,
    losses: Callable[[], Tensor],
    *,
    largest: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> list[Flow]:
    """Compute (1) and (2) for every layer and part of its state.

    Args:
        stack: unidirectional layers.
        losses: reads B sequences of T steps with the stack, once, and returns the loss L_T of each ``(B,)``.
        largest: whether to compute singular values.
        progress: called after each layer's Jacobian of each sequence.
    """
    with _recorded(stack) as passes:
        loss = losses().sum()
    result: list[Flow] = []
    for layer, record in enumerate(passes, 1):
        loss_norms = _loss_norms(loss, record.states)
        norms: dict[str, list[Array]] = {}
        B = record.inputs.size(1)
        for b in range(B):
            state = tree_map(lambda leaf, b=b: leaf[b : b + 1], record.before)
            for name, J in jacobians(record.cell, record.inputs[:, b], state).items():
                norms.setdefault(name, []).append(_norms(J, largest))
            progress()
        for name, values in norms.items():
            fro, top = np.mean(values, axis=0)
            result.append(Flow(layer, name, fro, top if largest else None, loss_norms[name]))
    return result


def jacobians(cell: Cell, inputs: Tensor, state: State) -> dict[str, Tensor]:
    """Return ∂h_T/∂s_{T−k} for each part s of the state, on one sequence.

    Args:
        cell: any cell; its parameters' ``grad`` is not changed.
        inputs: ``(T, I)``.
        state: the state before the first step, batch size 1.

    Returns:
        name → ``(T + 1, H, W)`` float64, with a row for each unit of h_T.
    """
    H = next(iter(parts(state).values())).size(1)
    blocks: dict[str, list[Tensor]] = {}
    at_once = min(AT_ONCE, max(1, KEPT // (len(inputs) * H)))
    for units in torch.arange(H).split(at_once):
        B = len(units)
        lanes = inputs.detach()[:, None].expand(-1, B, -1)
        _, _, states = _run(cell, lanes, tree_map(lambda leaf, B=B: leaf.detach().expand(B, *leaf.shape[1:]), state))
        last = next(iter(states[-1].values()))
        seeds = F.one_hot(units, H).to(last)
        for name, gradient in _gradients(last, states, seeds).items():
            blocks.setdefault(name, []).append(gradient)
    return {name: torch.cat(gradients, dim=1) for name, gradients in blocks.items()}


def parts(state: State) -> dict[str, Tensor]:
    """Return the differentiable parts of a state by name: ``h``, ``c``, or their index if they have no names."""
    leaves = tree_flatten(state)[0]
    names = getattr(state, "_fields", ())
    named = zip(names if len(names) == len(leaves) else map(str, range(len(leaves))), leaves, strict=True)
    return {name: leaf for name, leaf in named if leaf.is_floating_point()}


def recurrent_matrices(stack: Stack) -> list[Matrix]:
    """Return W_hh of every layer and gate (W_h· W_hr with an LSTM's projection), for cells that have one."""
    matrices = []
    for layer, cell in enumerate(stack.cells, 1):
        for gate, weight in blocks_of(cell).items():
            W = weight.detach().double().cpu()
            if isinstance(cell, LSTMCell) and cell.proj_size:
                W = W @ cell.weight_hr.detach().double().cpu()
            radius = float(torch.linalg.eigvals(W).abs().max())
            matrices.append(Matrix(layer, gate, torch.linalg.svdvals(W).numpy(), radius))
    return matrices


def blocks_of(cell: Cell) -> dict[str, Tensor]:
    """Return W_hh by gate; empty for a cell without ``weight_hh``, or with another shape of it."""
    weight = getattr(cell, "weight_hh", None)
    if not isinstance(weight, Tensor) or weight.dim() != 2 or weight.size(0) % cell.hidden_size:
        return {}
    if not isinstance(cell, GatedCell) and weight.size(1) != cell.hidden_size:
        return {}
    blocks = weight.chunk(weight.size(0) // cell.hidden_size)
    names = NAMES.get(len(blocks), "") if isinstance(cell, GatedCell) else ""
    if len(blocks) == 1:
        return {"": weight}
    return dict(zip(names or map(str, range(len(blocks))), blocks, strict=True))


def bound(cell: Cell) -> float | None:
    """Return γ σ_max of (4); `None` for cells to which it does not apply."""
    if not isinstance(cell, RNNCell) or cell.layer_norm or cell.zoneout_h:
        return None
    return float(torch.linalg.matrix_norm(cell.weight_hh.detach().double(), 2))


def _powers(base: float | None, length: int) -> Array | None:
    with np.errstate(over="ignore"):
        return None if base is None else np.asarray(base ** np.arange(length + 1.0))


def _norms(J: Tensor, largest: bool) -> Array:
    """Return (6) and ‖J_k‖₂ (zeros unless ``largest``) as ``(2, T + 1)``; ∞ where J_k has overflowed."""
    finite = J.flatten(1).isfinite().all(1)
    J = torch.where(finite[:, None, None], J, 0.0)
    mean = torch.linalg.matrix_norm(J) / J.size(1) ** 0.5
    top = torch.linalg.matrix_norm(J, 2) if largest else torch.zeros_like(mean)
    return np.asarray(torch.stack([mean, top]).masked_fill(~finite, torch.inf).numpy())


@dataclass
class _Pass:
    """The recorded pass of one layer."""

    cell: Cell
    inputs: Tensor  # (T, B, I)
    before: State
    states: list[dict[str, Tensor]]  # T + 1 of them, from the initial state on


@contextmanager
def _recorded(stack: Stack) -> Iterator[list[_Pass]]:
    """Record the stack's next pass within, layer by layer; each state is a node of the autograd graph."""
    passes: list[_Pass] = []

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if isinstance(cell, Dilated):
            raise ArgumentError("model", "without dilation", f"a dilation of {cell.dilation}")
        inputs = one_hot(cell, inputs)
        first = tree_map(lambda leaf: leaf.detach(), state)
        outputs, after, states = _run(cell, inputs, first)
        passes.append(_Pass(cell, inputs.detach(), first, states))
        return outputs, after

    with run_by(stack, runner), torch.enable_grad():
        yield passes


def _run(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State, list[dict[str, Tensor]]]:
    """Return the outputs ``(T, B, O)``, the last state, and the nodes of all T + 1 states; the first is a leaf."""
    leaves, form = tree_flatten(state)
    state = tree_unflatten([leaf.clone().requires_grad_(leaf.is_floating_point()) for leaf in leaves], form)
    outputs, states = [], [parts(state)]
    with torch.enable_grad():
        for x in inputs:
            output, state = cell.step(x, state)
            outputs.append(output)
            states.append(parts(state))
    return torch.stack(outputs), state, states


def _gradients(of: Tensor, states: list[dict[str, Tensor]], seeds: Tensor | None = None) -> dict[str, Tensor]:
    """Return gradients with respect to every node, from the last state back: name → ``(T + 1, B, W)`` float64.

    They are zero for nodes without a path to ``of``.
    """
    nodes = [node for state in reversed(states) for node in state.values()]
    gradients = torch.autograd.grad(of, nodes, seeds, retain_graph=True, allow_unused=True)
    filled = [
        torch.zeros_like(n) if gradient is None else gradient for gradient, n in zip(gradients, nodes, strict=True)
    ]
    names = list(states[0])
    return {name: torch.stack(filled[n :: len(names)]).double().cpu() for n, name in enumerate(names)}


def _loss_norms(loss: Tensor, states: list[dict[str, Tensor]]) -> dict[str, Array]:
    """Return ‖∂L_T/∂·‖ for each distance, averaged over sequences."""
    return {name: g.flatten(2).norm(dim=2).mean(1).numpy() for name, g in _gradients(loss, states).items()}
