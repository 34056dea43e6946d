"""The state of a model with a fixed context window: the last few tokens.

    windows_t = (x_{t−C+1}, …, x_t)        with NOTHING at positions before the last reset

The state is the last window itself; it is carried from one call to the next like that of a recurrent model.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# T steps, B lanes, C tokens of a window

NOTHING = -1  # padding before the beginning of a text


class History(NamedTuple):
    """``symbols (B, C)`` int64: the last C tokens of each lane, oldest first."""

    symbols: Tensor


def empty(batch_size: int, length: int, device: torch.device | None = None) -> History:
    """Return the state before the first step: `NOTHING` everywhere."""
    return History(torch.full((batch_size, length), NOTHING, dtype=torch.int64, device=device))


def windows(ids: Tensor, history: History, resets: Tensor | None = None) -> tuple[Tensor, History]:
    """Return the windows ``(T, B, C)`` that end with each of ``ids (T, B)``, and the final state."""
    (T, B), C = ids.shape, history.symbols.shape[1]
    if T == 0 or C == 0:
        return ids.new_zeros(T, B, C), history
    tokens = torch.cat([history.symbols.t(), ids])  # (C + T, B)
    context = tokens.unfold(0, C, 1)[1:]  # (T, B, C)
    if resets is not None:
        lag = torch.arange(C - 1, -1, -1, device=ids.device)  # (C,)
        inside = lag <= positions(T, torch.full((B,), C, device=ids.device), resets)[..., None]
        context = torch.where(inside, context, NOTHING)
    return context, History(context[-1])


def positions(T: int, read: Tensor, resets: Tensor | None = None) -> Tensor:
    """Return the positions ``(T, B)`` of T steps in their documents.

    Args:
        T: number of steps.
        read: ``(B,)``, the steps of the document before them.
        resets: ``(T, B)``, true at the first step of a document.
    """
    t = torch.arange(T, device=read.device)[:, None]  # (T, 1)
    if resets is None:
        return t + read
    return t - torch.where(resets, t, -read).cummax(dim=0).values
