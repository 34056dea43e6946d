"""Speed of CTC beam search, compared with pyctcdecode and plain Python.    python benchmarks/ctc_beam.py

One utterance of 300 frames, 80 classes, beam 25, one thread: with all symbols of a frame, or its 20 most likely ones.
Logits are those of an untrained network (noise) and of a trained one (60 % blanks, one class of 8 nats above the rest).
pyctcdecode (``pip install pyctcdecode``) is measured if it is installed, without and with its default pruning; plain
Python is the algorithm with prefixes as keys of a dictionary. All alternate in one process; medians of processor times.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections import defaultdict
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness import processor_times, table
from unrolled.decoding import CTCDecoder, CTCSearch
from unrolled.lab.bench.measure import Work

T, C, BEAM = 300, 80, 25
SYMBOLS = ["", *(chr(ord("а") + i) for i in range(C - 2)), " "]


def plain(rows: list[list[float]], symbols: int) -> str:
    """Decode by prefix beam search in plain Python."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for row in rows:
        after: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [-math.inf, -math.inf])
        extending = sorted(range(1, C), key=lambda k: -row[k])[:symbols]
        for prefix, (blank, symbol) in beams.items():
            total = add(blank, symbol)
            here = after[prefix]
            here[0] = add(here[0], total + row[0])
            if prefix:
                here[1] = add(here[1], symbol + row[prefix[-1]])
            for k in extending:
                longer = after[(*prefix, k)]
                longer[1] = add(longer[1], (blank if prefix and k == prefix[-1] else total) + row[k])
        best = sorted(after.items(), key=lambda one: -add(*one[1]))[:BEAM]
        beams = {prefix: (pair[0], pair[1]) for prefix, pair in best}
    return "".join(SYMBOLS[k] for k in next(iter(beams)))


def add(a: float, b: float) -> float:
    """Compute log(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


def peers(log_probs: Tensor) -> dict[str, Work]:
    """Return the decoders of others."""
    rows = log_probs.tolist()
    works: dict[str, Work] = {"plain Python, all": lambda: plain(rows, C), "plain Python, 20": lambda: plain(rows, 20)}
    try:
        from pyctcdecode import build_ctcdecoder  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        print("pyctcdecode is not installed: not measured")
        return works
    logging.disable(logging.WARNING)
    decoder: Any = build_ctcdecoder(SYMBOLS)
    y = log_probs.numpy()
    everything = {"beam_width": BEAM, "beam_prune_logp": -1e9, "token_min_logp": -1e9}
    return works | {
        "pyctcdecode, unpruned": lambda: decoder.decode(y, **everything),
        "pyctcdecode, its pruning": lambda: decoder.decode(y, beam_width=BEAM),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(T, 1, C, generator=g)
    classes = torch.where(torch.rand(T, generator=g) < 0.6, 0, torch.randint(1, C, (T,), generator=g))
    trained = torch.randn(T, 1, C, generator=g) + 8 * torch.nn.functional.one_hot(classes, C)[:, None]
    rows: dict[str, list[str]] = {}
    for logits in (noise, trained):
        works: dict[str, Work] = {}
        for name, symbols in (("all symbols", 0), ("20 symbols", 20)):
            decoder = CTCDecoder(SYMBOLS, search=CTCSearch(beam=BEAM, symbols=symbols))
            works[f"unrolled, {name}"] = partial(decoder.decode, logits)
        works |= peers(logits[:, 0].log_softmax(1))
        for name, timing in processor_times(works, options.turns).items():
            rows.setdefault(name, [name]).append(f"{1000 * timing.median:.1f}")
    table(["decoder", "noise, ms", "trained, ms"], list(rows.values()))


if __name__ == "__main__":
    main()
