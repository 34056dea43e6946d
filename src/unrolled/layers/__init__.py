"""Layers: stacks of cells, torch drop-ins, dropout, CRF, convolutions and character encoders."""

from __future__ import annotations

from .characters import CharacterReader
from .convolution import Convolutions
from .convolutional import ConvGRU, ConvLSTM
from .crf import CRF
from .dropin import GRU, LSTM, RNN
from .dropout import LockedDropout
from .extras import Extras
from .map_options import KerasNames, LSTMOptions, MapOptions
from .rnn import Stack
from .torch_interface import DropIn

__all__ = [
    "CRF",
    "GRU",
    "LSTM",
    "RNN",
    "CharacterReader",
    "ConvGRU",
    "ConvLSTM",
    "Convolutions",
    "DropIn",
    "Extras",
    "KerasNames",
    "LSTMOptions",
    "LockedDropout",
    "MapOptions",
    "Stack",
]
