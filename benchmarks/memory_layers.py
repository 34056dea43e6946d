"""Memory of a training step of one layer, compared with torch.nn.    python benchmarks/memory_layers.py

Each side runs ten steps of forward and backward in its own process and reports the growth of its peak resident memory
since before the first step.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

import unrolled.nn as ours
from harness import table
from unrolled.lab.bench.peers import training_step

SHAPES = ((50, 50, 128), (100, 64, 256), (100, 64, 512), (128, 32, 1024))  # T, B, I = H
LAYERS: dict[str, tuple[Any, Any]] = {
    "RNN": (ours.RNN, nn.RNN),
    "GRU": (ours.GRU, nn.GRU),
    "LSTM": (ours.LSTM, nn.LSTM),
}


def resident(field: str) -> float:
    """Return a field of /proc/self/status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def growth(side: str, cell: str, shape: tuple[int, int, int]) -> float:
    """Return the growth of this process's peak resident memory over ten steps, in MB."""
    T, B, H = shape
    torch.manual_seed(0)
    layer = LAYERS[cell][side == "torch"](H, H)
    x = torch.randn(T, B, H)
    small = training_step(LAYERS[cell][side == "torch"](8, 8), torch.randn(30, 8, 8))
    small()  # loads libraries and starts threads
    before = resident("VmRSS")
    step = training_step(layer, x)
    for _ in range(10):
        step()
    return resident("VmHWM") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args().worker
    if given:
        print(growth(given[0], given[1], tuple(map(int, given[2:]))))  # type: ignore[arg-type]
        return
    rows = []
    for cell in LAYERS:
        for shape in SHAPES:
            found = []
            for side in ("unrolled", "torch"):
                words = [sys.executable, sys.argv[0], "--worker", side, cell, *map(str, shape)]
                found.append(float(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
            mine, theirs = found
            rows.append([cell, "×".join(map(str, shape)), f"{mine:.0f}", f"{theirs:.0f}", f"{mine / theirs:.2f}"])
    table(["cell", "T×B×H", "unrolled, MB", "torch, MB", "ratio"], rows)


if __name__ == "__main__":
    main()
