"""What does the loop cost beyond forward, backward and update?    python benchmarks/loop_overhead.py

Ours: the whole loop from its first report to its last (see train_rate.py). Bare: forward, backward and the optimiser's
update on one window that never changes, with the same model, optimiser and allocator settings.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch

from harness import Work, arguments, compare, interval, table, worker
from train_rate import CASES, CHARACTERS, make_task, ours
from unrolled.training.process import keep_freed_memory
from unrolled.training.step import Stepper


def bare(case: str) -> Work:
    """Forward, backward, update."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(case, Path(folder))
        task.prepare()
    stepper = Stepper(task, torch.device("cpu"), 10_000)
    window, state = task.batch(1), stepper.carry
    steps = CHARACTERS // window.inputs.numel()

    def work() -> float:
        begin = time.perf_counter()
        for _ in range(steps):
            logits, _ = stepper.model(window.inputs, state)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), window.targets.flatten())
            stepper.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            stepper.optimizer.step()
        return steps * window.inputs.numel() / (time.perf_counter() - begin)

    return work


def main() -> None:
    options = arguments(__doc__, repetitions=11)
    if options.worker:
        worker(lambda: {"loop": ours, "bare": bare}[options.worker](options.case))
        return
    rows = []
    for case in CASES:
        mine, theirs, ratios = compare(sys.argv[0], ("loop", "bare"), [case], options.repetitions)
        overheads = [100 * (1 / ratio - 1) for ratio in ratios]
        low, high = interval(overheads)
        middle = sorted(overheads)[len(overheads) // 2]
        rows.append([case, f"{mine:,.0f}", f"{theirs:,.0f}", f"{middle:.1f} % ({low:.1f}–{high:.1f})"])
        print(f"{case}: {rows[-1][-1]}", file=sys.stderr, flush=True)
    table(["model", "loop, characters/s", "bare", "overhead (95 %)"], rows)


if __name__ == "__main__":
    main()
