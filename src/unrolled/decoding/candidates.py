"""The likeliest ways in which each row of a search may go on, and what it may not write."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ArgumentError

# N rows, V symbols, t symbols written so far

BLOCKS = 10  # of the vocabulary in `top`
ABOVE = 1e-3  # a log-probability may be above 0 by rounding


def candidates(
    log_probs: Tensor,
    k: int,
    written: npt.NDArray[np.int64],
    limits: npt.NDArray[np.int64],
    *,
    end: int,
    min_length: int,
    no_repeat_ngram: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The k likeliest next symbols of each row: log-probabilities and ids ``(N, k)``, likeliest first.

    A row that has written as many symbols as it may has one way to go on, the end, at its own log-probability; so has
    one to which nothing else is left, even before ``min_length``. The log-probability is NaN where a row has fewer
    than k ways.

    Args:
        log_probs: ``(N, V)``, as the step gave it; it is not changed.
        k: how many; at most V come back.
        written: ``(N, t)``, what each row has written.
        limits: ``(N,)``, the most symbols of each row.
        end: the symbol that ends a sequence.
        min_length: fewer symbols than that may not be followed by the end.
        no_repeat_ngram: no n symbols in a row may occur twice (Paulus et al. 2017, section 2.5); 0: they may.

    Raises:
        ArgumentError: ``log_probs`` is no ``(N, V)``, has NaN or has numbers above 0; or V symbols have no such end.
    """
    N, t = written.shape
    if log_probs.dim() != 2 or log_probs.size(0) != N:
        raise ArgumentError("log_probs of the step", f"(N, V) with N = {N} rows", tuple(log_probs.shape))
    if not 0 <= end < log_probs.size(1):
        raise ArgumentError("end", f"a symbol below {log_probs.size(1)}", end)
    allowed = log_probs
    if t < min_length or 0 < no_repeat_ngram <= t:
        allowed = log_probs.clone()
        if t < min_length:
            allowed[:, end] = -torch.inf
        rows, ids = repeats(written, no_repeat_ngram)
        allowed[torch.from_numpy(rows).to(allowed.device), torch.from_numpy(ids).to(allowed.device)] = -torch.inf
    found, places = top(allowed, min(k, allowed.size(1)))
    values: npt.NDArray[np.float64] = found.cpu().double().numpy()
    symbols: npt.NDArray[np.int64] = places.cpu().numpy()
    _check(values, t)
    values[values == -np.inf] = np.nan
    forced = np.flatnonzero((limits <= t) | np.isnan(values[:, 0]))
    if len(forced):
        values[forced], symbols[forced] = np.nan, end
        values[forced, 0] = log_probs[torch.from_numpy(forced).to(log_probs.device), end].cpu().double().numpy()
        _check(values[forced, :1], t)
    return values, symbols


def repeats(written: npt.NDArray[np.int64], n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and symbols that would complete n symbols in a row that have been there before."""
    t = written.shape[1]
    if not 0 < n <= t:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(written, n, axis=1)  # (N, t-n+1, n)
    last = written[:, None, t - n + 1 :]  # (N, 1, n-1)
    rows, places = np.nonzero((windows[:, :, : n - 1] == last).all(2))
    return rows, windows[rows, places, n - 1]


def top(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row of ``x (N, V)`` and their places, ``(N, k)``, largest first; NaN is largest.

    On the CPU a large vocabulary is read as `BLOCKS` rows: the k columns with the largest maxima hold the k largest.
    That is four times as fast as `torch.topk`, which does not use vectors.
    """
    N, V = x.shape
    C = V // BLOCKS
    if x.device.type != "cpu" or 16 * k > C:
        values, places = x.topk(k, dim=1)
        return values, places
    blocks = x[:, : BLOCKS * C].unflatten(1, (BLOCKS, C))
    columns = blocks.amax(1).topk(k, dim=1).indices  # (N, k)
    held = blocks.gather(2, columns.unsqueeze(1).expand(-1, BLOCKS, -1))  # (N, BLOCKS, k)
    places = columns.unsqueeze(1) + C * torch.arange(BLOCKS).unsqueeze(1)
    rest = torch.arange(BLOCKS * C, V).expand(N, -1)  # fewer than BLOCKS
    held = torch.cat([held.flatten(1), x[:, BLOCKS * C :]], dim=1)
    values, index = held.topk(k, dim=1)
    return values, torch.cat([places.flatten(1), rest], dim=1).gather(1, index)


def _check(values: npt.NDArray[np.float64], t: int) -> None:
    """Raise `ArgumentError` unless these are log-probabilities; ``top`` never overlooks a NaN."""
    if np.isnan(values).any():
        row = int(np.isnan(values).any(1).argmax())
        received, remedy = f"NaN in row {row} after {t} symbols", "the model's weights or its input are not finite"
        raise ArgumentError("log_probs of the step", "free of NaN", received, remedy)
    if values.size and values.max() > ABOVE:
        raise ArgumentError("log_probs of the step", "at most 0", float(values.max()), "take log_softmax of logits")
