"""Ablation study of the translator: kinds of attention, and tricks.

    python benchmarks/translation.py rates
    python benchmarks/translation.py kinds --seeds 0 1 2

Trains translators of equal size for equal CPU time on Multi30k and reports BLEU on its val set; model selection uses
the last 1,000 pairs of train instead. The number of steps is what fits into --cpu-seconds at the rate of each
translator. The command `rates` measures these rates alternately; run it first, on an idle machine. Other load on the
machine during training then changes its duration but not its result. Set OMP_NUM_THREADS=1, so that CPU seconds are
those of one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from harness import table
from unrolled import api
from unrolled.tasks import task_class
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.optim import make_optimizer

SIZE: dict[str, Any] = {
    "vocabulary": "bpe", "vocab_size": 4000, "hidden_size": 256, "encoder_size": 256, "embedding_size": 256,
    "dropout": 0.2, "label_smoothing": 0.1, "batch_size": 64, "lr": 4e-3,
}  # fmt: skip
LUONG = {"attention": "scaled", "input_feeding": True}
GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "kinds": {
        "no attention": {"attention": "none"},
        "additive (Bahdanau)": {"attention": "additive"},
        "scaled dot, input feeding (Luong)": LUONG,
    },
    "tricks": {
        "no attention": {"attention": "none"},
        "no attention, source reversed": {"attention": "none", "reverse_source": True},
        "no attention, context at every step": {"attention": "none", "context": "every"},
        "scaled dot": {"attention": "scaled"},
        "scaled dot, input feeding (Luong)": LUONG,
        "additive (Bahdanau)": {"attention": "additive"},
        "additive, no label smoothing": {"attention": "additive", "label_smoothing": 0.0},
        "additive, embeddings not tied": {"attention": "additive", "tied": False},
        "additive, scheduled sampling 0.2": {"attention": "additive", "scheduled_sampling": 0.2},
    },
}
RATES = "rates.txt"
MEASURED, TURNS = 12, 5  # steps per turn, and turns of each translator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=["rates", *GROUPS])
    parser.add_argument("--data", default="multi30k-de-en")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="names of variants")
    parser.add_argument("--cpu-seconds", type=float, default=300)
    parser.add_argument("--runs", default="runs/translation")
    options = parser.parse_args()
    folder = Path(options.runs)
    folder.mkdir(parents=True, exist_ok=True)
    if options.group == "rates":
        measured(folder / RATES)
        return
    if not (folder / RATES).exists():
        parser.error("the rates are not measured yet; run: python benchmarks/translation.py rates")
    rates = json.loads((folder / RATES).read_text())
    for seed in options.seeds:
        for name, own in GROUPS[options.group].items():
            path = folder / f"{options.data}-{name.replace(' ', '-').replace(',', '')}-{seed}"
            if (options.only is None or name in options.only) and not path.with_name(f"{path.name}.json").exists():
                found = {"name": name, "data": options.data, "seed": seed}
                steps = round(options.cpu_seconds / rates[name])
                found |= trained(path, {**SIZE, **own, "data": options.data, "seed": seed}, steps)
                path.with_name(f"{path.name}.json").write_text(json.dumps(found))
                print(json.dumps(found), flush=True)
    show(folder, options.data, GROUPS[options.group])


def trained(path: Path, chosen: dict[str, Any], steps: int) -> dict[str, Any]:
    """Train for the given number of steps; return the scores on the test part."""
    task = task_class("translate")
    config = update(task.Config(), **chosen, steps=steps, eval_every=max(1, steps // 4))
    begin, cpu = time.perf_counter(), time.process_time()
    summary = api.start("translate", config, path, Silent())
    spent = {"steps": steps, "seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
    model = api.load(path).model
    return {**spent, "weights": sum(p.numel() for p in model.parameters()), "valid_loss": summary.best["loss"],
            **summary.test}  # fmt: skip


def measured(path: Path) -> None:
    """Write the CPU seconds per step of each translator, the median over turns."""
    task = task_class("translate")
    every = {name: own for variants in GROUPS.values() for name, own in variants.items()}
    steppers = {}
    for name, own in every.items():
        translation = task(update(task.Config(), **{**SIZE, **own, "data": "multi30k-de-en", "steps": 1000}))
        translation.prepare()
        steppers[name] = Stepper(translation)
    seconds: dict[str, list[float]] = {name: [] for name in every}
    for _ in range(TURNS):
        for name, stepper in steppers.items():
            seconds[name].append(stepper.run(MEASURED))
    rates = {name: statistics.median(times) for name, times in seconds.items()}
    path.write_text(json.dumps(rates, indent=1) + "\n")
    table(["translator", "CPU ms per step"], [[name, f"{1000 * s:.0f}"] for name, s in rates.items()])


class Stepper:
    """A training run that is timed step by step."""

    def __init__(self, task: Any) -> None:
        torch.manual_seed(0)
        self.task, self.model, self.step = task, task.build_model().train(), 0
        self.optimizer = make_optimizer(self.model, task.config.training)
        self.run(MEASURED)  # warm

    def run(self, steps: int) -> float:
        """Train for this number of steps; return the CPU seconds per step."""
        begin = time.process_time()
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.task.loss(self.model, self.task.batch(self.step), None)[0].backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
        return (time.process_time() - begin) / steps


def show(folder: Path, data: str, variants: dict[str, Any]) -> None:
    """Print a table with a row for each variant: medians over its seeds."""
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    rows = []
    for name in variants:
        runs = [result for result in results if result["name"] == name and result["data"] == data]
        if runs:
            median = {
                key: statistics.median(run[key] for run in runs) for key in runs[0] if key not in ("name", "data")
            }
            bleus = ", ".join(f"{run['bleu']:.1f}" for run in runs)
            sizes = [f"{median['weights'] / 1e6:.2f} M", f"{median['steps']:,.0f}", f"{median['cpu_seconds']:.0f} s"]
            scores = [f"{median['loss']:.3f}", *(f"{median[key]:.1f}" for key in ("bleu", "bleu_cased", "chrf"))]
            rows.append([name, *sizes, *scores, bleus])
    table(["translator", "weights", "steps", "CPU", "loss", "BLEU", "cased", "chrF", "BLEU by seed"], rows)


if __name__ == "__main__":
    main()
