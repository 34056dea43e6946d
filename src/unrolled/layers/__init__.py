"""Layers of cells, and what stands between them."""

from __future__ import annotations

from .dropin import GRU, LSTM, RNN
from .dropout import LockedDropout
from .rnn import Stack

__all__ = ["GRU", "LSTM", "RNN", "LockedDropout", "Stack"]
