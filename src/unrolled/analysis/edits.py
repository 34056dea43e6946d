"""Changes of a cell's weights that make units of its state stand still, so that kernels and frozen copies see it.

In what follows u is the unit, v its value, and K so large that σ(−K) = 0 and σ(K) = 1 to the last bit.

    held memory        W_i[u] = W_f[u] = 0,  b_i[u] = −K,  b_f[u] = K    ⇒  c_t[u] = c_{t-1}[u], which is set to v  (1)
    constant input     W_hh h + b  =  Σ_{j≠u} W_hh[:, j] h_j + (b + W_hh[:, u] v)    if  h_{t-1}[u] = v             (2)
    ablated memory     as (1) with b_f[u] = −K    ⇒  c_t[u] = 0                                                     (3)
    ablated output     the LSTM: W_o[u] = 0, b_o[u] = −K,  projected: W_hr[u] = 0
                       the GRU:  W_z[u] = W_n[u] = 0, b_z[u] = −K, b_n[u] = 0
                       the RNN:  W[u] = 0, b[u] = 0                ⇒  h_t[u] = 0, and W_hh[:, u] = 0 as in (2)      (4)

(1) and (3) leave out what u's peepholes say to i and f; with layer norm they and (4) set the gains of u's rows to zero
and leave its weights, of which the statistics are made. W stands for ``weight_ih`` and ``weight_hh``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..cells import Cell, GatedCell, GRUCell, LSTMCell, RNNCell, State
from ..checks import checked
from ..errors import ArgumentError
from .units import Unit, by_cell, stack_of

# G gates, H hidden_size, U units

K = 1e3
GATES: dict[type[Cell], str] = {LSTMCell: "ifgo", GRUCell: "rzn", RNNCell: "a"}
C = TypeVar("C", bound=GatedCell)


def held_memory(cell: LSTMCell, units: Iterable[int]) -> LSTMCell:
    """A cell that carries these units of c on as they are (1). It shares all other weights with ``cell``."""
    made = _biased(cell)
    for gate, bias in (("i", -K), ("f", K)):
        _fix_rows(made, gate, list(units), bias)
    return made


def constant_input(cell: C, values: Mapping[int, float]) -> C | None:
    """A cell whose recurrent product is that of h with these units at these values, whatever they are (2).

    `None` if there is no such weight: with layer norm, and in a GRU with the reset gate before the product, the
    share of a value other than 0 is not the same at every step.
    """
    some = any(values.values())
    if some and (cell.layer_norm or (isinstance(cell, GRUCell) and not cell.reset_after)):
        return None
    made = _biased(cell) if some else _shared(cell)
    index = _index(cell, values)
    if some:
        v = torch.tensor(list(values.values()), dtype=cell.weight_hh.dtype, device=cell.weight_hh.device)  # (U,)
        _set(made, "bias_hh", made.bias_hh + cell.weight_hh[:, index] @ v)
    _set(made, "weight_hh", made.weight_hh.index_fill(1, index, 0.0))
    return made


def begins_at(cell: GatedCell, state: State) -> None:
    """Give a cell made here the initial state ``state``, one lane of it."""
    cell.initial = "learned"
    for leaf in cell.state_leaves:
        _set(cell, f"initial_{leaf}", getattr(state, leaf)[0])


@checked
def ablated(model: nn.Module, units: Iterable[Unit], *, leaf: str = "h", stack: str | None = None) -> nn.Module:
    """A copy of the model in whose weights these units are ablated for good: they are 0 at every step.

    It computes what `clamp` with the values 0 does, at full speed on every path, and can be frozen, saved and trained
    as any other.

    Args:
        model: a module whose recurrent layers have built-in cells.
        units: ``(layer, direction, unit)``.
        leaf: ``"h"``, or an LSTM's ``"c"``.
        stack: the name of the recurrent layers that are meant, where the model has several.

    Raises:
        ArgumentError: no such unit, or a cell that is not built in.
    """
    made = copy.deepcopy(model)
    chosen = by_cell(stack_of(made, stack), dict.fromkeys(units, 0.0), leaf)
    for cell, values in chosen.items():
        if type(cell) not in GATES:
            remedy = "clamp() takes any cell"
            raise ArgumentError("model", "one with the built-in cells", type(cell).__name__, remedy)
        assert isinstance(cell, GatedCell)
        edited = _ablated(cell, list(values), leaf)
        cell.bias, cell._parameters = edited.bias, _learnable(edited)
        for name, norm in edited.named_children():
            cell._modules[name], norm._parameters = norm, _learnable(norm)
    return made


@torch.no_grad()
def _ablated(cell: GatedCell, units: list[int], leaf: str) -> GatedCell:
    """(3) and (4)."""
    if leaf == "c":
        made = _biased(cell)
        for gate in "if":
            _fix_rows(made, gate, units, -K)
    else:
        without = constant_input(cell, dict.fromkeys(units, 0.0))
        assert without is not None
        made = _biased(without)
        if isinstance(made, LSTMCell) and made.proj_size:
            _set(made, "weight_hr", made.weight_hr.index_fill(0, _index(cell, units), 0.0))
        else:
            fixed = {LSTMCell: {"o": -K}, GRUCell: {"z": -K, "n": 0.0}, RNNCell: {"a": 0.0}}
            for gate, bias in fixed[type(cell)].items():
                _fix_rows(made, gate, units, bias)
    if cell.initial == "learned":
        name = f"initial_{leaf}"
        _set(made, name, getattr(made, name).index_fill(0, _index(cell, units), 0.0))
    return made


def _fix_rows(cell: GatedCell, gate: str, units: list[int], bias: float) -> None:
    """Make ``bias`` all that a gate of these units gets."""
    H, names = cell.hidden_size, GATES[type(cell)]
    index = _index(cell, units)
    rows = names.index(gate) * H + index
    if cell.layer_norm:
        for name, at in _gains(gate, index, rows):
            norm = copy.copy(getattr(cell, name))
            norm._parameters = dict(norm._parameters)
            _set(norm, "weight", norm.weight.index_fill(0, at, 0.0))
            cell._modules[name] = norm
    else:
        for name in ("weight_ih", "weight_hh"):
            _set(cell, name, getattr(cell, name).index_fill(0, rows, 0.0))
    _set(cell, "bias_ih", cell.bias_ih.index_fill(0, rows, bias))
    _set(cell, "bias_hh", cell.bias_hh.index_fill(0, rows, 0.0))
    if isinstance(cell, LSTMCell) and cell.peepholes and gate != "g":
        name = f"peephole_{gate}"
        _set(cell, name, getattr(cell, name).index_fill(0, index, 0.0))


def _gains(gate: str, index: Tensor, rows: Tensor) -> list[tuple[str, Tensor]]:
    """The norms in which a gate has gains, and where."""
    if gate == "a":
        return [("norm", index)]
    if gate == "n":
        return [("norm_in", index), ("norm_hn", index)]
    return [("norm_ih", rows), ("norm_hh", rows)]


def _shared(cell: C) -> C:
    """A cell with the same weights, of which some can be exchanged."""
    made = copy.copy(cell)
    made._parameters, made._modules = dict(cell._parameters), dict(cell._modules)
    return made


def _biased(cell: C) -> C:
    """The same, with biases of 0 if it has none."""
    made = _shared(cell)
    if not cell.bias:
        made.bias = True
        for name in ("bias_ih", "bias_hh"):
            _set(made, name, cell.weight_hh.new_zeros(cell.weight_hh.size(0)))
    return made


def _set(module: nn.Module, name: str, value: Tensor) -> None:
    """In the place of a parameter; what is computed from parameters has gradients by them."""
    parameters: dict[str, Any] = module._parameters
    parameters[name] = value


def _learnable(module: nn.Module) -> dict[str, nn.Parameter | None]:
    return {
        name: None if value is None else value if isinstance(value, nn.Parameter) else nn.Parameter(value)
        for name, value in module._parameters.items()
    }


def _index(cell: GatedCell, units: Iterable[int]) -> Tensor:
    return torch.tensor(list(units), dtype=torch.int64, device=cell.weight_hh.device)
