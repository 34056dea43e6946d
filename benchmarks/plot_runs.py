"""Plot the learning curves of runs.    python benchmarks/plot_runs.py runs/a runs/b --out curves.png

Thin lines: training loss (with dropout); thick lines: validation loss; both in nats per token.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from unrolled.results.palette import style


def curve(run: Path) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the pairs (step, loss) of training and of validation."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    train = [(line["step"], line["loss"]) for line in lines if "split" not in line]
    valid = [(line["step"], line["loss"]) for line in lines if line.get("split") == "valid"]
    return train, valid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    parser.add_argument("--top", type=float, default=2.2, help="largest loss shown")
    options = parser.parse_args()
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    lowest = options.top
    for index, run in enumerate(options.runs):
        train, valid = curve(run)
        steps = valid[-1][0]
        line = style(index).line
        axes.plot([s / steps for s, _ in train], [loss for _, loss in train], alpha=0.4, linewidth=0.8, **line)
        axes.plot([s / steps for s, _ in valid], [loss for _, loss in valid], linewidth=2, label=run.name, **line)
        lowest = min(lowest, *(loss for _, loss in train), *(loss for _, loss in valid))
    axes.set(xlabel="fraction of training", ylabel="nats per character", ylim=(lowest - 0.05, options.top), xlim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, title="thick: validation, thin: training")
    figure.savefig(options.out, dpi=120)


if __name__ == "__main__":
    main()
