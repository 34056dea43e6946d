"""Running something with another number of threads."""

from contextlib import contextmanager

import torch

from unrolled.kernels import extension


@contextmanager
def threads(n: int):
    """All calls use n threads, however small they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    if extension.compiled is not None:
        extension.compiled.adapt_threads(False)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if extension.compiled is not None:
            extension.compiled.adapt_threads(True)
