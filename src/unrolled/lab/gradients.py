"""How gradients flow back through time: vanishing, kept or exploding.

    (1)  J_k = ∂h_T/∂h_{T−k}                             k: distance; h: the first part of a layer's state
    (2)  ∂L_T/∂h_{T−k} = J_kᵀ ∂L_T/∂h_T                  one layer; in a stack, by every path through the layers
    (3)  J_k = ∏_{t=T−k+1}^{T} diag(f'(a_t)) W_hh        vanilla; Pascanu, Mikolov and Bengio 2013, eq. 5
    (4)  ‖J_k‖₂ ≤ (γ σ_max)^k,   γ = max f' = 1          their bound; σ_max: the largest singular value of W_hh
    (5)  ‖J_k‖₂ → c ρ^k                                  while f' ≈ 1; ρ: the largest |eigenvalue| of W_hh
    (6)  ‖J_k‖_F / √H                                    how much a direction changes in length, in the mean

ρ < 1 is enough to vanish in (5), ρ > 1 needed to explode. Hochreiter 1991, chapter 4; Bengio, Simard and Frasconi 1994,
section IV; Pascanu et al. 2013, section 2.1.

A state is a node of the graph: ∂/∂c_t of an LSTM takes the path through h_t too. Jacobians are exact: H copies of the
sequence are differentiated at once, each by one unit of h_T.
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
NAMES = {3: "rzn", 4: "ifgo"}  # of the gates of a GRU and an LSTM
AT_ONCE, KEPT = 64, 1 << 21  # copies of a sequence, and units of all their states: the way back needs them in memory


@dataclass(frozen=True)
class Flow:
    """What one part of a layer's state, T − k, does to the end, in the mean over sequences.

    Attributes:
        layer: from 1.
        by: the part: ``h``, or an LSTM's ``c``.
        norm: ``(T + 1,)``, (6) by distance.
        largest: ``(T + 1,)``, ‖J_k‖₂; `None` where it was not asked for.
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
        """The norm that (4) and (5) are about, if there is one; else (6)."""
        return self.norm if self.largest is None else self.largest

    def slope(self) -> float:
        """Of log ``followed`` by distance, fitted from a tenth of T on, where (5) has settled; −∞ if it reaches 0."""
        values = self.followed[self.length // 10 :]
        if not (values > 0).all():
            return -float("inf")
        values = values[np.isfinite(values)]  # what has overflowed has exploded before
        return float(np.polyfit(np.arange(len(values)), np.log(values), 1)[0]) if len(values) > 1 else float("inf")

    def verdict(self) -> str:
        """By what the slope makes of a gradient over T steps: less than a tenth, more than ten times, or neither."""
        change = self.slope() * self.length
        return "vanishes" if change < -np.log(10) else "explodes" if change > np.log(10) else "keeps"


@dataclass(frozen=True)
class Matrix:
    """A recurrent matrix, H × H. ``gate``: its name, empty for a vanilla cell's one."""

    layer: int
    gate: str
    singular: Array
    radius: float

    @property
    def largest(self) -> float:
        """σ_max."""
        return float(self.singular[0])


@dataclass(frozen=True)
class Measured:
    """What was measured of one network.

    Attributes:
        kind: of cell and initialiser, or the stage of its training.
        flows: by layer and part of the state.
        matrices: by layer and gate.
        bounds: γ σ_max of (4) by layer; `None` where it does not hold.
        group: with which it is compared.
        radius: ρ, if W_hh was scaled to it.
        lookback: gradients by the inputs, of a trained model.
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
        """The kind, and what W_hh was scaled to."""
        return self.kind if self.radius is None else f"{self.kind}, ρ = {self.radius:g}"

    @property
    def label(self) -> str:
        """The name and the group, which no other has."""
        return f"{self.name}, {self.group}"

    def predicted(self, flow: Flow) -> Array | None:
        """ρ^k of (5), for a vanilla network that was scaled."""
        return None if self.bounds[flow.layer - 1] is None else _powers(self.radius, flow.length)

    def bound(self, flow: Flow) -> Array | None:
        """(4)."""
        return _powers(self.bounds[flow.layer - 1], flow.length)


@checked
def flows(
    stack: Stack,
    losses: Callable[[], Tensor],
    *,
    largest: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> list[Flow]:
    """(1), (2) of every layer and part of its state.

    Args:
        stack: layers of one direction.
        losses: reads sequences of T steps with the stack, once, and gives each one's L_T ``(B,)``.
        largest: whether singular values are wanted too.
        progress: called after each layer's Jacobian by one sequence.
    """
    with _watched(stack) as seen:
        loss = losses().sum()
    found: list[Flow] = []
    for layer, one in enumerate(seen, 1):
        norms = _loss_norms(loss, one.states)
        sums: dict[str, list[Array]] = {}
        B = one.inputs.size(1)
        for b in range(B):
            state = tree_map(lambda leaf, b=b: leaf[b : b + 1], one.before)
            for name, J in jacobians(one.cell, one.inputs[:, b], state).items():
                sums.setdefault(name, []).append(_norms(J, largest))
            progress()
        for name, every in sums.items():
            fro, top = np.mean(every, axis=0)
            found.append(Flow(layer, name, fro, top if largest else None, norms[name]))
    return found


def jacobians(cell: Cell, inputs: Tensor, state: State) -> dict[str, Tensor]:
    """∂h_T/∂s_{T−k} of one sequence for each part s of the state: name → ``(T + 1, H, W)`` float64, row: unit of h_T.

    Args:
        cell: any; its parameters' gradients are left alone.
        inputs: ``(T, I)``.
        state: before the first step, of one lane.
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
    return {name: torch.cat(some, dim=1) for name, some in blocks.items()}


def parts(state: State) -> dict[str, Tensor]:
    """The parts of a state that have a gradient, by name: ``h``, ``c``, or their number where they have no names."""
    leaves = tree_flatten(state)[0]
    names = getattr(state, "_fields", ())
    named = zip(names if len(names) == len(leaves) else map(str, range(len(leaves))), leaves, strict=True)
    return {name: leaf for name, leaf in named if leaf.is_floating_point()}


def recurrent_matrices(stack: Stack) -> list[Matrix]:
    """W_hh of every layer, gate by gate; with an LSTM's projection, W_h· W_hr. Cells that have none are left out."""
    found = []
    for layer, cell in enumerate(stack.cells, 1):
        for gate, weight in blocks_of(cell).items():
            W = weight.detach().double().cpu()
            if isinstance(cell, LSTMCell) and cell.proj_size:
                W = W @ cell.weight_hr.detach().double().cpu()
            radius = float(torch.linalg.eigvals(W).abs().max())
            found.append(Matrix(layer, gate, torch.linalg.svdvals(W).numpy(), radius))
    return found


def blocks_of(cell: Cell) -> dict[str, Tensor]:
    """W_hh by gate; none for a cell that has no such weight, or one of another shape."""
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
    """γ σ_max of (4); `None` for a cell that it does not hold for."""
    if not isinstance(cell, RNNCell) or cell.layer_norm or cell.zoneout_h:
        return None
    return float(torch.linalg.matrix_norm(cell.weight_hh.detach().double(), 2))


def _powers(base: float | None, length: int) -> Array | None:
    with np.errstate(over="ignore"):
        return None if base is None else np.asarray(base ** np.arange(length + 1.0))


def _norms(J: Tensor, largest: bool) -> Array:
    """(6) and ‖J_k‖₂ ``(2, T + 1)``, the latter zeros unless wanted; ∞ where J_k has overflowed."""
    finite = J.flatten(1).isfinite().all(1)
    J = torch.where(finite[:, None, None], J, 0.0)
    mean = torch.linalg.matrix_norm(J) / J.size(1) ** 0.5
    top = torch.linalg.matrix_norm(J, 2) if largest else torch.zeros_like(mean)
    return np.asarray(torch.stack([mean, top]).masked_fill(~finite, torch.inf).numpy())


@dataclass
class _Seen:
    """One layer's pass."""

    cell: Cell
    inputs: Tensor  # (T, B, I)
    before: State
    states: list[dict[str, Tensor]]  # T + 1, the one before first


@contextmanager
def _watched(stack: Stack) -> Iterator[list[_Seen]]:
    """Within it every state of the stack's next pass becomes a node that is kept, layer after layer."""
    seen: list[_Seen] = []

    def runner(cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if isinstance(cell, Dilated):
            raise ArgumentError("model", "one whose state is that of one step", f"a dilation of {cell.dilation}")
        inputs = one_hot(cell, inputs)
        first = tree_map(lambda leaf: leaf.detach(), state)
        outputs, after, states = _run(cell, inputs, first)
        seen.append(_Seen(cell, inputs.detach(), first, states))
        return outputs, after

    with run_by(stack, runner), torch.enable_grad():
        yield seen


def _run(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State, list[dict[str, Tensor]]]:
    """Outputs ``(T, B, O)``, the state after, and the nodes of all T + 1 states; the first is a leaf of the graph."""
    leaves, form = tree_flatten(state)
    state = tree_unflatten([one.clone().requires_grad_(one.is_floating_point()) for one in leaves], form)
    outputs, states = [], [parts(state)]
    with torch.enable_grad():
        for x in inputs:
            output, state = cell.step(x, state)
            outputs.append(output)
            states.append(parts(state))
    return torch.stack(outputs), state, states


def _gradients(of: Tensor, states: list[dict[str, Tensor]], seeds: Tensor | None = None) -> dict[str, Tensor]:
    """By every node, the last state's first: name → ``(T + 1, B, W)`` float64; zero where nothing leads."""
    nodes = [node for state in reversed(states) for node in state.values()]
    got = torch.autograd.grad(of, nodes, seeds, retain_graph=True, allow_unused=True)
    filled = [torch.zeros_like(node) if one is None else one for one, node in zip(got, nodes, strict=True)]
    names = list(states[0])
    return {name: torch.stack(filled[n :: len(names)]).double().cpu() for n, name in enumerate(names)}


def _loss_norms(loss: Tensor, states: list[dict[str, Tensor]]) -> dict[str, Array]:
    """‖∂L_T/∂·‖ by distance, in the mean over sequences."""
    return {name: one.flatten(2).norm(dim=2).mean(1).numpy() for name, one in _gradients(loss, states).items()}
