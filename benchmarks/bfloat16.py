"""Compare the loss curves of training in bfloat16 and float32.    python benchmarks/bfloat16.py --picture curve.png

Each seed trains a language model on Shakespeare twice, from the same weights on the same windows: with products in
float32, and in bfloat16 with float32 master weights. On processors without bfloat16 products the kernels emulate them
exactly but slowly, so the losses are valid for any processor, while the run time is not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import matplotlib

from harness import table
from unrolled import api
from unrolled.kernels import extension
from unrolled.tasks import task_class
from unrolled.training.config import update
from unrolled.training.log import Silent

PRECISIONS = ("float32", "bf16")


def curve(cell: str, precision: str, seed: int, steps: int) -> dict[int, float]:
    """Train a model and return its validation loss by step."""
    with tempfile.TemporaryDirectory() as folder:
        config = update(
            task_class("lm").Config(),
            data="shakespeare", cell=cell, hidden_size=128, num_layers=2, bptt=50, batch_size=50, steps=steps,
            eval_every=steps // 10, eval_tokens=50_000, preview_length=1, seed=seed, precision=precision,
        )  # fmt: skip
        api.start("lm", config, f"{folder}/run", Silent())
        lines = [json.loads(line) for line in Path(folder, "run/metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if line.get("split") == "valid"}


def draw(curves: dict[tuple[str, int], dict[int, float]], path: Path) -> None:
    """Plot the losses in both precisions for every seed, and below them the differences."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(8, 5.5), sharex=True, layout="constrained", height_ratios=[2, 1]
    )
    for (precision, seed), losses in curves.items():
        style = {"color": f"C{PRECISIONS.index(precision)}", "linestyle": "-" if precision == "float32" else "--"}
        above.plot(list(losses), list(losses.values()), label=precision if not seed else None, alpha=0.8, **style)
        if precision == "bf16":
            twin = curves["float32", seed]
            below.plot(list(losses), [losses[step] - twin[step] for step in losses], color="C2", label=f"seed {seed}")
    below.axhline(0, color="grey", linewidth=0.8)
    above.set(ylabel="validation loss, nats")
    below.set(xlabel="step", ylabel="bf16 − float32")
    above.legend(frameon=False, title="one line for each seed")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if not extension.bfloat16():
        print("this processor has no bfloat16 products: they are emulated", file=sys.stderr)
        extension.bfloat16 = lambda: True
    curves: dict[tuple[str, int], dict[int, float]] = {}
    for seed in options.seeds:
        for precision in PRECISIONS:
            curves[precision, seed] = curve(options.cell, precision, seed, options.steps)
            print(precision, seed, curves[precision, seed], file=sys.stderr, flush=True)
    rows = []
    for step in curves["float32", options.seeds[0]]:
        half, full = ([curves[kind, seed][step] for seed in options.seeds] for kind in ("bf16", "float32"))
        gaps = [a - b for a, b in zip(half, full, strict=True)]
        means = [f"{statistics.mean(full):.4f}", f"{statistics.mean(half):.4f}", f"{statistics.mean(gaps):+.4f}"]
        rows.append([str(step), *means, f"{min(gaps):+.4f} to {max(gaps):+.4f}", f"{max(full) - min(full):.4f}"])
    table(["step", "float32", "bf16", "difference, mean", "each seed", "spread of float32 over seeds"], rows)
    if options.picture:
        draw(curves, options.picture)


if __name__ == "__main__":
    main()
