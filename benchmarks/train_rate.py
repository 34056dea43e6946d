"""Is our training loop as fast as a plain PyTorch script?    python benchmarks/train_rate.py

The peer is what people write: one-hot input, nn.LSTM, cross entropy, clip_grad_norm_, AdamW, the text as one tensor
of contiguous lanes, the state carried and detached. Ours is the whole loop: memory-mapped windows, random resets,
the average of the weights, checks for losses that are not finite. Same model, optimiser and sizes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

from harness import Work, arguments, compare, ratio_cell, table, worker
from unrolled.tasks.lm import LanguageModelConfig, LanguageModelling
from unrolled.training.config import update
from unrolled.training.process import keep_freed_memory
from unrolled.training.step import Stepper

# name: (cell, hidden_size, num_layers, bptt, batch_size)
CASES = {
    "LSTM 2×128": ("lstm", 128, 2, 50, 50),
    "GRU 2×128": ("gru", 128, 2, 50, 50),
    "RNN 2×128": ("rnn", 128, 2, 50, 50),
    "LSTM 2×512": ("lstm", 512, 2, 64, 32),
}
SYMBOLS = 65
STEPS = 20


def text() -> str:
    """500,000 random characters of 65 symbols: the rate does not depend on which."""
    symbols = torch.randint(SYMBOLS, (500_000,), generator=torch.Generator().manual_seed(0)).tolist()
    return "".join(chr(48 + symbol) for symbol in symbols)


def make_stepper(case: str, **options: float) -> Stepper:
    """Our model, optimiser and text, ready for its first step."""
    cell, hidden_size, num_layers, bptt, batch_size = CASES[case]
    keep_freed_memory()
    file = Path(tempfile.mkdtemp()) / "text.txt"
    file.write_text(text())
    sizes = {"hidden_size": hidden_size, "num_layers": num_layers, "bptt": bptt, "batch_size": batch_size}
    config = update(LanguageModelConfig(), data=str(file), steps=10_000, cell=cell, **sizes, **options)
    task = LanguageModelling(config)
    task.prepare()
    return Stepper(task, torch.device("cpu"), 10_000)


def ours(case: str) -> Work:
    stepper = make_stepper(case, dropout=0.0)
    position = iter(range(10**9))
    return lambda: sum(stepper.step(next(position))[2] for _ in range(STEPS))


def peer(case: str) -> Work:
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
    begin = 0

    def work() -> float:
        nonlocal state, begin
        for _ in range(STEPS):
            if begin + bptt > lane:
                begin, state = 0, None
            x = nn.functional.one_hot(inputs[begin : begin + bptt], SYMBOLS).float()
            y = targets[begin : begin + bptt]
            outputs, state = rnn(x, state)
            loss = nn.functional.cross_entropy(head(outputs).view(-1, SYMBOLS), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss.item()
            begin += bptt
        return STEPS * bptt * batch_size

    return work


def main() -> None:
    options = arguments(__doc__, repetitions=15)
    if options.worker:
        worker(lambda: {"ours": ours, "peer": peer}[options.worker](options.case))
        return
    rows = []
    for case in CASES:
        mine, theirs, ratios = compare(sys.argv[0], ("ours", "peer"), [case], options.repetitions)
        rows.append([case, f"{mine:,.0f}", f"{theirs:,.0f}", ratio_cell(ratios)])
        print(f"{case}: {rows[-1][-1]}", file=sys.stderr, flush=True)
    table(["model", "unrolled, characters/s", "plain PyTorch", "ratio (95 %)"], rows)


if __name__ == "__main__":
    main()
