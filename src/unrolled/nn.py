"""Drop-in replacements for torch's recurrent layers. Change one import:

    from torch.nn import LSTM    →    from unrolled.nn import LSTM

Constructor, call, packed sequences and ``state_dict`` are those of ``torch.nn``. Layer norm, recurrent dropout,
zoneout, weight drop, residual connections, learned initial states and more are keyword-only options.

`ConvLSTM` and `ConvGRU`, which torch does not have, run over sequences of maps and return ``(output, state)`` likewise.
"""

from __future__ import annotations

from .layers.convolutional import ConvGRU, ConvLSTM
from .layers.dropin import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "ConvGRU", "ConvLSTM"]
