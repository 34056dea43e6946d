"""The compiled kernels, if this installation has them, and memory that stays mapped between steps."""

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
"""why there are no compiled kernels"""

try:
    compiled = importlib.import_module("unrolled.kernels._native")
except ModuleNotFoundError:
    missing = "the kernels were not compiled at installation; install again with a C++ compiler"
    missing += " (with UNROLLED_NATIVE=1 in the environment, pip shows what fails)"
except ImportError as error:
    missing = f"the kernels cannot be loaded ({error}); install again"

LARGE = 1 << 18  # bytes from which a tensor's memory comes from the list of free blocks

_forked = False


def _in_child() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def instruction_sets() -> list[str]:
    """Those that can run here, fastest first; none without the extension."""
    return [] if compiled is None else list(compiled.sets())


def instruction_set() -> str:
    """The one that runs: the fastest, or the one that the environment variable UNROLLED_ISA names.

    Raises:
        ArgumentError: this machine or build has no such set.
    """
    return _chosen(os.environ.get("UNROLLED_ISA", ""))


@cache
def _chosen(asked: str) -> str:
    sets = instruction_sets()
    if asked and asked not in sets:
        raise ArgumentError("UNROLLED_ISA", f"one of {', '.join(sets)}", asked, "unset it for the fastest")
    return asked or sets[0]


def bfloat16() -> bool:
    """Whether this processor multiplies bfloat16; elsewhere the kernels take the numbers apart, slower than float32."""
    return "avx512bf16" in instruction_sets()


def threads() -> int:
    """As many as torch uses; one in a forked child, where an OpenMP team that the parent had would never start."""
    return 1 if _forked else torch.get_num_threads()


def room(wanted: bool, *shape: int, like: Tensor) -> Tensor:
    """An uninitialised tensor if it is wanted, else one without numbers: an operator's results must all be there."""
    return empty(*shape, like=like) if wanted else like.new_empty(0)


def empty(*shape: int, like: Tensor) -> Tensor:
    """An uninitialised tensor. A large one lies in a block that an earlier step has used: no page faults."""
    size = math.prod(shape) * like.element_size()
    if size < LARGE:
        return like.new_empty(shape)
    block: Tensor = compiled.block(size)  # not a view of it: an output may be changed in place like any other
    return like.new_empty(0).set_(block.untyped_storage(), 0, shape)  # type: ignore[call-overload,no-any-return,unused-ignore]
