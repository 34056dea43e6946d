"""How many random cases a test of the kernels draws, always the same few or new ones, as many as .ci/nightly says; and
what rounding does to one."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy
from torch import Tensor

NIGHTLY = int(os.environ.get("UNROLLED_NIGHTLY", "0"))  # how many cases each such test draws
PARTS = 16 if NIGHTLY else 1  # which may run beside each other


def random_cases(cases: SearchStrategy[Any], usually: int) -> Callable[[Any], Any]:
    """Run a test of ``case`` with so many of ``cases``; its other argument, ``part``, only divides the work."""

    def decorate(test: Any) -> Any:
        count = NIGHTLY // PARTS if NIGHTLY else usually
        many = settings(deadline=None, max_examples=count, derandomize=not NIGHTLY, print_blob=True)
        return pytest.mark.parametrize("part", range(PARTS))(many(given(case=cases)(test)))

    return decorate


@torch.no_grad()
def nudge(tensors: Iterable[Tensor], seed: int) -> None:
    """Change numbers as little as rounding to single precision changes them."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in tensors:
        tensor *= 1 + torch.finfo(torch.float32).eps / 2 * torch.randn(tensor.shape, generator=generator)
