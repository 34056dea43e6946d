"""What does the loop cost beyond forward, backward and update?    python benchmarks/loop_overhead.py

Ours: the loop's whole step: the window from the memory-mapped text, resets, loss, clipping, schedule, average,
checks. Bare: forward, backward and the optimiser's update on one window that never changes, with the same model.
"""

from __future__ import annotations

import sys

import torch

from harness import Work, arguments, compare, interval, table, worker
from train_rate import CASES, STEPS, make_stepper


def make(case: str, bare: bool) -> Work:
    stepper = make_stepper(case)
    if not bare:
        position = iter(range(10**9))
        return lambda: sum(stepper.step(next(position))[2] for _ in range(STEPS))
    window, state = stepper.task.batch(1), stepper.carry

    def work() -> float:
        for _ in range(STEPS):
            logits, _ = stepper.model(window.inputs, state)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), window.targets.flatten())
            stepper.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            stepper.optimizer.step()
        return STEPS * window.inputs.numel()

    return work


def main() -> None:
    options = arguments(__doc__, repetitions=15)
    if options.worker:
        worker(lambda: make(options.case, bare=options.worker == "bare"))
        return
    rows = []
    for case in CASES:
        mine, bare, ratios = compare(sys.argv[0], ("loop", "bare"), [case], options.repetitions)
        overheads = [100 * (1 / ratio - 1) for ratio in ratios]
        low, high = interval(overheads)
        middle = sorted(overheads)[len(overheads) // 2]
        rows.append([case, f"{mine:,.0f}", f"{bare:,.0f}", f"{middle:.1f} % ({low:.1f}–{high:.1f})"])
        print(f"{case}: {rows[-1][-1]}", file=sys.stderr, flush=True)
    table(["model", "loop, characters/s", "bare", "overhead (95 %)"], rows)


if __name__ == "__main__":
    main()
