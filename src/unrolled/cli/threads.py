"""The option ``--threads`` of the commands that compute for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..cells import check_size
from ..errors import ArgumentError

MOST = 1024  # the system may refuse to start more, which would end the process


def check_threads(threads: int | None) -> None:
    """Raise `ArgumentError` if the option has a value that is not a number of threads."""
    if threads is None:
        return
    check_size("threads", threads)
    if threads > MOST:
        raise ArgumentError("threads", f"at most {MOST:,}", threads, "more than one thread per core gains nothing")


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with ``count`` threads inside the context; `None` changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
