"""Recurrences with attention through the compiled kernels."""

from __future__ import annotations

from typing import Any


def unsupported(cell: Any, inputs: Any, noise: Any) -> str | None:
    """Why the kernels cannot run this; `None` if they can."""
    return "there is no kernel yet"


def run(*args: Any, **options: Any) -> Any:
    """See `unrolled.attend`."""
    raise NotImplementedError
