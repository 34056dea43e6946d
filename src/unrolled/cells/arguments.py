"""Checks of the arguments of cells: sizes, rates, device and dtype."""

from __future__ import annotations

from typing import Any

import torch

from ..checks import plain
from ..errors import ArgumentError


def check_size(name: str, value: int, least: int = 1) -> None:
    """Raise `ArgumentError` unless ``value`` is an integer of at least ``least``."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(name, f"an integer of at least {least}", value)
    if value >= 1 << 63:
        raise ArgumentError(name, "an integer below 2^63", value)


def check_factory(device: torch.device | str | int | None, dtype: torch.dtype | None) -> dict[str, Any]:
    """Return device and dtype as keyword arguments of torch's factory functions.

    Raises:
        ArgumentError: the dtype is not a floating-point type, or the device is not available.
    """
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise ArgumentError("dtype", "a floating-point type, such as torch.float32", dtype)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # an unknown name, or a device that is not available
        message = f"torch says: {str(error).splitlines()[0]}"
        raise ArgumentError("device", "a device of this machine, such as 'cpu'", device, message) from None
    return {"device": device, "dtype": dtype}


def check_rate(name: str, value: float) -> None:
    """Raise `ArgumentError` unless ``value`` is a probability below 1."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ArgumentError(name, "a rate of at least 0 and below 1", value)
