"""What did recurrent networks add?    OMP_NUM_THREADS=1 python benchmarks/baselines.py --seconds 90

Counts n-grams of orders 3 to 7 and trains a feed-forward network, an RNN, a GRU and an LSTM on Shakespeare and on
Python's standard library; prints a table of bits per character on the last 5 % of each text, which nobody trained on,
and draws them side by side. The neural models have the same processor time for their steps, evaluations apart: the rate
of each is measured first, so that other work on the machine does not decide. Runs that exist in --runs are read.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unrolled
from harness import steps_in, table
from unrolled import api
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.process import keep_freed_memory

CORPORA = {"shakespeare": "Shakespeare's plays", "stdlib": "Python's standard library"}
COUNTED = {f"{order}-gram": {"kind": "ngram", "order": order} for order in range(3, 8)}
SHORT = {"batch_size": 16, "lr": 5e-3}  # what is best on validation text in trainings of a minute
TRAINED: dict[str, dict[str, Any]] = {
    "feed-forward": {"kind": "feedforward", "context": 16, "hidden_size": 512, **SHORT},
    "RNN": {"cell": "rnn", "num_layers": 1, "hidden_size": 256, **SHORT},
    "GRU": {"cell": "gru", "num_layers": 1, "hidden_size": 256, **SHORT},
    "LSTM": {"cell": "lstm", "num_layers": 1, "hidden_size": 256, **SHORT},
}
COLOURS = {"gram": "#9d9d9d", "feed-forward": "#f2a541", "RNN": "#7fb2e5", "GRU": "#4c78a8", "LSTM": "#1f3b63"}


@dataclass(frozen=True)
class Reached:
    """One model on one text; ``seconds`` of processor time to make it, evaluations included."""

    name: str
    size: int
    bits: float
    nats: float
    seconds: float


def reach(run: Path, data: str, name: str, options: dict[str, Any], seconds: float) -> Reached:
    """Train, or read, one model, and score it on the test part."""
    if not (run / "model.safetensors").exists():
        keep_freed_memory()
        config = update(LanguageModelConfig(), data=data, **options)
        if name in TRAINED:
            config = update(config, steps=steps_in(seconds, LanguageModelling(config)))
        begin = time.process_time()
        api.start("lm", config, run, Silent())
        (run / "took").write_text(f"{time.process_time() - begin:.1f}\n")
    model = unrolled.load(run)
    scores = model.evaluate(model.config.data.read().test)
    took = run / "took"
    return Reached(
        name,
        model.size,
        scores["bits_per_char"],
        scores["loss"],
        float(took.read_text()) if took.exists() else math.nan,
    )


def draw(found: dict[str, list[Reached]], title: str, path: Path) -> None:
    """A column of bars for each text, the n-grams first, all on one scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(1, len(found), figsize=(5.2 * len(found), 4.2), sharey=True, layout="constrained")
    highest = max(one.bits for some in found.values() for one in some)
    for axis, (data, some) in zip(axes, found.items(), strict=True):
        for place, one in enumerate(some):
            colour = next(c for key, c in COLOURS.items() if key in one.name)
            axis.bar(place, one.bits, color=colour, width=0.78)
            axis.text(place, one.bits + 0.02 * highest, f"{one.bits:.2f}", ha="center", fontsize=9)
        best = min((one.bits for one in some if one.name in COUNTED), default=None)
        if best is not None:
            axis.axhline(best, color="#9d9d9d", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axis.set_xticks(range(len(some)), [one.name for one in some], rotation=35, ha="right")
        axis.set_title(CORPORA[data], loc="left", fontsize=11)
        axis.set_ylim(0, 1.1 * highest)
        axis.tick_params(axis="x", length=0)
    axes[0].set_ylabel("bits per character, text never seen")
    figure.suptitle(title, fontsize=10, color="#555555")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="of processor time for the steps of a neural model")
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--out", type=Path, default=Path("baselines.png"))
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--models", nargs="+", default=[*COUNTED, *TRAINED])
    options = parser.parse_args()
    every = {**COUNTED, **TRAINED}
    found: dict[str, list[Reached]] = {}
    for data in options.corpora:
        for name in options.models:
            one = reach(
                Path(options.runs) / f"baselines-{data}-{name.lower()}", data, name, every[name], options.seconds
            )
            print(data, one, file=sys.stderr, flush=True)
            found.setdefault(data, []).append(one)
    for data, some in found.items():
        print(f"\n{CORPORA[data]}\n")
        rows = [[one.name, f"{one.size:,}", f"{one.seconds:.0f}", f"{one.nats:.4f}", f"{one.bits:.4f}"] for one in some]
        table(["model", "parameters or counts", "processor, s", "nats", "bits per character"], rows)
    minutes = f"{options.seconds / 60:g} minutes of one processor"
    draw(found, f"neural models trained for {minutes} each, n-grams counted", options.out)


if __name__ == "__main__":
    main()
