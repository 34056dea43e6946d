"""The last few symbols: all that a model of a fixed window remembers.

    windows_t = (x_{t−C+1}, …, x_t)        with NOTHING in the place of what came before the last reset

The state of such a model is the last window itself, so it can be carried from one call to the next as a recurrent
model's is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# T steps, B lanes, C symbols of a window

NOTHING = -1  # in the place of a symbol: there is none yet


class History(NamedTuple):
    """``symbols (B, C)`` int64: the last C symbols of each lane, the oldest first."""

    symbols: Tensor


def empty(batch_size: int, length: int, device: torch.device | None = None) -> History:
    """Nothing has been read."""
    return History(torch.full((batch_size, length), NOTHING, dtype=torch.int64, device=device))


def windows(ids: Tensor, history: History, resets: Tensor | None = None) -> tuple[Tensor, History]:
    """The window that ends with each of ``ids (T, B)``: ``(T, B, C)``, and the history after them."""
    (T, B), C = ids.shape, history.symbols.shape[1]
    if T == 0 or C == 0:
        return ids.new_zeros(T, B, C), history
    joined = torch.cat([history.symbols.t(), ids])  # (C + T, B)
    found = joined.unfold(0, C, 1)[1:]  # (T, B, C)
    if resets is not None:
        t = torch.arange(T, device=ids.device)[:, None]  # (T, 1)
        begin = torch.where(resets, t, -C).cummax(dim=0).values  # (T, B): where the text of this lane began
        lag = torch.arange(C - 1, -1, -1, device=ids.device)  # (C,)
        found = torch.where(lag <= (t - begin)[..., None], found, NOTHING)
    return found, History(found[-1])
