"""How far is a language model with the default options from the best of a sweep over learning rate and weight decay?

    OMP_NUM_THREADS=1 python benchmarks/defaults.py [--results results.jsonl] [--only TEXT] [--report]

Each cell of the design is a model, a text and a number of steps. It is trained with the default options, and with
learning rates that differ by a factor of 2, upwards and downwards from the default until the loss rises; the best of
them is trained again with weight decays. The printed gap is the validation loss with the defaults minus the lowest one.
Results are appended to a file, so the benchmark can be interrupted; losses depend neither on the load of the machine
nor on the number of processes that share the file. The whole takes about 3 hours on one core.

Texts: the first 300 kB of the spooky authors' sentences, tiny Shakespeare (1.1 MB), and the first 12 MB of the Stacks
project, in the folder that UNROLLED_DATA names.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from unrolled.errors import DivergedError
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import update
from unrolled.training.defaults import decided
from unrolled.training.step import Stepper

TEXTS = {"0.3 MB": 300_000, "1 MB": 1_115_394, "12 MB": 12_000_000}
EVALUATED = 60_000  # validation tokens
BPE = {"vocabulary": "bpe", "vocab_size": 2000}
# cell, width, layers, text, steps, other options
DESIGN: list[tuple[str, int, int, str, int, dict[str, Any]]] = [
    ("lstm", 128, 1, "1 MB", 1000, {}),
    ("lstm", 128, 1, "1 MB", 4000, {}),
    ("lstm", 256, 2, "1 MB", 400, {}),
    ("lstm", 256, 2, "1 MB", 1600, {}),
    ("lstm", 64, 1, "1 MB", 1000, {}),
    ("lstm", 512, 1, "1 MB", 300, {}),
    ("lstm", 1024, 1, "12 MB", 100, {}),
    ("lstm", 128, 3, "12 MB", 500, {}),
    ("gru", 128, 1, "1 MB", 1000, {}),
    ("gru", 256, 2, "12 MB", 400, {}),
    ("gru", 64, 3, "0.3 MB", 600, {}),
    ("gru", 512, 1, "12 MB", 200, {}),
    ("rnn", 128, 1, "1 MB", 1000, {}),
    ("rnn", 256, 2, "0.3 MB", 400, {}),
    ("rnn", 64, 3, "12 MB", 800, {}),
    ("rnn", 512, 1, "1 MB", 300, {}),
    ("minlstm", 128, 2, "1 MB", 1000, {}),
    ("minlstm", 256, 1, "0.3 MB", 600, {}),
    ("minlstm", 512, 2, "12 MB", 150, {}),
    ("lstm", 128, 1, "1 MB", 500, BPE),
    ("gru", 256, 1, "12 MB", 400, BPE),
    ("lstm", 128, 1, "1 MB", 1000, {"batch_size": 8}),
    ("lstm", 128, 1, "1 MB", 500, {"batch_size": 128}),
    ("lstm", 128, 1, "1 MB", 1000, {"bptt": 16}),
]
FACTOR = 2.0
DECAYS = (0.0, 0.02, 0.1)


def text_of(name: str, folder: Path) -> Path:
    """Return the file with the text of this name; it is written once."""
    path = folder / f"{name}.txt"
    if not path.exists():
        data = Path(os.environ["UNROLLED_DATA"])
        if name == "0.3 MB":
            with (data / "spooky" / "train.csv").open(newline="", encoding="utf-8") as file:
                text = " ".join(row[1] for row in csv.reader(file))
        else:
            source = "tinyshakespeare.txt" if name == "1 MB" else "stacks.tex"
            text = (data / "charlm" / source).read_text(encoding="utf-8")
        path.write_text(text[: TEXTS[name]], encoding="utf-8")
    return path


def config_of(cell: tuple[str, int, int, str, int, dict[str, Any]], folder: Path, **own: Any) -> Any:
    """Return the config of a cell of the design with the options ``own``."""
    kind, width, layers, text, steps, other = cell
    options = {"cell": kind, "hidden_size": width, "num_layers": layers, "steps": steps, "eval_tokens": EVALUATED}
    return update(LanguageModelConfig(), data=str(text_of(text, folder)), **options, **other, **own)


def trained(config: Any) -> dict[str, float]:
    """Train a model and return its learning rate, weight decay and validation loss."""
    task = LanguageModelling(config)
    task.prepare()
    steps = config.training.steps
    stepper = Stepper(task, torch.device("cpu"), steps)
    loss = float("inf")
    try:
        for step in range(steps):
            stepper.step(step)
        stepper.average.swap()
        loss = task.evaluate(stepper.model.eval(), "valid")["loss"]
    except DivergedError:
        pass  # its loss counts as infinite
    options = decided(task, steps).training
    return {"lr": options.lr, "weight_decay": options.weight_decay, "loss": loss}


class Results:
    """The file of results: one JSON object per training."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, float]]:
        """Return the results by key."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return {row["key"]: row for row in map(json.loads, lines)}

    def get(self, key: str, config: Any) -> dict[str, float]:
        """Return a result; train if it is missing."""
        found = self.read().get(key)
        if found is None:
            found = trained(config)
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, **found}) + "\n")
        return found


def sweep(cell: tuple[str, int, int, str, int, dict[str, Any]], results: Results, folder: Path) -> None:
    """Train a cell with the defaults, and with rates and decays around them until the loss rises."""
    name = label(cell)
    usual = results.get(name, config_of(cell, folder))
    losses = {1.0: usual["loss"]}
    for direction in (FACTOR, 1 / FACTOR):
        share = direction
        while True:
            lr = float(f"{usual['lr'] * share:.3g}")
            losses[share] = results.get(f"{name} lr×{share:g}", config_of(cell, folder, lr=lr))["loss"]
            if losses[share] > losses[share / direction]:
                break
            share *= direction
    best = min(losses, key=lambda share: losses[share])
    lr = float(f"{usual['lr'] * best:.3g}")
    for decay in DECAYS:
        results.get(f"{name} lr×{best:g} decay {decay:g}", config_of(cell, folder, lr=lr, weight_decay=decay))


def label(cell: tuple[str, int, int, str, int, dict[str, Any]]) -> str:
    """Return the name of a cell of the design."""
    kind, width, layers, text, steps, other = cell
    return " ".join([f"{kind} {layers}×{width}, {text}, {steps} steps", *(f"{k}={v}" for k, v in other.items())])


def report(results: Results) -> None:
    """Print the table of all cells whose sweep has begun, and how many are how near."""
    rows, gaps = results.read(), list[float]()
    print(f"{'cell':58} {'lr':>7} {'decay':>8} {'loss':>7} {'best':>7} {'at':>18} {'gap':>7}")
    for name in map(label, DESIGN):
        tried = {key: row for key, row in rows.items() if key == name or key.startswith(f"{name} lr×")}
        if len(tried) < 2:
            continue
        best = min(tried, key=lambda key: tried[key]["loss"])
        usual, gap = tried[name], tried[name]["loss"] - tried[best]["loss"]
        gaps.append(gap)
        at = best.removeprefix(name).strip() or "the default"
        print(
            f"{name:58} {usual['lr']:7.2g} {usual['weight_decay']:8.2g} {usual['loss']:7.3f} "
            f"{tried[best]['loss']:7.3f} {at:>18} {gap:7.3f}"
        )
    if gaps:
        near = sum(gap <= 0.03 for gap in gaps)
        print(f"\n{near} of {len(gaps)} cells within 0.03 nats; largest gap {max(gaps):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("defaults.jsonl"), help="file of the results")
    parser.add_argument("--only", default="", help="only cells whose name contains this text")
    parser.add_argument("--report", action="store_true", help="only print the table")
    options = parser.parse_args()
    results = Results(options.results)
    if not options.report:
        if "UNROLLED_DATA" not in os.environ:
            raise SystemExit("set UNROLLED_DATA to the folder of the data sets")
        folder = Path(tempfile.gettempdir()) / "unrolled-defaults"
        folder.mkdir(exist_ok=True)
        for cell in DESIGN:
            if options.only in label(cell):
                sweep(cell, results, folder)
    report(results)


if __name__ == "__main__":
    main()
