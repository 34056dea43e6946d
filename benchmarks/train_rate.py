"""Training speed of a language model, compared with a plain PyTorch script.    python benchmarks/train_rate.py

The peer is a typical script: one-hot input, nn.LSTM, cross entropy, clip_grad_norm_, AdamW, the text as one tensor of
contiguous lanes, the state carried and detached. Ours is the complete training loop from its first progress report to
its last: memory-mapped windows, random resets, weight averaging, checks for non-finite losses, progress and
metrics.jsonl. Model, optimiser and sizes are the same; evaluations and checkpoints are excluded on both sides.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.kernels import extension
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import update
from unrolled.training.folder import RunFolder
from unrolled.training.log import Progress, Silent
from unrolled.training.loop import train

# name: (cell, hidden_size, num_layers, bptt, batch_size)
CASES = {
    "LSTM 2×128": ("lstm", 128, 2, 50, 50),
    "GRU 2×128": ("gru", 128, 2, 50, 50),
    "RNN 2×128": ("rnn", 128, 2, 50, 50),
    "LSTM 2×512": ("lstm", 512, 2, 64, 32),
    "LSTM 2×128 bf16": ("lstm", 128, 2, 50, 50),  # ours in bfloat16, if the processor has bfloat16 products
    "LSTM 2×512 bf16": ("lstm", 512, 2, 64, 32),
}
SYMBOLS = 65
CHARACTERS = {"rnn": 160_000, "gru": 80_000, "lstm": 40_000}  # per repetition, which should take at least a second


@cache
def text() -> str:
    """Return 500,000 random characters from a vocabulary of 65; the rate does not depend on the text."""
    symbols = torch.randint(SYMBOLS, (500_000,), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(chr(48 + symbol) for symbol in symbols)


def make_task(case: str, folder: Path, steps: int = 0, **options: Any) -> LanguageModelling:
    """Build our task for a case, reading `text` from a file in ``folder``; 0 steps: those of one repetition."""
    cell, hidden_size, num_layers, bptt, batch_size = CASES[case]
    file = folder / "text.txt"
    if not file.exists():
        file.write_text(text())
    steps = steps or CHARACTERS[cell] // (bptt * batch_size)
    sizes = {"hidden_size": hidden_size, "num_layers": num_layers, "bptt": bptt, "batch_size": batch_size}
    rare = {"eval_every": steps, "eval_tokens": 2, "preview_length": 1, "fractions": (1.0, 0.0, 0.0)}
    config = update(LanguageModelConfig(), data=str(file), cell=cell, steps=steps, **sizes, **rare, **options)
    return LanguageModelling(config)


class Stopwatch(Silent):
    """Measures the rate from the first progress report to the last."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, int]] = []

    def progress(self, progress: Progress) -> None:
        self.moments.append((time.perf_counter(), progress.step))

    def rate(self, characters_per_step: int) -> float:
        (begin, first), (end, last) = self.moments[0], self.moments[-1]
        return (last - first) * characters_per_step / (end - begin)


def ours(case: str, **options: Any) -> Work:
    """Return the work of our training loop; each repetition is a new training run."""
    folder = tempfile.TemporaryDirectory()
    _, _, _, bptt, batch_size = CASES[case]
    path = Path(folder.name)

    def work() -> float:
        watch = Stopwatch()
        with tempfile.TemporaryDirectory(dir=folder.name) as run:
            train(make_task(case, path, **options), RunFolder.create(Path(run) / "run"), watch)
        return watch.rate(bptt * batch_size)

    return work


def peer(case: str) -> Work:
    """Return the work of the plain PyTorch script."""
    cell, hidden_size, num_layers, bptt, batch_size = CASES[case]
    data = text()
    index = {symbol: number for number, symbol in enumerate(sorted(set(data)))}
    ids = torch.tensor([index[symbol] for symbol in data])
    lane = (len(ids) - 1) // batch_size
    inputs = ids[: lane * batch_size].view(batch_size, lane).t()
    targets = ids[1 : lane * batch_size + 1].view(batch_size, lane).t()
    rnn = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell](SYMBOLS, hidden_size, num_layers)
    head = nn.Linear(hidden_size, SYMBOLS)
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.05)
    state = None
    position = 0

    def work() -> float:
        nonlocal state, position
        steps = CHARACTERS[cell] // (bptt * batch_size)
        begin = time.perf_counter()
        for _ in range(steps):
            if position + bptt > lane:
                position, state = 0, None
            x = nn.functional.one_hot(inputs[position : position + bptt], SYMBOLS).float()
            y = targets[position : position + bptt]
            outputs, state = rnn(x, state)
            loss = nn.functional.cross_entropy(head(outputs).view(-1, SYMBOLS), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss.item()
            position += bptt
        return steps * bptt * batch_size / (time.perf_counter() - begin)

    return work


def main() -> None:
    options = arguments(__doc__, repetitions=11)
    if options.worker:
        precision = "bf16" if options.case.endswith("bf16") else "float32"
        worker(
            (lambda: ours(options.case, dropout=0.0, precision=precision))
            if options.worker == "ours"
            else lambda: peer(options.case)
        )
        return
    rows = []
    for case in CASES:
        if case.endswith("bf16") and not extension.bfloat16():
            continue
        mine, theirs, ratios = compare(sys.argv[0], ("ours", "peer"), [case], options.repetitions)
        rows.append([case, f"{mine:,.0f}", f"{theirs:,.0f}", ratio_cell(ratios)])
        print(f"{case}: {rows[-1][-1]}", file=sys.stderr, flush=True)
    table(["model", "unrolled, characters/s", "plain PyTorch", "ratio (95 %)"], rows)


if __name__ == "__main__":
    main()
