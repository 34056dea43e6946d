"""Checks of what CTC decoders are given: names of the classes, logits and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import ArgumentError

# T frames, B examples, C classes


def symbol_ids(symbols: Sequence[str], blank: int) -> dict[str, int]:
    """Return the class of each symbol, without the blank.

    Raises:
        ArgumentError: two classes have the same name, or the blank is no class.
    """
    if blank >= len(symbols):
        raise ArgumentError("blank", f"a class in 0..{len(symbols) - 1}", blank)
    ids: dict[str, int] = {}
    for k, name in enumerate(symbols):
        if k != blank and (ids.setdefault(name, k) != k or not name):
            raise ArgumentError(f"symbols[{k}]", "a name that no other class has, not empty", name)
    return ids


def check_logits(logits: Tensor, lengths: Any, C: int) -> tuple[Tensor, list[int]]:
    """Return ``logits (T, B, C)`` as float32 on the CPU with adjacent classes, and the frames of each example.

    Raises:
        ArgumentError: the shape is wrong, or lengths are out of range.
    """
    if logits.dim() != 3 or logits.size(2) != C or not logits.is_floating_point():
        expected = f"(T, B, {C}) floating point, one class for each symbol and the blank"
        raise ArgumentError("logits", expected, (tuple(logits.shape), logits.dtype))
    T, B, _ = logits.shape
    frames = [T] * B if lengths is None else torch.as_tensor(lengths).tolist()
    if not isinstance(frames, list) or len(frames) != B or not all(type(n) is int and 0 <= n <= T for n in frames):
        raise ArgumentError("lengths", f"{B} integers in 0..{T}", frames)
    logits = logits.detach().to("cpu", torch.float32)
    return (logits if logits.stride(2) == 1 else logits.contiguous()), frames


def not_finite(name: str, frame: int) -> ArgumentError:
    """Return the error for logits without a finite softmax."""
    remedy = "NaN or infinity: the training diverged, or the input has such values"
    return ArgumentError(f"{name} in frame {frame}", "logits with a finite softmax", "none", remedy)
