"""Drop-in replacements for torch's recurrent layers. Change one import:

    from torch.nn import LSTM    →    from unrolled.nn import LSTM

Constructor, call, packed sequences and ``state_dict`` are those of ``torch.nn``. Layer norm, recurrent dropout,
zoneout, weight drop, residual connections, learned initial states and more are keyword-only options.

`CTCLoss` and `ctc_loss` replace ``torch.nn.CTCLoss`` and ``torch.nn.functional.ctc_loss``; they take logits.
`ConvLSTM` and `ConvGRU`, which torch does not have, run over sequences of maps and return ``(output, state)`` likewise.
"""

from __future__ import annotations

from .layers.convolutional import ConvGRU, ConvLSTM
from .layers.ctc import CTCLoss, ctc_loss
from .layers.dropin import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "CTCLoss", "ConvGRU", "ConvLSTM", "ctc_loss"]
