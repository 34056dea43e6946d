"""Layers: stacks of cells, torch drop-ins, dropout, CRF and character encoders."""

from __future__ import annotations

from .characters import CharacterReader
from .crf import CRF
from .dropin import GRU, LSTM, RNN
from .dropout import LockedDropout
from .extras import Extras
from .rnn import Stack
from .torch_interface import DropIn

__all__ = ["CRF", "GRU", "LSTM", "RNN", "CharacterReader", "DropIn", "Extras", "LockedDropout", "Stack"]
