"""Edits of a cell's weights that hold units of its state, for kernels and frozen copies.

u is the unit, v its value, and K is so large that σ(−K) = 0 and σ(K) = 1 exactly.

    held memory        W_i[u] = W_f[u] = 0,  b_i[u] = −K,  b_f[u] = K    ⇒  c_t[u] = c_{t-1}[u], which is set to v  (1)
    constant input     W_hh h + b  =  Σ_{j≠u} W_hh[:, j] h_j + (b + W_hh[:, u] v)    if  h_{t-1}[u] = v             (2)
    ablated memory     as (1) with b_f[u] = −K    ⇒  c_t[u] = 0                                                     (3)
    ablated output     the LSTM: W_o[u] = 0, b_o[u] = −K,  projected: W_hr[u] = 0
                       the GRU:  W_z[u] = W_n[u] = 0, b_z[u] = −K, b_n[u] = 0
                       the RNN:  W[u] = 0, b[u] = 0                ⇒  h_t[u] = 0, and W_hh[:, u] = 0 as in (2)      (4)

(1) and (3) set the peepholes of u in i and f to zero. With layer norm, (1), (3) and (4) set the gains of the rows of u
to zero and keep the weights, which determine the statistics. W stands for ``weight_ih`` and ``weight_hh``.
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
    """Return a cell that keeps these units of c constant (1). It shares all other weights with ``cell``."""
    edited = _biased(cell)
    for gate, bias in (("i", -K), ("f", K)):
        _fix_rows(edited, gate, list(units), bias)
    return edited


def constant_input(cell: C, values: Mapping[int, float]) -> C | None:
    """Return a cell whose recurrent product uses these values in place of units of h (2).

    `None` if no weights do so: with layer norm, and in a GRU with the reset gate before the product, the contribution
    of a value other than 0 changes from step to step.
    """
    nonzero = any(values.values())
    if nonzero and (cell.layer_norm or (isinstance(cell, GRUCell) and not cell.reset_after)):
        return None
    edited = _biased(cell) if nonzero else _shared(cell)
    index = _index(cell, values)
    if nonzero:
        v = torch.tensor(list(values.values()), dtype=cell.weight_hh.dtype, device=cell.weight_hh.device)  # (U,)
        _set(edited, "bias_hh", edited.bias_hh + cell.weight_hh[:, index] @ v)
    _set(edited, "weight_hh", edited.weight_hh.index_fill(1, index, 0.0))
    return edited


def begins_at(cell: GatedCell, state: State) -> None:
    """Set the initial state of an edited cell to ``state``, of batch size 1."""
    cell.initial = "learned"
    for leaf in cell.state_leaves:
        _set(cell, f"initial_{leaf}", getattr(state, leaf)[0])


@checked
def ablated(model: nn.Module, units: Iterable[Unit], *, leaf: str = "h", stack: str | None = None) -> nn.Module:
    """Return a copy of the model with these units ablated in its weights: they are 0 at every step.

    The copy is equivalent to `clamp` with the value 0, runs on every backend at full speed, and can be frozen, saved
    and trained like any model.

    Args:
        model: a module whose recurrent layers have built-in cells.
        units: ``(layer, direction, unit)``.
        leaf: ``"h"``, or ``"c"`` of an LSTM.
        stack: name of the recurrent layers, if the model has several stacks.

    Raises:
        ArgumentError: a unit does not exist, or a cell is not built in.
    """
    ablated_model = copy.deepcopy(model)
    chosen = by_cell(stack_of(ablated_model, stack), dict.fromkeys(units, 0.0), leaf)
    for cell, values in chosen.items():
        if type(cell) not in GATES:
            raise ArgumentError("model", "one with built-in cells", type(cell).__name__, "clamp() supports any cell")
        assert isinstance(cell, GatedCell)
        edited = _ablated(cell, list(values), leaf)
        cell.bias, cell._parameters = edited.bias, _learnable(edited)
        for name, norm in edited.named_children():
            cell._modules[name], norm._parameters = norm, _learnable(norm)
    return ablated_model


@torch.no_grad()
def _ablated(cell: GatedCell, units: list[int], leaf: str) -> GatedCell:
    """Return an edited cell with units of a leaf ablated, (3) and (4)."""
    if leaf == "c":
        edited = _biased(cell)
        for gate in "if":
            _fix_rows(edited, gate, units, -K)
    else:
        constant = constant_input(cell, dict.fromkeys(units, 0.0))
        assert constant is not None
        edited = _biased(constant)
        if isinstance(edited, LSTMCell) and edited.proj_size:
            _set(edited, "weight_hr", edited.weight_hr.index_fill(0, _index(cell, units), 0.0))
        else:
            fixed = {LSTMCell: {"o": -K}, GRUCell: {"z": -K, "n": 0.0}, RNNCell: {"a": 0.0}}
            for gate, bias in fixed[type(cell)].items():
                _fix_rows(edited, gate, units, bias)
    if cell.initial == "learned":
        name = f"initial_{leaf}"
        _set(edited, name, getattr(edited, name).index_fill(0, _index(cell, units), 0.0))
    return edited


def _fix_rows(cell: GatedCell, gate: str, units: list[int], bias: float) -> None:
    """Set the pre-activation of a gate of these units to ``bias``."""
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
    """Return the norms with gains of a gate, and the indices of the gains."""
    if gate == "a":
        return [("norm", index)]
    if gate == "n":
        return [("norm_in", index), ("norm_hn", index)]
    return [("norm_ih", rows), ("norm_hh", rows)]


def _shared(cell: C) -> C:
    """Return a shallow copy of a cell whose weights can be replaced."""
    shallow = copy.copy(cell)
    shallow._parameters, shallow._modules = dict(cell._parameters), dict(cell._modules)
    return shallow


def _biased(cell: C) -> C:
    """Return a shallow copy of a cell, with zero biases if it has none."""
    biased = _shared(cell)
    if not cell.bias:
        biased.bias = True
        for name in ("bias_ih", "bias_hh"):
            _set(biased, name, cell.weight_hh.new_zeros(cell.weight_hh.size(0)))
    return biased


def _set(module: nn.Module, name: str, value: Tensor) -> None:
    """Replace a parameter with a tensor, through which gradients reach the original parameters."""
    parameters: dict[str, Any] = module._parameters
    parameters[name] = value


def _learnable(module: nn.Module) -> dict[str, nn.Parameter | None]:
    return {
        name: None if value is None else value if isinstance(value, nn.Parameter) else nn.Parameter(value)
        for name, value in module._parameters.items()
    }


def _index(cell: GatedCell, units: Iterable[int]) -> Tensor:
    return torch.tensor(list(units), dtype=torch.int64, device=cell.weight_hh.device)
