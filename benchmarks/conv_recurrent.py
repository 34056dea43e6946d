"""A training step of ConvLSTM and ConvGRU, compared with the usual code.    python benchmarks/conv_recurrent.py

The usual code, of which many public repositories have a copy: at each step one convolution of the concatenated input
and state (for the GRU two), then the gates by torch's operations. Both sides compute a whole sequence, the sum of the
squared outputs and all gradients of the weights.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

import unrolled.nn as ours
from harness import Work, arguments, compare, ratio_cell, table, worker

# T steps, B lanes, I and H channels, S pixels on each side
CASES = {
    "large LSTM": ("lstm", 10, 16, 16, 64, 16),
    "small LSTM": ("lstm", 10, 1, 32, 32, 8),
    "large GRU": ("gru", 10, 16, 16, 64, 16),
    "small GRU": ("gru", 10, 1, 32, 32, 8),
}
SECONDS = 0.5  # of a repetition


class UsualLSTM(nn.Module):
    """One convolution over [x, h] for all four gates."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.H = hidden_size
        self.conv = nn.Conv2d(input_size + hidden_size, 4 * hidden_size, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.size(1), self.H, *x.shape[3:])
        outputs = []
        for x_t in x:
            i, f, o, g = self.conv(torch.cat([x_t, h], dim=1)).split(self.H, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs)


class UsualGRU(nn.Module):
    """One convolution over [x, h] for both gates, and one over [x, r ∘ h]."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.H = hidden_size
        self.gates = nn.Conv2d(input_size + hidden_size, 2 * hidden_size, 3, padding=1)
        self.candidate = nn.Conv2d(input_size + hidden_size, hidden_size, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.size(1), self.H, *x.shape[3:])
        outputs = []
        for x_t in x:
            r, z = torch.sigmoid(self.gates(torch.cat([x_t, h], dim=1))).split(self.H, dim=1)
            n = torch.tanh(self.candidate(torch.cat([x_t, r * h], dim=1)))
            h = (1 - z) * h + z * n
            outputs.append(h)
        return torch.stack(outputs)


def make(side: str, case: str) -> Work:
    """Return the work of one side: training steps per second."""
    cell, T, B, I, H, S = CASES[case]
    torch.manual_seed(0)
    usual = {"lstm": UsualLSTM, "gru": UsualGRU}[cell]
    layer: nn.Module = usual(I, H) if side == "usual" else {"lstm": ours.ConvLSTM, "gru": ours.ConvGRU}[cell](I, H)
    x = torch.randn(T, B, I, S, S)

    def step() -> None:
        y = layer(x)
        loss = (y[0] if isinstance(y, tuple) else y).square().sum()
        layer.zero_grad()
        loss.backward()

    def work() -> float:
        begin, count = time.process_time(), 0  # processor time, since other processes may run
        while (spent := time.process_time() - begin) < SECONDS or count < 2:
            step()
            count += 1
        return count / spent

    return work


def main() -> None:
    given = arguments(__doc__, repetitions=9)
    torch.set_num_threads(1)
    if given.worker:
        worker(lambda: make(given.worker, given.case))
        return
    rows = []
    for case, (_, T, B, I, H, S) in CASES.items():
        mine, theirs, ratios = compare(__file__, ("unrolled", "usual"), [case], given.repetitions)
        sizes = f"{I} → {H} channels, {S} × {S}, B={B}, T={T}"
        rows.append([case, sizes, f"{1000 / mine:.1f}", f"{1000 / theirs:.1f}", ratio_cell(ratios)])
    table(["case", "sizes", "unrolled, ms a step", "usual code, ms", "ratio of rates (95 %)"], rows)


if __name__ == "__main__":
    main()
