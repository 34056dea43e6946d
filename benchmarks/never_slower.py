"""Search for layers that are slower than torch.nn.    python benchmarks/never_slower.py [--cases 200] [--seed 0]

Cell, sizes, layers, directions, lengths, training or inference are drawn at random. In each case our layer and that of
torch.nn alternate in one process. A case that seems slower is measured again with more repetitions, and counts as
slower if the whole 95 % interval of the ratio lies below 0.95. The exit status is 1 if there is such a case.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import unrolled.nn as ours
from unrolled.lab.bench import interleave, interval
from unrolled.lab.bench.measure import Work

PAIRS: dict[str, tuple[Any, Any]] = {"RNN": (ours.RNN, nn.RNN), "GRU": (ours.GRU, nn.GRU), "LSTM": (ours.LSTM, nn.LSTM)}
MOST = 6e10  # operations of one call
LOWEST = 0.95


@dataclass(frozen=True)
class Case:
    """A layer and the shape of its input."""

    cell: str
    T: int
    B: int
    I: int
    H: int
    layers: int
    bidirectional: bool
    packed: bool
    train: bool

    @property
    def operations(self) -> float:
        gates, ways = {"RNN": 1, "GRU": 3, "LSTM": 4}[self.cell], 2 if self.bidirectional else 1
        inputs = self.I + (self.layers - 1) * ways * self.H
        return (
            2.0 * self.T * self.B * gates * self.H * ways * (inputs + self.layers * self.H) * (3 if self.train else 1)
        )


def draw(rng: random.Random) -> Case:
    """Draw a case with log-uniform sizes, small enough to be measured within seconds."""

    def size(low: int, high: int) -> int:
        return round(math.exp(rng.uniform(math.log(low), math.log(high))))

    while True:
        case = Case(
            cell=rng.choice(sorted(PAIRS)),
            T=size(1, 200),
            B=size(1, 256),
            I=size(4, 1024),
            H=size(4, 1024),
            layers=rng.choice((1, 1, 2)),
            bidirectional=rng.random() < 0.25,
            packed=rng.random() < 0.25,
            train=rng.random() < 0.5,
        )
        if case.operations <= MOST:
            return case


def works(case: Case) -> dict[str, Work]:
    """Return our layer's work and torch's, with the same weights."""
    torch.manual_seed(0)
    build, peer = PAIRS[case.cell]
    options: dict[str, Any] = {"num_layers": case.layers, "bidirectional": case.bidirectional}
    mine, theirs = build(case.I, case.H, **options), peer(case.I, case.H, **options)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(case.T, case.B, case.I)
    lengths = torch.randint(1, case.T + 1, (case.B,)) if case.packed else None
    return {"unrolled": work(mine, x, lengths, case.train), "torch": work(theirs, x, lengths, case.train)}


def work(layer: nn.Module, x: Tensor, lengths: Tensor | None, train: bool) -> Work:
    x = x.clone().requires_grad_(train)

    def forward() -> Tensor:
        given = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
        outputs = layer(given)[0]
        return outputs if lengths is None else outputs.data

    weight = torch.randn_like(forward())

    def step() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        forward().backward(weight)

    @torch.inference_mode()
    def infer() -> None:
        forward()

    return step if train else infer


def ratios(case: Case, turns: int) -> list[float]:
    found = interleave(works(case), turns)
    return found["torch"].ratios(found["unrolled"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng, slower, medians = random.Random(options.seed), [], []
    for number in range(options.cases):
        case = draw(rng)
        found = ratios(case, 5)
        low, high = interval(found)
        if statistics.median(found) < 1:
            found = ratios(case, 21)
            low, high = interval(found)
        median = statistics.median(found)
        medians.append(median)
        if high < LOWEST:
            slower.append(case)
        print(f"{number:3} {median:6.2f} ({low:.2f}–{high:.2f}) {'SLOWER ' if high < LOWEST else ''}{case}", flush=True)
    medians.sort()
    deciles = ", ".join(f"{medians[len(medians) * n // 10]:.2f}" for n in range(10))
    print(f"{len(slower)} of {options.cases} slower than torch; geometric mean of the ratios "
          f"{statistics.geometric_mean(medians):.2f}, deciles {deciles}, {medians[-1]:.2f}")  # fmt: skip
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
