"""The compiled kernels, if this installation has them, and their memory allocator."""

from __future__ import annotations

import importlib
import math
import os
from functools import cache
from typing import Any

import torch  # before the extension: the process must have one OpenMP runtime, torch's
from torch import Tensor

from ..errors import ArgumentError

compiled: Any = None
missing: str | None = None
"""Why there are no compiled kernels; `None` if there are."""

try:
    compiled = importlib.import_module("unrolled.kernels._native")
except ModuleNotFoundError:
    missing = "the kernels were not compiled at installation; reinstall with a C++ compiler"
    missing += " (with UNROLLED_NATIVE=1 in the environment, pip shows the error)"
except ImportError as error:
    missing = f"the kernels cannot be loaded ({error}); reinstall the package"

LARGE = 1 << 18  # bytes; tensors at least this large are allocated from the list of free blocks

_forked = False


def _in_child() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def instruction_sets() -> list[str]:
    """List the instruction sets that can run on this machine, fastest first; empty without the extension."""
    return [] if compiled is None else list(compiled.sets())


def instruction_set() -> str:
    """Return the instruction set in use: the fastest, or the value of the environment variable UNROLLED_ISA.

    Raises:
        ArgumentError: this machine or build does not support that instruction set.
    """
    return _chosen(os.environ.get("UNROLLED_ISA", ""))


@cache
def _chosen(requested: str) -> str:
    sets = instruction_sets()
    if requested and requested not in sets:
        raise ArgumentError("UNROLLED_ISA", f"one of {', '.join(sets)}", requested, "unset it for the fastest")
    return requested or sets[0]


def bfloat16() -> bool:
    """Whether this processor has bfloat16 products; otherwise the kernels emulate them, slower than float32."""
    return "avx512bf16" in instruction_sets()


def threads() -> int:
    """Return the number of threads, that of torch; 1 in a forked child, where the parent's OpenMP team cannot start."""
    return 1 if _forked else torch.get_num_threads()


def empty_if(needed: bool, *shape: int, like: Tensor) -> Tensor:
    """Return an uninitialised tensor if it is needed, else one of size 0, since an operator must return all results."""
    return empty(*shape, like=like) if needed else like.new_empty(0)


def empty(*shape: int, like: Tensor) -> Tensor:
    """Return an uninitialised tensor; large ones reuse the block of an earlier step, which avoids page faults."""
    size = math.prod(shape) * like.element_size()
    if size < LARGE:
        return like.new_empty(shape)
    block: Tensor = compiled.block(size)  # not a view of it, so that an output may be modified in place
    return like.new_empty(0).set_(block.untyped_storage(), 0, shape)  # type: ignore[call-overload,no-any-return,unused-ignore]
