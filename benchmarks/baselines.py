"""Compare recurrent language models with n-gram and feed-forward baselines.

    OMP_NUM_THREADS=1 python benchmarks/baselines.py --seconds 90

Counts n-grams of orders 3 to 7 and trains a feed-forward network, an RNN, a GRU and an LSTM on Shakespeare and on
Python's standard library; prints a table of bits per character on the held-out last 5 % of each text, and plots them.
The neural models get the same CPU time for training steps, without evaluations. The number of steps is computed from
the rate measured beforehand, so that other load on the machine does not affect it. Existing runs in --runs are reused.
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
SHORT = {"batch_size": 16, "lr": 5e-3}  # best on the validation part for runs of a minute
TRAINED: dict[str, dict[str, Any]] = {
    "feed-forward": {"kind": "feedforward", "context": 16, "hidden_size": 512, **SHORT},
    "RNN": {"cell": "rnn", "num_layers": 1, "hidden_size": 256, **SHORT},
    "GRU": {"cell": "gru", "num_layers": 1, "hidden_size": 256, **SHORT},
    "LSTM": {"cell": "lstm", "num_layers": 1, "hidden_size": 256, **SHORT},
}
COLOURS = {"gram": "#9d9d9d", "feed-forward": "#f2a541", "RNN": "#7fb2e5", "GRU": "#4c78a8", "LSTM": "#1f3b63"}


@dataclass(frozen=True)
class Score:
    """The result of one model on one text; ``seconds`` of CPU time, evaluations included."""

    name: str
    size: int
    bits: float
    nats: float
    seconds: float


def score(run: Path, data: str, name: str, options: dict[str, Any], seconds: float) -> Score:
    """Train a model, or load it if the run exists, and evaluate it on the test part."""
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
    return Score(
        name,
        model.size,
        scores["bits_per_char"],
        scores["loss"],
        float(took.read_text()) if took.exists() else math.nan,
    )


def draw(scores_of: dict[str, list[Score]], title: str, path: Path) -> None:
    """Plot bars for each text, the n-grams first, all on the same scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(
        1, len(scores_of), figsize=(5.2 * len(scores_of), 4.2), sharey=True, layout="constrained"
    )
    highest = max(model.bits for models in scores_of.values() for model in models)
    for axis, (data, models) in zip(axes, scores_of.items(), strict=True):
        for x, model in enumerate(models):
            colour = next(c for key, c in COLOURS.items() if key in model.name)
            axis.bar(x, model.bits, color=colour, width=0.78)
            axis.text(x, model.bits + 0.02 * highest, f"{model.bits:.2f}", ha="center", fontsize=9)
        best = min((model.bits for model in models if model.name in COUNTED), default=None)
        if best is not None:
            axis.axhline(best, color="#9d9d9d", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axis.set_xticks(range(len(models)), [model.name for model in models], rotation=35, ha="right")
        axis.set_title(CORPORA[data], loc="left", fontsize=11)
        axis.set_ylim(0, 1.1 * highest)
        axis.tick_params(axis="x", length=0)
    axes[0].set_ylabel("bits per character, held-out text")
    figure.suptitle(title, fontsize=10, color="#555555")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90, help="CPU seconds for the training of a neural model")
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--out", type=Path, default=Path("baselines.png"))
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--models", nargs="+", default=[*COUNTED, *TRAINED])
    options = parser.parse_args()
    configs = {**COUNTED, **TRAINED}
    scores_of: dict[str, list[Score]] = {}
    for data in options.corpora:
        for name in options.models:
            run = Path(options.runs) / f"baselines-{data}-{name.lower()}"
            result = score(run, data, name, configs[name], options.seconds)
            print(data, result, file=sys.stderr, flush=True)
            scores_of.setdefault(data, []).append(result)
    for data, models in scores_of.items():
        print(f"\n{CORPORA[data]}\n")
        rows = [[m.name, f"{m.size:,}", f"{m.seconds:.0f}", f"{m.nats:.4f}", f"{m.bits:.4f}"] for m in models]
        table(["model", "parameters or counts", "CPU, s", "nats", "bits per character"], rows)
    minutes = f"{options.seconds / 60:g} minutes of CPU time"
    draw(scores_of, f"neural models trained for {minutes} each, n-grams counted", options.out)


if __name__ == "__main__":
    main()
