"""How much of its speed does a program keep beside busy processes?    python benchmarks/contention.py [--only TEXT]

Every work runs alone, then beside 1, 2 and 4 processes that compute all the time. "kept" is its rate as a share of the
rate alone. A process that gets a third of the processor time should keep a third of its rate, so two ratios follow:

    of CPU    kept ÷ the processor time that it received, as a share of what it received alone
    of fair   kept ÷ the share of a fair scheduler: n threads beside k processes on C cores get n C / (n + k) cores

The works: writing with frozen models, training steps of single layers, and of a character model in the whole training
loop; torch's layers and a plain PyTorch loop for comparison. At last the time of one written token: its median alone,
and the 99th percentile beside one process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SHAPES = {"(50, 50, 128)": (50, 50, 128), "(64, 32, 512)": (64, 32, 512), "(128, 16, 256)": (128, 16, 256),
          "(35, 20, 1024)": (35, 20, 1024)}  # fmt: skip
SECONDS, NEIGHBOURS = 1.5, (0, 1, 2, 4)
Unit = Callable[[], int]
"""Does a little work, at most some tens of milliseconds, and returns how much."""


def frozen(hidden_size: int, num_layers: int, weights: str) -> tuple[Any, Any, Any]:
    """Return a frozen language model of 65 tokens, logits and a state."""
    import torch

    from unrolled.tasks.lm.config import LanguageModelConfig
    from unrolled.tasks.lm.model import new_model
    from unrolled.training.config import update

    config = update(LanguageModelConfig(), hidden_size=hidden_size, num_layers=num_layers, cell="lstm")
    model: Any = new_model(65, config).eval()
    with torch.no_grad():
        logits, state = model(torch.zeros(1, 1, dtype=torch.long), None)
    return model.freeze(weights), logits[0], state


def writing(hidden_size: int, num_layers: int, weights: str) -> Unit:
    """Write with a frozen model, 10 to 200 tokens at a time."""
    from unrolled.decoding import Sampling
    from unrolled.decoding.frozen import draws

    engine, logits, state = frozen(hidden_size, num_layers, weights)
    count = 200 if hidden_size < 256 else 20

    def unit() -> int:
        engine.run(logits, state, count, draws(Sampling(), 0, 1))
        return count

    return unit


def layer(cell: str, shape: tuple[int, int, int], peer: bool) -> Unit:
    """Forward and backward pass of one layer."""
    import torch
    from torch import nn

    import unrolled.nn as ours

    steps, lanes, units = shape
    made = getattr(nn if peer else ours, cell)(units, units)
    x, gradient = torch.randn(steps, lanes, units), torch.randn(steps, lanes, units)

    def unit() -> int:
        made.zero_grad(set_to_none=True)
        made(x)[0].backward(gradient)
        return steps * lanes

    return unit


def characters(peer: bool, folder: Path) -> Unit:
    """Training steps of an LSTM 2×128 on characters, batch 50, windows of 50: our step, or a plain PyTorch loop."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    from train_rate import make_task
    from unrolled.training.step import Stepper

    if not peer:
        task = make_task("LSTM 2×128", folder, steps=100_000)
        task.prepare()
        stepper, step = Stepper(task, torch.device("cpu"), steps=100_000), iter(range(100_000))

        def ours() -> int:
            stepper.step(next(step))
            return 2500

        return ours
    lstm, head = nn.LSTM(65, 128, 2), nn.Linear(128, 65)
    parameters = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    ids, state = torch.randint(65, (51, 50)), None

    def plain() -> int:
        nonlocal state
        out, state = lstm(F.one_hot(ids[:-1], 65).float(), state)
        state = (state[0].detach(), state[1].detach())
        loss = F.cross_entropy(head(out).flatten(0, 1), ids[1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return 2500

    return plain


def works(folder: Path) -> dict[str, Callable[[], Unit]]:
    """Return every work by its name."""
    found: dict[str, Callable[[], Unit]] = {}
    for size, layers in ((128, 1), (512, 2)):
        for weights in ("float32", "int8"):
            found[f"write LSTM {layers}×{size} {weights}"] = lambda a=(size, layers, weights): writing(*a)  # type: ignore[misc]
    for cell in ("LSTM", "GRU"):
        for name, shape in SHAPES.items():
            for peer in (False, True):
                label = f"train {'nn.' if peer else ''}{cell} {name}"
                found[label] = lambda a=(cell, shape, peer): layer(*a)  # type: ignore[misc]
    found["char-rnn LSTM 2×128"] = lambda: characters(False, folder)
    found["char-rnn plain PyTorch"] = lambda: characters(True, folder)
    return found


def serve(make: Callable[[], Unit], threads: int) -> None:
    """In a child process: for every line on stdin, work for some seconds and print units and CPU seconds per second."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    unit = make()
    for _ in range(3):
        unit()
    print("ready", flush=True)
    for _ in sys.stdin:
        begin, used, done = time.perf_counter(), time.process_time(), 0
        while (seconds := time.perf_counter() - begin) < SECONDS:
            done += unit()
        print(done / seconds, (time.process_time() - used) / seconds, flush=True)


def one_token(neighbours: int) -> tuple[float, float]:
    """Return median and 99th percentile of the time of one token in microseconds."""
    with Busy(neighbours):
        output = subprocess.run(
            [sys.executable, __file__, "--token"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    middle, late = output.split()
    return float(middle), float(late)


def tokens() -> None:
    """Measure one token at a time for some seconds."""
    import torch

    from unrolled.decoding import Sampling
    from unrolled.decoding.frozen import draws

    torch.set_num_threads(os.cpu_count() or 1)
    engine, logits, state = frozen(512, 2, "float32")
    times = []
    end = time.perf_counter() + 2 * SECONDS
    while (begin := time.perf_counter()) < end:
        engine.run(logits, state, 1, draws(Sampling(), 0, 1))
        times.append(time.perf_counter() - begin)
    print(*(1e6 * np.quantile(times[10:], [0.5, 0.99])))


class Busy:
    """Processes that compute all the time."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.all = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(self.count)]
        time.sleep(0.3 if self.count else 0)

    def __exit__(self, *_: object) -> None:
        for process in self.all:
            process.kill()
            process.wait()


def measured(name: str, threads: int) -> list[tuple[float, float]]:
    """Return rate and CPUs used, beside each number of neighbours."""
    command = [sys.executable, __file__, "--worker", name, "--threads", str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        if worker.stdout.readline().strip() != "ready":
            raise SystemExit(f"the process of {name!r} died; its message is above")
        found = []
        for count in NEIGHBOURS:
            with Busy(count):
                worker.stdin.write("\n")
                worker.stdin.flush()
                rate, cpus = worker.stdout.readline().split()
            found.append((float(rate), float(cpus)))
        worker.kill()
    return found


def main() -> None:
    """Measure all works and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="works whose name contains this text")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--token", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        all_works = works(Path(folder))
        if options.token:
            tokens()
        elif options.worker:
            serve(all_works[options.worker], options.threads[0])
        else:
            compare(all_works, options)


def compare(all_works: dict[str, Callable[[], Unit]], options: argparse.Namespace) -> None:
    """Measure the works that the options choose and print the table."""
    from harness import table

    cores, rows = os.cpu_count() or 1, []
    for name in all_works:
        for threads in options.threads if options.only in name else []:
            (alone, given), *others = measured(name, threads)
            row = [name, str(threads), f"{alone:,.0f}"]
            for count, (rate, cpus) in zip(NEIGHBOURS[1:], others, strict=True):
                kept = rate / alone
                fair = min(1.0, cores / (threads + count))
                row.append(f"{kept:.2f} ({kept * given / cpus:.2f}, {kept / fair:.2f})")
            rows.append(row)
            print(" | ".join(row), flush=True)
    if rows:
        table(["work", "threads", "alone /s", *(f"{n} busy: kept (of CPU, of fair)" for n in NEIGHBOURS[1:])], rows)
    if options.only in "one token":
        (middle, _), (_, late) = one_token(0), one_token(1)
        print(f"one token, LSTM 2×512: median alone {middle:.0f} µs, 99th percentile beside one process {late:.0f} µs")


if __name__ == "__main__":
    main()
