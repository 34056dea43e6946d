"""What a recurrent network carries from step to step: pytrees of tensors, batch in dimension 0.

The functions work on any such pytree: one cell's state, or a whole stack's tuple of states.
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
    """The lanes ``index`` (n,) of a state: every leaf becomes (n, ...). Beam search reorders with it."""
    return tree_map(lambda leaf: leaf[index], state)


def put(state: S, index: Tensor, other: S) -> S:
    """A copy of ``state`` whose lanes ``index`` (n,) are those of ``other`` (n, ...)."""
    return _map2(lambda leaf, new: leaf.index_copy(0, index, new), state, other)


def where(mask: Tensor, a: S, b: S) -> S:
    """Lane by lane, ``a`` where ``mask`` (B,) is true and ``b`` elsewhere."""
    return _map2(lambda x, y: torch.where(mask.view(-1, *[1] * (x.dim() - 1)), x, y), a, b)


def detach(state: S) -> S:
    """The same numbers, cut from the graph: what truncated backpropagation carries over."""
    return tree_map(lambda leaf: leaf.detach(), state)


def _map2(function: Any, a: S, b: S) -> S:
    return tree_map(function, a, b)


class RNNState(NamedTuple):
    """State of a vanilla RNN, and of the parallel cells but the quasi-recurrent one: ``h (B, H)``."""

    h: Tensor

    def select(self, index: Tensor) -> RNNState:
        """The lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: RNNState) -> RNNState:
        """A copy whose lanes ``index`` are those of ``other``."""
        return put(self, index, other)

    def detach(self) -> RNNState:
        """The same numbers, cut from the graph."""
        return detach(self)


class GRUState(NamedTuple):
    """State of a GRU: ``h (B, H)``."""

    h: Tensor

    def select(self, index: Tensor) -> GRUState:
        """The lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: GRUState) -> GRUState:
        """A copy whose lanes ``index`` are those of ``other``."""
        return put(self, index, other)

    def detach(self) -> GRUState:
        """The same numbers, cut from the graph."""
        return detach(self)


class LSTMState(NamedTuple):
    """State of an LSTM: the output ``h (B, H)`` (projected: ``(B, P)``) and the memory ``c (B, H)``."""

    h: Tensor
    c: Tensor

    def select(self, index: Tensor) -> LSTMState:
        """The lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: LSTMState) -> LSTMState:
        """A copy whose lanes ``index`` are those of ``other``."""
        return put(self, index, other)

    def detach(self) -> LSTMState:
        """The same numbers, cut from the graph."""
        return detach(self)


class QRNNState(NamedTuple):
    """State of a quasi-recurrent layer: the memory ``c (B, H)`` and the inputs of the last steps ``x (B, (W−1)·I)``."""

    c: Tensor
    x: Tensor

    def select(self, index: Tensor) -> QRNNState:
        """The lanes ``index``."""
        return select(self, index)

    def put(self, index: Tensor, other: QRNNState) -> QRNNState:
        """A copy whose lanes ``index`` are those of ``other``."""
        return put(self, index, other)

    def detach(self) -> QRNNState:
        """The same numbers, cut from the graph."""
        return detach(self)
