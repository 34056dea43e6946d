"""Which batch size and window learn fastest by the clock? (docs/defaults.md)

    OMP_NUM_THREADS=1 python benchmarks/batch_size.py --hidden-size 128 --num-layers 1 --seconds 12

Language models of tiny Shakespeare, in the folder that UNROLLED_DATA names, with the default options but for batch size
and window, each trained for the same processor time. The number of steps is planned from the first ones.
"""

from __future__ import annotations

import argparse
import time

import torch

from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import update
from unrolled.training.process import keep_freed_memory
from unrolled.training.step import Stepper

SHAPES = ["8x64", "16x64", "32x64", "64x64", "32x32", "16x128", "32x128"]
PROBE = 32_000  # tokens to measure the rate with


def seconds_of(stepper: Stepper, steps: range) -> float:
    """Train for these steps; return the processor time."""
    begin = time.process_time()
    for step in steps:
        stepper.step(step)
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--num-layers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=12, help="processor time of each training")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="lanes x steps of a window")
    options = parser.parse_args()
    keep_freed_memory()
    sizes = {"hidden_size": options.hidden_size, "num_layers": options.num_layers}
    print(f"{'shape':>8} {'steps':>6} {'lr':>6} {'characters/s':>13} {'validation, nats':>17}")
    for shape in options.shapes:
        lanes, bptt = map(int, shape.split("x"))
        config = update(LanguageModelConfig(), data="shakespeare", eval_tokens=60_000, **sizes)
        task = LanguageModelling(update(config, batch_size=lanes, bptt=bptt))
        task.prepare()
        probe, count = Stepper(task, torch.device("cpu"), 100), max(3, PROBE // (lanes * bptt))
        seconds_of(probe, range(3))  # the first steps include allocation
        steps = max(1, int(options.seconds / (seconds_of(probe, range(3, 3 + count)) / count)))
        stepper = Stepper(task, torch.device("cpu"), steps)
        spent = seconds_of(stepper, range(steps))
        stepper.average.swap()
        loss = task.evaluate(stepper.model.eval(), "valid")["loss"]
        rate = steps * lanes * bptt / spent
        print(f"{shape:>8} {steps:6,} {stepper.options.lr:6.2g} {rate:13,.0f} {loss:17.4f}", flush=True)


if __name__ == "__main__":
    main()
