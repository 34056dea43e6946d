"""Speed of the CTC loss, compared with torch's.    python benchmarks/ctc.py

Loss and gradient with respect to the logits, in float32, with one thread: `unrolled.nn.ctc_loss`, and torch's
``log_softmax`` and ``ctc_loss``. Both alternate in one process; times are processor times, ratios have a 95 % interval.
The last column compares both losses with torch's in float64: the largest relative error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from harness import processor_times, ratio_cell, table
from unrolled.nn import ctc_loss

SIZES = ((300, 32, 100, 40), (800, 16, 100, 120), (300, 32, 4000, 40))  # T, B, C, S

Loss = Callable[..., Tensor]


def theirs(logits: Tensor, targets: Tensor, inputs: Tensor, labels: Tensor, blank: int, reduction: str) -> Tensor:
    """Compute torch's loss of logits."""
    return F.ctc_loss(logits.log_softmax(2), targets, inputs, labels, blank, reduction)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = []
    for T, B, C, S in SIZES:
        logits = torch.randn(T, B, C, requires_grad=True)
        rest = (torch.randint(1, C, (B, S)), torch.full((B,), T), torch.full((B,), S), 0)

        def step(loss: Loss, logits: Tensor = logits, rest: tuple[Tensor | int, ...] = rest) -> None:
            logits.grad = None
            loss(logits, *rest, "sum").backward()

        with torch.no_grad():
            exact = theirs(logits.double(), *rest, "none")
            errors = [((loss(logits, *rest, "none") - exact) / exact).abs().max() for loss in (ctc_loss, theirs)]
        found = processor_times({"ours": partial(step, ctc_loss), "torch": partial(step, theirs)}, options.turns)
        times = [f"{1000 * found[name].median:.1f}" for name in ("ours", "torch")]
        accuracy = " / ".join(f"{float(error):.0e}" for error in errors)
        rows.append([f"{T}×{B}×{C}", str(S), *times, ratio_cell(found["torch"].ratios(found["ours"])), accuracy])
    table(["T×B×C", "labels", "unrolled, ms", "torch, ms", "torch / unrolled", "errors"], rows)


if __name__ == "__main__":
    main()
