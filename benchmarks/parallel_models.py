"""Do cells whose gates see no state learn as much?    OMP_NUM_THREADS=1 python benchmarks/parallel_models.py

Language models of Shakespeare, three residual layers of each cell, as wide as gives them all nearly the same number of
parameters. Every model is trained for as many steps as the GRU makes in --seconds of processor time, and for as many as
it makes itself in that time; steps are fixed before by measuring rates, so that other work on the machine does not
decide. Losses are those of the last 5 % of the text, which nobody trained on. Runs that exist in --runs are read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import unrolled
from baselines import steps_in
from harness import table
from unrolled import api
from unrolled.tasks.lm import LanguageModelConfig, LanguageModelling
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.process import keep_freed_memory

SHARED: dict[str, Any] = {"data": "shakespeare", "num_layers": 3, "residual": True, "batch_size": 16, "lr": 4e-3}
CELLS = ("gru", "lstm", "mingru", "minlstm", "rglru", "qrnn")


def of_size(cell: str, parameters: int, seed: int) -> LanguageModelConfig:
    """The width that comes nearest, of multiples of 16."""

    def size(width: int) -> int:
        task = LanguageModelling(update(LanguageModelConfig(), **SHARED, cell=cell, hidden_size=width, epochs=1.0))
        task.prepare()
        return sum(parameter.numel() for parameter in task.build_model().parameters())

    width = min(range(64, 512, 16), key=lambda width: abs(size(width) - parameters))
    return update(LanguageModelConfig(), **SHARED, cell=cell, hidden_size=width, seed=seed)


def train(run: Path, config: LanguageModelConfig, steps: int) -> dict[str, float]:
    """Train, or read, one model: its size and what it loses on the text it never saw."""
    result = run / "result.json"
    if not result.exists():
        keep_freed_memory()
        api.start("lm", update(config, steps=steps), run, Silent())
        model = unrolled.load(run)
        scores = model.evaluate(model.config.data.read().test)
        found = {"parameters": model.size, "steps": steps, "nats": scores["loss"], "bits": scores["bits_per_char"]}
        result.write_text(json.dumps(found) + "\n")
    told: dict[str, float] = json.loads(result.read_text())
    print(run.name, told, file=sys.stderr, flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--parameters", type=int, default=900_000)
    parser.add_argument("--seconds", type=float, default=300, help="of processor time for the steps of a model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    configs = {cell: of_size(cell, options.parameters, options.seed) for cell in dict.fromkeys(["gru", *options.cells])}
    rates = options.runs / f"parallel-steps-{options.seconds:g}-{options.parameters}.json"
    steps: dict[str, int] = json.loads(rates.read_text()) if rates.exists() else {}
    for cell, config in configs.items():
        steps.setdefault(cell, steps_in(options.seconds, update(config, epochs=1.0)))
        rates.write_text(json.dumps(steps) + "\n")
    rows = []
    for cell in options.cells:
        found = {
            kind: train(options.runs / f"parallel-{cell}-{count}-{options.seed}", configs[cell], count)
            for kind, count in (("equal", steps["gru"]), ("own", steps[cell]))
        }
        equal, own = found["equal"], found["own"]
        row = [cell, str(configs[cell].model.hidden_size), f"{equal['parameters']:,}"]
        rows.append([*row, f"{equal['nats']:.4f}", f"{own['steps']:,}", f"{own['nats']:.4f}", f"{own['bits']:.4f}"])
    equal_steps = f"nats after {steps['gru']:,} steps"
    table(["cell", "units", "parameters", equal_steps, f"steps in {options.seconds:g} s", "nats", "bits"], rows)


if __name__ == "__main__":
    main()
