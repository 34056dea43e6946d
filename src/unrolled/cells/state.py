"""Recurrent states: pytrees of tensors with the batch in dimension 0.

The functions work on any such pytree: the state of one cell, or the tuple of states of a whole stack. A lane is a row
of the batch together with the state it carries.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

State = Any
"""A pytree of tensors, every leaf ``(B, …)``."""
S = TypeVar("S")


def select(state: S, index: Tensor) -> S:
    """Select the lanes ``index (n,)``: every leaf becomes ``(n, …)``. Beam search reorders states with it."""
    return tree_map(lambda leaf: leaf[index], state)


def put(state: S, index: Tensor, other: S) -> S:
    """Return a copy of ``state`` in which the lanes ``index (n,)`` are replaced by ``other (n, …)``."""
    return _map2(lambda leaf, new: leaf.index_copy(0, index, new), state, other)


def where(mask: Tensor, a: S, b: S) -> S:
    """Select lane by lane: ``a`` where ``mask (B,)`` is true, ``b`` elsewhere."""
    return _map2(lambda x, y: torch.where(mask.view(-1, *[1] * (x.dim() - 1)), x, y), a, b)


def detach(state: S) -> S:
    """Detach every leaf from the graph, as truncated backpropagation does between windows."""
    return tree_map(lambda leaf: leaf.detach(), state)


def named_leaves(state: State) -> dict[str, Tensor]:
    """Return the leaves of a named tuple or dictionary by name; a state that is one tensor is named ``h``."""
    if isinstance(state, Tensor):
        return {"h": state}
    leaves = state if isinstance(state, dict) else state._asdict() if hasattr(state, "_asdict") else {}
    return {name: leaf for name, leaf in leaves.items() if isinstance(leaf, Tensor)}


def with_leaves(state: S, leaves: dict[str, Tensor]) -> S:
    """Return a copy of a state with these leaves, named as in `named_leaves`, replaced."""
    if isinstance(state, Tensor):
        return leaves.get("h", state)  # type: ignore[return-value]
    if isinstance(state, dict):
        return {**state, **leaves}  # type: ignore[return-value]
    return state._replace(**leaves)  # type: ignore[attr-defined]


def _map2(function: Any, a: S, b: S) -> S:
    return tree_map(function, a, b)


class RNNState(NamedTuple):
    """State of a vanilla RNN and of all parallel cells except the quasi-recurrent one: ``h (B, H)``."""

    h: Tensor

    def select(self, index: Tensor) -> RNNState:
        """Select the lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: RNNState) -> RNNState:
        """Return a copy in which the lanes ``index`` are replaced by ``other``."""
        return put(self, index, other)

    def detach(self) -> RNNState:
        """Detach every leaf from the graph."""
        return detach(self)


class GRUState(NamedTuple):
    """State of a GRU: ``h (B, H)``."""

    h: Tensor

    def select(self, index: Tensor) -> GRUState:
        """Select the lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: GRUState) -> GRUState:
        """Return a copy in which the lanes ``index`` are replaced by ``other``."""
        return put(self, index, other)

    def detach(self) -> GRUState:
        """Detach every leaf from the graph."""
        return detach(self)


class LSTMState(NamedTuple):
    """State of an LSTM: the hidden state ``h (B, H)`` (projected: ``(B, P)``) and the cell state ``c (B, H)``."""

    h: Tensor
    c: Tensor

    def select(self, index: Tensor) -> LSTMState:
        """Select the lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: LSTMState) -> LSTMState:
        """Return a copy in which the lanes ``index`` are replaced by ``other``."""
        return put(self, index, other)

    def detach(self) -> LSTMState:
        """Detach every leaf from the graph."""
        return detach(self)


class QRNNState(NamedTuple):
    """State of a quasi-recurrent layer: ``c (B, H)`` and the inputs of the last steps ``x (B, (W−1)·I)``."""

    c: Tensor
    x: Tensor

    def select(self, index: Tensor) -> QRNNState:
        """Select the lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: QRNNState) -> QRNNState:
        """Return a copy in which the lanes ``index`` are replaced by ``other``."""
        return put(self, index, other)

    def detach(self) -> QRNNState:
        """Detach every leaf from the graph."""
        return detach(self)
