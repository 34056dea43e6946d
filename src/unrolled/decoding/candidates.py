"""Candidates of a search step: the most likely next tokens of each row, subject to the length and n-gram limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ArgumentError

# N rows, V tokens in the vocabulary, t tokens generated so far

BLOCKS = 10  # blocks of the vocabulary in `top`
TOLERANCE = 1e-3  # largest log-probability above 0 that rounding may cause


def candidates(
    log_probs: Tensor,
    k: int,
    tokens: npt.NDArray[np.int64],
    limits: npt.NDArray[np.int64],
    *,
    end: int,
    min_length: int,
    no_repeat_ngram: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the k most likely next tokens of each row: log-probabilities and ids ``(N, k)``, the most likely first.

    A row at its maximum length has a single candidate, the end token, with its own log-probability; so has a row with
    no other candidate left, even below ``min_length``. Missing candidates have the log-probability NaN.

    Args:
        log_probs: ``(N, V)``, the result of the step; not modified.
        k: number of candidates; at most V are returned.
        tokens: ``(N, t)``, the tokens generated so far.
        limits: ``(N,)``, maximum number of tokens of each row.
        end: the token id that ends a sequence.
        min_length: minimum number of tokens before the end token.
        no_repeat_ngram: forbid n-grams of this size to occur twice (Paulus et al. 2017, section 2.5); 0: allow them.

    Raises:
        ArgumentError: ``log_probs`` does not have shape ``(N, V)``, contains NaN or numbers above 0, or ``end`` is
            outside the vocabulary.
    """
    N, t = tokens.shape
    if log_probs.dim() != 2 or log_probs.size(0) != N:
        raise ArgumentError("log_probs of the step", f"(N, V) with N = {N} rows", tuple(log_probs.shape))
    if not 0 <= end < log_probs.size(1):
        raise ArgumentError("end", f"a token id below {log_probs.size(1)}", end)
    allowed = log_probs
    if t < min_length or 0 < no_repeat_ngram <= t:
        allowed = log_probs.clone()
        if t < min_length:
            allowed[:, end] = -torch.inf
        rows, ids = repeats(tokens, no_repeat_ngram)
        allowed[torch.from_numpy(rows).to(allowed.device), torch.from_numpy(ids).to(allowed.device)] = -torch.inf
    top_values, top_ids = top(allowed, min(k, allowed.size(1)))
    values: npt.NDArray[np.float64] = top_values.cpu().double().numpy()
    next_tokens: npt.NDArray[np.int64] = top_ids.cpu().numpy()
    _check(values, t)
    values[values == -np.inf] = np.nan
    forced = np.flatnonzero((limits <= t) | np.isnan(values[:, 0]))
    if len(forced):
        values[forced], next_tokens[forced] = np.nan, end
        values[forced, 0] = log_probs[torch.from_numpy(forced).to(log_probs.device), end].cpu().double().numpy()
        _check(values[forced, :1], t)
    return values, next_tokens


def repeats(tokens: npt.NDArray[np.int64], n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows and tokens that would complete an n-gram that the row already contains."""
    t = tokens.shape[1]
    if not 0 < n <= t:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, n, axis=1)  # (N, t-n+1, n)
    last = tokens[:, None, t - n + 1 :]  # (N, 1, n-1)
    rows, positions = np.nonzero((windows[:, :, : n - 1] == last).all(2))
    return rows, windows[rows, positions, n - 1]


def top(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest values of each row of ``x (N, V)`` and their indices, ``(N, k)``; NaN counts as the largest.

    On the CPU a large vocabulary is split into `BLOCKS` rows; the k columns with the largest maxima contain the k
    largest values. That is four times as fast as `torch.topk`, which is not vectorised.
    """
    N, V = x.shape
    C = V // BLOCKS
    if x.device.type != "cpu" or 16 * k > C:
        values, indices = x.topk(k, dim=1)
        return values, indices
    blocks = x[:, : BLOCKS * C].unflatten(1, (BLOCKS, C))
    columns = blocks.amax(1).topk(k, dim=1).indices  # (N, k)
    held = blocks.gather(2, columns.unsqueeze(1).expand(-1, BLOCKS, -1))  # (N, BLOCKS, k)
    indices = columns.unsqueeze(1) + C * torch.arange(BLOCKS).unsqueeze(1)
    rest = torch.arange(BLOCKS * C, V).expand(N, -1)  # fewer than BLOCKS
    held = torch.cat([held.flatten(1), x[:, BLOCKS * C :]], dim=1)
    values, index = held.topk(k, dim=1)
    return values, torch.cat([indices.flatten(1), rest], dim=1).gather(1, index)


def _check(values: npt.NDArray[np.float64], t: int) -> None:
    """Raise `ArgumentError` unless these are log-probabilities; `top` always includes a NaN."""
    if np.isnan(values).any():
        row = int(np.isnan(values).any(1).argmax())
        received, remedy = f"NaN in row {row} after {t} tokens", "the model's weights or its input are not finite"
        raise ArgumentError("log_probs of the step", "free of NaN", received, remedy)
    if values.size and values.max() > TOLERANCE:
        raise ArgumentError("log_probs of the step", "at most 0", float(values.max()), "take log_softmax of logits")
