"""How fast does a model write?    python benchmarks/generation.py [--threads 2] [--streams 1]

A 2×512 LSTM over 96 symbols writes with temperature 0.8: our frozen copies in three precisions, our plain path, and
two loops that people write in PyTorch: over nn.LSTMCell, and over nn.LSTM. Every figure contains choosing the symbol.
The ratio is to the faster of the two, the LSTMCell loop. Each token must read all weights, so the last column compares
with the rate at which the same threads read an array of that size, again and again (torch's sum over float32).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import torch
from torch import nn

from harness import Work, compare, ratio_cell, table, worker
from unrolled.data import CharVocabulary
from unrolled.decoding import Sampling, generate, generate_frozen
from unrolled.kernels.generation import PRECISIONS, Precision
from unrolled.tasks.lm import LanguageModel, Windows
from unrolled.tasks.lm_trained import TrainedLanguageModel
from unrolled.tasks.recurrent import Recurrent

SYMBOLS, HIDDEN, LAYERS, TEMPERATURE = 96, 512, 2, 0.8
SECONDS = 0.5  # of one repetition


def timed(write: Work) -> Work:
    """Repeat until half a second has passed: symbols per second."""

    def work() -> float:
        begin, symbols = time.perf_counter(), 0.0
        while time.perf_counter() - begin < SECONDS:
            symbols += write()
        return symbols / (time.perf_counter() - begin)

    return work


def ours(precision: Precision | None, streams: int) -> Work:
    """`TrainedLanguageModel`'s loop, frozen or not."""
    torch.manual_seed(0)
    model = LanguageModel(SYMBOLS, Recurrent(hidden_size=HIDDEN, num_layers=LAYERS), Windows())
    handle = TrainedLanguageModel(model, CharVocabulary("".join(map(chr, range(32, 32 + SYMBOLS)))))
    frozen = None if precision is None else handle.model.freeze(precision)
    sampling, begin = Sampling(temperature=TEMPERATURE), torch.zeros(streams, SYMBOLS).numpy()

    @torch.no_grad()
    def write() -> float:
        state = handle.model.stack.initial_state(streams)
        if frozen is None:
            return sum(len(ids) for ids in generate(handle._step, begin, state, sampling, 50))
        return sum(len(ids) for ids in generate_frozen(frozen, begin, state, sampling, 500))

    return timed(write)


def cell_loop(streams: int) -> Work:
    """The fastest plain loop: nn.LSTMCell after nn.LSTMCell."""
    cells = [nn.LSTMCell(HIDDEN if layer else SYMBOLS, HIDDEN) for layer in range(LAYERS)]
    head, eye = nn.Linear(HIDDEN, SYMBOLS), torch.eye(SYMBOLS)

    @torch.inference_mode()
    def write() -> float:
        state = [(torch.zeros(streams, HIDDEN), torch.zeros(streams, HIDDEN)) for _ in cells]
        x = torch.zeros(streams, SYMBOLS)
        for _ in range(50):
            for layer, cell in enumerate(cells):
                x, _ = state[layer] = cell(x, state[layer])
            ids = torch.multinomial(torch.softmax(head(x) / TEMPERATURE, -1), 1)[:, 0]
            ids.tolist()
            x = eye[ids]
        return 50 * streams

    return timed(write)


def layer_loop(streams: int) -> Work:
    """nn.LSTM, one step at a time."""
    rnn, head, eye = nn.LSTM(SYMBOLS, HIDDEN, LAYERS), nn.Linear(HIDDEN, SYMBOLS), torch.eye(SYMBOLS)

    @torch.inference_mode()
    def write() -> float:
        state, x = None, torch.zeros(streams, SYMBOLS)
        for _ in range(50):
            y, state = rnn(x[None], state)
            ids = torch.multinomial(torch.softmax(head(y[0]) / TEMPERATURE, -1), 1)[:, 0]
            ids.tolist()
            x = eye[ids]
        return 50 * streams

    return timed(write)


def reading(size: int) -> Work:
    """Arrays of that many bytes read per second."""
    array = torch.ones(size // 4)

    def write() -> float:
        for _ in range(10):
            array.sum()
        return 10

    return timed(write)


def make(side: str, streams: int) -> Work:
    """One side of a comparison by its name."""
    if side.startswith("read "):
        return reading(int(side.split()[1]))
    if side in PRECISIONS:
        return ours(side, streams)
    return {"plain": lambda: ours(None, streams), "cells": lambda: cell_loop(streams),
            "layers": lambda: layer_loop(streams)}[side]()  # fmt: skip


def bytes_per_step(precision: Precision) -> int:
    return (
        LanguageModel(SYMBOLS, Recurrent(hidden_size=HIDDEN, num_layers=LAYERS), Windows())
        .freeze(precision)
        .bytes_per_step
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.worker:
        worker(lambda: make(options.worker, options.streams))
        return
    same = ["--threads", str(options.threads), "--streams", str(options.streams)]
    rows = []
    for side in (*PRECISIONS, "plain", "layers"):
        mine, theirs, ratios = compare(sys.argv[0], (side, "cells"), same, options.repetitions)
        share = ""
        if side in PRECISIONS:
            _, _, shares = compare(sys.argv[0], (side, f"read {bytes_per_step(side)}"), same, options.repetitions)
            share = f"{statistics.median(shares) / options.streams:.0%}"
        name = {"plain": "unrolled, not frozen", "layers": "nn.LSTM loop"}.get(side, f"unrolled, frozen, {side}")
        rows.append([name, f"{mine:,.0f}", f"{theirs:,.0f}", ratio_cell(ratios), share])
        print(f"{name}: {rows[-1]}", file=sys.stderr, flush=True)
    table(["", "symbols/s", "LSTMCell loop", "ratio (95 %)", "of the reading rate"], rows)


if __name__ == "__main__":
    main()
