"""Training speed of the parallel cells, compared with GRU.    python benchmarks/parallel_recurrences.py [--steps 4096]

A training step (forward and backward, gradients with respect to inputs and weights) of one layer, H = I = 256, over T
steps at batch sizes 1 and 32: each parallel cell, our native GRU, and the minGRU of its paper's appendix in PyTorch, by
sums of logarithms (Heinsen 2023). All alternate in one process; the ratios are of times, with a 95 % interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness import ratio_cell, table
from unrolled.cells import CELLS, make_cell
from unrolled.lab.bench import interleave
from unrolled.lab.bench.measure import Work
from unrolled.scan import scan

WIDTH = 256


class LogSpaceMinGRU(nn.Module):
    """The minGRU of Feng et al. 2024, appendix B: h = exp(a* + logcumsumexp(log b − a*)), a* = cumsum(log a)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear_z = nn.Linear(input_size, hidden_size)
        self.linear_h = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor) -> Tensor:  # (T, B, I), (B, H) above 0
        k, p = self.linear_z(x), self.linear_h(x)
        log_z, log_rest = -F.softplus(-k), -F.softplus(k)
        log_g = torch.where(p >= 0, (F.relu(p) + 0.5).log(), -F.softplus(-p))
        sums = F.pad(torch.cumsum(log_rest, dim=0), (0, 0, 0, 0, 1, 0))  # (T + 1, B, H)
        values = torch.cat([h0.log()[None], log_z + log_g])
        return (sums + torch.logcumsumexp(values - sums, dim=0)).exp()[1:]


def native(name: str, T: int, B: int) -> Work:
    """Return a training step of one of our cells."""
    cell = make_cell(name, WIDTH, WIDTH)
    return work(cell, T, B, lambda x: scan(cell, x, backend="native")[0])


def log_space(T: int, B: int) -> Work:
    """Return a training step of the implementation in PyTorch."""
    layer = LogSpaceMinGRU(WIDTH, WIDTH)
    h0 = torch.full((B, WIDTH), 0.5)
    return work(layer, T, B, lambda x: layer(x, h0))


def work(layer: nn.Module, T: int, B: int, forward: Callable[[Tensor], Tensor]) -> Work:
    x = torch.randn(T, B, WIDTH, requires_grad=True)
    weight = torch.randn(T, B, WIDTH)

    def step() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        forward(x).backward(weight)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4096)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--cells", nargs="+", default=["mingru", "minlstm", "rglru", "qrnn"], choices=list(CELLS))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = []
    for B in options.batches:
        works = {"gru": native("gru", options.steps, B), "log space": log_space(options.steps, B)}
        works |= {name: native(name, options.steps, B) for name in options.cells}
        found = interleave(works, options.turns)
        for name, timing in found.items():
            ratios = [ratio_cell(found[peer].ratios(timing)) for peer in ("gru", "log space")]
            rows.append([str(B), name, f"{1000 * timing.median:.1f}", *ratios])
    table(["batch", "layer", "ms a step", "GRU / it", "log space / it"], rows)


if __name__ == "__main__":
    main()
