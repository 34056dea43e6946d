"""Classifiers from scratch and from a language model's layers.    python benchmarks/fine_tuning.py

For SST-2, TREC and the spooky authors three models are compared, with the epochs and the regularization of the recipe:

    scratch    the recipe (sentiment, question-type, author)
    own        its layers start from a language model of the set's own training texts
    general    the same, but the language model was trained on WikiText-2 before

Every model is a run in --folder. A finished run is not repeated and an interrupted one is resumed, so the command can
be stopped and started again. It needs UNROLLED_DATA, and takes about three hours on two idle cores; --only sst2 takes a
third, --short a few minutes without meaningful figures. The table shows means over seeds: accuracy in percent and log
loss in nats on the validation and test parts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import unrolled
from harness import table
from unrolled import recipes
from unrolled.data.labelled import Layout
from unrolled.data.labelled_sets import open_labelled
from unrolled.training import modelfile
from unrolled.training.folder import RunFolder

RECIPES = {"sst2": "sentiment", "trec": "question-type", "spooky": "author"}
STARTS = ("scratch", "own", "general")
NETWORK = {"cell": "gru", "hidden_size": 200, "num_layers": 1, "embedding_size": 200, "tied": True}
LANGUAGE: dict[str, Any] = {
    "vocabulary": "word", "dropout": 0.3, "bptt": 40, "batch_size": 32, "lr": 4e-3, "eval_tokens": 20_000,
    "preview_length": 0, "fractions": (0.95, 0.05, 0.0),
}  # fmt: skip
GENERAL, OWN = {"epochs": 4.0, "min_count": 8}, {"epochs": 10.0, "min_count": 2}
FROM_MODEL: dict[str, Any] = {"head": "new", "bidirectional": True, "lr": 4e-3}  # twice the recipes' rate
OF_VECTORS = ("cell", "embeddings", "embedding_size", "word2vec")  # options of recipes that the language model decides


def wikitext(path: Path) -> None:
    """Write WikiText-2 in lower case; every second line is spaced as ordinary text, the others as a treebank."""
    source = Path(os.environ["UNROLLED_DATA"]) / "wordlm" / "wikitext-2" / "train.txt"
    lines = []
    for number, line in enumerate(source.read_text(encoding="utf-8").lower().splitlines()):
        line = re.sub(r" @([-,.])@ ", r"\1", line.strip().replace("<unk>", "unk"))
        if line and not line.startswith("="):
            lines.append(re.sub(r" ([,.;:!?)'])", r"\1", line).replace("( ", "(") if number % 2 else line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def own_texts(name: str, options: dict[str, Any], path: Path) -> None:
    """Write the training texts of a set in lower case, one per line."""
    sets = open_labelled(name, Layout(), options.get("fractions"))
    path.write_text("\n".join(" ".join(text.lower().split()) for text in sets.train.texts) + "\n", encoding="utf-8")


def trained(run: Path, task: str, options: dict[str, Any], short: bool) -> Path:
    """Train a run, resume it, or leave it if it is finished."""
    if short:
        options = {name: value for name, value in options.items() if name not in ("epochs", "time")} | {"steps": 10}
    done = run / "finished"
    if not done.exists():
        if RunFolder(run).config.exists():
            unrolled.resume(run)
        else:
            unrolled.train(task, run=run, **options)
        done.touch()
    return run


def language_model(folder: Path, name: str, start: str, short: bool, recipe: dict[str, Any]) -> Path:
    """Return a language model of the training texts of a set; ``general``: which WikiText-2 preceded."""
    texts = folder / f"{name}.txt"
    if not texts.exists():
        own_texts(name, recipe, texts)
    options = {**NETWORK, **LANGUAGE, "data": str(texts), **OWN}
    if start == "general":
        general = folder / "wikitext-2.txt"
        if not general.exists():
            wikitext(general)
        base = trained(folder / "lm-general", "lm", {**NETWORK, **LANGUAGE, "data": str(general), **GENERAL}, short)
        options["from_run"] = str(base)
    return trained(folder / f"lm-{start}-{name}", "lm", options, short)


def scores(run: Path) -> dict[str, float]:
    """Return accuracy and log loss of the saved model on the validation and the test part."""
    cache = run / "scores.json"
    if not cache.exists():
        valid = modelfile.load(run / "model.safetensors").scores
        test = unrolled.load(run).evaluate()
        names = {"accuracy": 100.0, "loss": 1.0}
        found = {f"valid {name}": valid[name] * scale for name, scale in names.items()}
        found |= {f"test {name}": test[name] * scale for name, scale in names.items()}
        cache.write_text(json.dumps(found))
    loaded: dict[str, float] = json.loads(cache.read_text())
    return loaded


def classifier(folder: Path, name: str, start: str, seed: int, short: bool) -> Path:
    """Train the classifier of a set from a start."""
    options = {**recipes.read(RECIPES[name]).options, "seed": seed}
    if start != "scratch":
        options = {key: value for key, value in options.items() if key not in OF_VECTORS}
        options |= {**FROM_MODEL, "from_run": str(language_model(folder, name, start, short, options))}
    return trained(folder / f"{name}-{start}-{seed}", "classify", options, short)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/fine-tuning"), help="where the runs are")
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=[*RECIPES], help="data sets")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=[*STARTS], help="what to compare")
    parser.add_argument("--seeds", type=int, default=3, help="classifiers of each kind (default: 3)")
    parser.add_argument("--short", action="store_true", help="ten steps each, to try the script")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    columns = ("valid accuracy", "valid loss", "test accuracy", "test loss")
    rows: list[list[str]] = []
    for name in given.only:
        for start in given.starts:
            runs = [classifier(given.folder, name, start, seed, given.short) for seed in range(given.seeds)]
            found = [scores(run) for run in runs]
            means = {column: fmean(row[column] for row in found) for column in columns}
            figures = [f"{mean:.{1 if 'accuracy' in column else 3}f}" for column, mean in means.items()]
            rows.append([name, start, *figures])
            print(" ".join(rows[-1]), flush=True)  # the full table may be hours away
    table(["data", "start", *columns], rows)


if __name__ == "__main__":
    main()
