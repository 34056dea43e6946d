"""Language models with cells whose gates depend on the inputs only, compared with LSTM and GRU.

    OMP_NUM_THREADS=1 python benchmarks/parallel_models.py

Trains language models on Shakespeare with three residual layers of each cell. Widths are chosen for nearly the same
number of parameters, and the number of steps for --seconds of CPU time, from the rate measured beforehand, so that
other load on the machine does not affect it. *Mixed*: with `--feedforward-size` of twice the units. Losses are on the
held-out last 5 % of the text. Existing runs in --runs are reused.
"""

from __future__ import annotations

import argparse
import json
import sys
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

SHARED: dict[str, Any] = {"data": "shakespeare", "num_layers": 3, "residual": True, "batch_size": 16, "lr": 4e-3}
CELLS = ("gru", "lstm", "mingru", "minlstm", "rglru", "qrnn")
MODELS: dict[str, dict[str, Any]] = {cell: {"cell": cell} for cell in CELLS} | {
    f"{cell}-mixed": {"cell": cell, "mixed": 2} for cell in CELLS
}


def of_size(model: str, parameters: int, seed: int) -> LanguageModelConfig:
    """Return the configuration whose width, a multiple of 16, comes closest to the number of parameters."""
    own = dict(MODELS[model])
    times = own.pop("mixed", 0)

    def config(width: int) -> LanguageModelConfig:
        sizes = {"hidden_size": width, "feedforward_size": times * width}
        return update(LanguageModelConfig(), **SHARED, **own, **sizes, seed=seed)

    def size(width: int) -> int:
        task = LanguageModelling(update(config(width), epochs=1.0))
        task.prepare()
        return sum(parameter.numel() for parameter in task.build_model().parameters())

    return config(min(range(64, 512, 16), key=lambda width: abs(size(width) - parameters)))


def train(run: Path, config: LanguageModelConfig, steps: int) -> dict[str, float]:
    """Train a model, or read its result: number of parameters and loss on held-out text."""
    result = run / "result.json"
    if not result.exists():
        keep_freed_memory()
        api.start("lm", update(config, steps=steps), run, Silent())
        model = unrolled.load(run)
        scores = model.evaluate(model.config.data.read().test)
        found = {"parameters": model.size, "steps": steps, "nats": scores["loss"], "bits": scores["bits_per_char"]}
        result.write_text(json.dumps(found) + "\n")
    measured: dict[str, float] = json.loads(result.read_text())
    print(run.name, measured, file=sys.stderr, flush=True)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--parameters", type=int, default=900_000)
    parser.add_argument("--seconds", type=float, default=300, help="CPU seconds for the training of a model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    rows = []
    for model in options.models:
        config, run = (
            of_size(model, options.parameters, options.seed),
            options.runs / f"parallel-{model}-{options.seed}",
        )
        steps = 0 if run.exists() else steps_in(options.seconds, LanguageModelling(update(config, epochs=1.0)))
        found = train(run, config, steps)
        sizes = [str(config.model.hidden_size), f"{found['parameters']:,}", f"{found['steps']:,}"]
        rows.append([model, *sizes, f"{found['nats']:.4f}", f"{found['bits']:.4f}"])
    table(["cell", "units", "parameters", f"steps in {options.seconds:g} s", "nats", "bits"], rows)


if __name__ == "__main__":
    main()
