"""Synthetic gradients compared with truncated backpropagation through time.    Run with OMP_NUM_THREADS=1.

    python benchmarks/synthetic_gradients.py copy --cpu-minutes 2.5
    python benchmarks/synthetic_gradients.py copy --windows 2 --steps 3000 --lr 2e-3
    python benchmarks/synthetic_gradients.py repeat-copy --cpu-minutes 2.5
    python benchmarks/synthetic_gradients.py rest --windows 2 --steps 2600
    python benchmarks/synthetic_gradients.py lm --characters 5e6
    python benchmarks/synthetic_gradients.py picture

Copy and repeat-copy (Jaderberg et al. 2017, section 3.1): an LSTM is trained by truncated backpropagation in windows of
2 to 5 steps: without synthetic gradients, with them, and with them and the auxiliary task. The model must reproduce N
bits, in repeat-copy R times and then an end marker. Whenever the running training loss falls below 0.15 bits per answer
(chance: 1), N is increased by one, in repeat-copy R and N alternately. The table shows the longest sequence solved in
equal CPU time, or with --steps in equally many steps.

At rest: a model trained to copy is frozen while the predictor learns. The table compares the sum of the windows'
gradients with respect to the recurrent weights with that of full backpropagation through all windows.

Language modelling: windows of 8 with and without synthetic gradients, and of 20, on equally many characters of
Shakespeare.

Repeating a command reuses finished results.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_flatten

import unrolled
from harness import table
from unrolled import api
from unrolled.cells.state import detach
from unrolled.data.counter import hash64
from unrolled.data.episodes import EpisodeWindow
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.memory.config import MemoryConfig
from unrolled.tasks.memory.task import Memory
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.process import keep_freed_memory
from unrolled.training.step import Stepper
from unrolled.training.synthetic import SyntheticGradients

PREDICTOR: dict[str, Any] = {"synthetic_gradients": True}
WAYS: dict[str, dict[str, Any]] = {
    "truncated": {},
    "synthetic": PREDICTOR,
    "and ahead": {**PREDICTOR, "synthetic_ahead": True},
}
COLOURS = {"truncated": "#9d9d9d", "synthetic": "#4c78a8", "and ahead": "#f2a541"}
WINDOWS = (2, 3, 4, 5)
COPYING: dict[str, Any] = {
    "cell": "lstm", "hidden_size": 64, "batch_size": 128, "lr": 5e-4, "optimizer": "adam", "schedule": "constant",
    "warmup": 0, "average": "none", "steps": 10**9,
}  # fmt: skip
SOLVED = 0.15  # bits per answer
AT_LEAST = 100  # steps at one length
MEMORY = 0.98  # decay of the running loss per step
READING: dict[str, Any] = {"cell": "lstm", "hidden_size": 128, "num_layers": 1, "batch_size": 32, "lr": 3e-3}
PATIENT = {**PREDICTOR, "synthetic_samples": 25}
TEXTS = {"8": (8, {}), "8, synthetic": (8, PREDICTOR), "8, synthetic, 25 samples": (8, PATIENT), "20": (20, {})}
LEARNS, AT_REST = 250, 120  # training steps of the predictor between comparisons; windows compared
END, NOTHING, TIMES = 2, 3, 4  # channels: bits are 0 and 1


class Lanes:
    """Sequences of one length, concatenated in B lanes that start at random positions of their first sequence.

    A window is a pure function of its number. Truncated first sequences are not counted in the loss.
    """

    kind, input_size, outputs = "class", 5, 3
    repeats = 0

    def __init__(self, batch_size: int, bptt: int, symbols: int, times: int, end: bool, seed: int) -> None:
        self.batch_size, self.bptt, self.symbols, self.times, self.end = batch_size, bptt, symbols, times, end
        self.length = symbols + 1 + symbols * times + end
        self.keys = hash64(seed, symbols, times, np.arange(batch_size))
        self.phase = (hash64(self.keys, 0) % np.uint64(self.length)).astype(np.int64)
        self.episodes, self.mean_length, self.per_pass = self, float(self.length), 1000.0

    def batch(self, index: int) -> EpisodeWindow:
        at = index * self.bptt + np.arange(self.bptt)[:, None] + self.phase  # (T, B)
        number, place = at // self.length, at % self.length
        answered = place - self.symbols - 1
        bits = (
            hash64(self.keys, 1 + number, np.where(answered < 0, place, answered % self.symbols)) >> np.uint64(20)
        ) & (np.uint64(1))
        channels = np.where(answered < 0, np.where(place == self.symbols, END, bits.astype(np.int64)), NOTHING)
        inputs = np.eye(self.input_size, dtype=np.float32)[channels]
        inputs[..., TIMES] = np.where(place == self.symbols, self.times / 10, 0)
        last = (place == self.length - 1) & self.end
        targets = np.where(last, END, bits.astype(np.int64))
        where = (answered >= 0) & ((number > 0) | (self.phase == 0))
        expected = where.size * (self.length - self.symbols - 1) / self.length
        x, y, counted, resets = map(torch.from_numpy, (inputs, targets, where, place == 0))
        return EpisodeWindow(x, y, counted, resets, expected, continues=True)


def climb(
    problem: str, window: int, way: str, seed: int, options: argparse.Namespace
) -> tuple[dict[str, Any], Stepper, int]:
    """Train one model for the given CPU time or steps; return the lengths it has solved, its state, and the step."""
    keep_freed_memory()
    repeating = problem == "repeat-copy"
    own = {**COPYING, "lr": options.lr, "batch_size": options.lanes, **WAYS[way]}
    task = Memory(update(MemoryConfig(), data=problem, bptt=window, seed=seed, **own))
    task.prepare()
    symbols = times = 1

    def lanes() -> Any:
        return Lanes(options.lanes, window, symbols, times, repeating, seed)

    task.stream = lanes()
    stepper = Stepper(task, torch.device("cpu"), steps=10**9)
    begin, step, since, lost, weight = time.process_time(), 0, 0, 0.0, 0.0
    reached: list[dict[str, float]] = []
    unexplained: list[float] = []
    while step < options.steps if options.steps else time.process_time() - begin < 60 * options.cpu_minutes:
        loss, _, _ = stepper.step(since)
        step, since = step + 1, since + 1
        lost, weight = MEMORY * lost + (1 - MEMORY) * loss, MEMORY * weight + 1 - MEMORY
        if stepper.synthetic is not None and step % 100 == 0:
            unexplained.append(stepper.synthetic.unexplained)
        if since >= AT_LEAST and lost / weight / math.log(2) < SOLVED:
            spent = time.process_time() - begin
            reached.append({"symbols": symbols, "times": times, "step": step, "seconds": round(spent, 1)})
            if repeating and len(reached) % 2:
                times += 1
            else:
                symbols += 1
            task.stream, since, lost, weight = lanes(), 0, 0.0, 0.0
            stepper.carry = task.carry(stepper.model)
    error = float(np.mean(unexplained)) if unexplained else None
    spent, bits = round(time.process_time() - begin, 1), lost / max(weight, 1e-9) / math.log(2)
    found = {"steps": step, "seconds": spent, "reached": reached, "unexplained": error, "bits": bits}
    return found, stepper, since


def longest(found: dict[str, Any]) -> int:
    """Return the largest number of bits in a solved sequence."""
    return max((length["symbols"] * length["times"] for length in found["reached"]), default=0)


def name(options: argparse.Namespace, problem: str, window: int, way: str, seed: int) -> str:
    """Return the file name of one measurement."""
    budget = f"{options.steps}-steps" if options.steps else f"{options.cpu_minutes:g}-minutes"
    own = f"{window}-{way.replace(' ', '-')}-{seed}-{budget}-{options.lr:g}-{options.lanes}"
    return f"synthetic-{problem}-{own}.json"


def copying(options: argparse.Namespace) -> None:
    """Print a table with a row for each window, method and seed."""
    rows = []
    for window in options.windows:
        for way in options.ways:
            for seed in options.seeds:
                place = options.runs / name(options, options.problem, window, way, seed)
                if not place.exists():
                    found, _, _ = climb(options.problem, window, way, seed, options)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(json.dumps(found) + "\n")
                found = json.loads(place.read_text())
                last = found["reached"][-1] if found["reached"] else {"symbols": 0, "times": 0, "step": 0}
                error = "" if found["unexplained"] is None else f"{found['unexplained']:.2f}"
                sizes = [f"{last['symbols']}", f"{last['times']}", f"{longest(found)}"]
                counts = [
                    f"{last['step']:,}",
                    f"{found['steps']:,}",
                    f"{found['seconds']:.0f}",
                    f"{found['bits']:.2f}",
                    error,
                ]
                rows.append([str(window), way, str(seed), *sizes, *counts])
                print(options.problem, *rows[-1], file=sys.stderr, flush=True)
    header = "window|method|seed|input bits|times|output bits|solved at step|steps|CPU, s|final loss, bits"
    table([*header.split("|"), "unexplained"], rows)


def rest(options: argparse.Namespace) -> None:
    """Print a table of angle and norm relative to full backpropagation, by window, predictor and its training steps."""
    rows = []
    for window in options.windows:
        found, stepper, begin = climb("copy", window, "truncated", 0, options)
        print(f"{longest(found)} bits solved, loss {found['bits']:.2f} bits", file=sys.stderr, flush=True)
        task, model = stepper.task, stepper.model
        predictor = update(MemoryConfig(), data="copy", bptt=window, **COPYING, **PREDICTOR).training
        for way, samples in (("synthetic", 3), ("25 samples", 25)):
            synthetic = SyntheticGradients(stepper.carry, replace(predictor, synthetic_samples=samples))
            carry, step = stepper.carry, begin
            for learned in range(1, 5):
                for _ in range(LEARNS):
                    before = synthetic.begin(carry)
                    value, after = task.loss(model, task.batch(step), before)
                    synthetic.backward(value, before, after)
                    carry, step = detach(after), step + 1
                full = gradient(task, model, carry, step, None, cut=False)
                for name, source in (("truncated", None), (way, synthetic)):
                    g = gradient(task, model, carry, step, source)
                    shape = [f"{float(g @ full / g.norm() / full.norm()):.2f}", f"{float(g.norm() / full.norm()):.2f}"]
                    error = f"{synthetic.unexplained:.2f}" if source else ""
                    rows.append([str(window), str(learned * LEARNS), name, *shape, error])
                    print(*rows[-1], file=sys.stderr, flush=True)
    table(["window", "steps of the predictor", "method", "cosine to full", "norm / full norm", "unexplained"], rows)


def gradient(task: Any, model: Any, carry: Any, step: int, synthetic: Any, cut: bool = True) -> Any:
    """Return the sum over AT_REST windows of the gradients with respect to the recurrent weights, as one vector."""
    model.zero_grad()
    total = torch.zeros(())
    for number in range(step, step + AT_REST):
        loss, after = task.loss(model, task.batch(number), carry)
        if synthetic is not None:
            ends = zip(synthetic(after), tree_flatten(after)[0], strict=True)
            loss = loss + sum((g.detach() * leaf).sum() for g, leaf in ends)
        if cut:
            loss.backward()
        else:
            total = total + loss
        carry = detach(after) if cut else after
    if not cut:
        total.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.stack.parameters()])


def language(options: argparse.Namespace) -> None:
    """Print a table of bits per character on the test part, with a row for each window."""
    rows = []
    for name, (window, own) in TEXTS.items():
        run = options.runs / f"synthetic-lm-{name.replace(', ', '-')}-{options.characters:.0e}"
        if not (run / "took").exists():
            keep_freed_memory()
            steps = int(options.characters / (READING["batch_size"] * window))
            # the same rate of resets per character for every window
            resets = 3e-4 * window
            config = update(LanguageModelConfig(), data="shakespeare", bptt=window, random_reset=resets, steps=steps,
                            **READING, **own)  # fmt: skip
            begin = time.process_time()
            api.start("lm", config, run, Silent())
            (run / "took").write_text(f"{time.process_time() - begin:.0f}\n")
        model = unrolled.load(run)
        scores = model.evaluate(model.config.data.read().test)
        rows.append(
            [
                name,
                f"{model.config.training.steps:,}",
                f"{scores['bits_per_char']:.4f}",
                (run / "took").read_text().strip(),
            ]
        )
        print(*rows[-1], file=sys.stderr, flush=True)
    table(["window", "steps", "bits per character", "CPU, s"], rows)


def draw(options: argparse.Namespace) -> None:
    """Plot the longest solved length by window and method, averaged over seeds, with a panel for each problem."""
    from matplotlib.figure import Figure

    found: dict[str, dict[str, dict[int, list[int]]]] = {}
    for problem in ("copy", "repeat-copy"):
        for way in WAYS:
            for window in WINDOWS:
                for place in sorted(options.runs.glob(f"synthetic-{problem}-{window}-{way.replace(' ', '-')}-[0-9]*")):
                    lengths = found.setdefault(problem, {}).setdefault(way, {})
                    lengths.setdefault(window, []).append(longest(json.loads(place.read_text())))
    if not found:
        raise SystemExit(f"nothing to draw in {options.runs}: measure copy or repeat-copy first")
    figure = Figure(figsize=(5 * len(found), 3.6), layout="constrained")
    for place, (problem, ways) in enumerate(found.items()):
        axis = figure.add_subplot(1, len(found), place + 1)
        for index, (way, windows) in enumerate(ways.items()):
            for window, values in windows.items():
                x, mean = window + 0.2 * (index - (len(ways) - 1) / 2), sum(values) / len(values)
                label = way if window == next(iter(windows)) else None
                axis.bar(x, mean, width=0.18, color=COLOURS[way], label=label)
                axis.text(x, mean, f"{mean:g}", ha="center", va="bottom", fontsize=8)
        axis.set_title(problem, loc="left", fontsize=11)
        axis.set_xticks(WINDOWS)
        axis.set_xlabel("window, steps")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=9)
        axis.set_ylabel("output bits, longest solved")
    figure.savefig(options.out, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=["copy", "repeat-copy", "rest", "lm", "picture"])
    parser.add_argument("--windows", type=int, nargs="+", default=list(WINDOWS))
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cpu-minutes", type=float, default=2.5, help="of processor time for a model that copies")
    parser.add_argument("--steps", type=int, default=0, help="of a model that copies, instead of processor time")
    parser.add_argument("--lr", type=float, default=COPYING["lr"], help="of a model that copies")
    parser.add_argument("--lanes", type=int, default=COPYING["batch_size"], help="of a model that copies")
    parser.add_argument("--characters", type=float, default=5e6, help="that a language model reads")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("synthetic-gradients.png"))
    options = parser.parse_args()
    {"rest": rest, "lm": language, "picture": draw}.get(options.problem, copying)(options)


if __name__ == "__main__":
    main()
