"""Compare an LSTM and a Transformer of as many parameters: loss, training rate, writing rate and the size of the state.

    OMP_NUM_THREADS=1 python benchmarks/transformer.py --seconds 120

Both train for the same CPU time on Shakespeare's plays and on Python's standard library; then the faster one trains on
as much text as the slower one read. The number of steps is computed from the rate measured beforehand, so that other
load on the machine does not affect it. Existing runs in --runs are reused; --seconds 0 omits the training. Rates of
writing are measured in turns, for one text, after as many tokens as the context has; the picture shows them, and the
size of the state.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

import unrolled
from harness import steps_in, table
from unrolled import api
from unrolled.data.storage import head
from unrolled.decoding import Sampling, generate, generate_frozen
from unrolled.results.palette import INK, STYLES
from unrolled.tasks.common.model_name import model_name
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.config import flatten, update
from unrolled.training.log import Silent
from unrolled.training.process import keep_freed_memory

CORPORA = {"shakespeare": "Shakespeare's plays", "stdlib": "Python's standard library"}
TRAINING = {"batch_size": 16, "bptt": 64, "dropout": 0.0, "eval_tokens": 20_000, "preview_length": 0}
LSTM: dict[str, Any] = {"cell": "lstm", "num_layers": 2, "hidden_size": 256}
TRANSFORMER: dict[str, Any] = {"kind": "transformer", "num_layers": 4, "heads": 4}
SYMBOLS = 65  # of Shakespeare's plays, for the rates of writing
SCORED = 100_000  # tokens of the test part
TURNS = 3


def size(symbols: int, options: dict[str, Any]) -> int:
    """Return the number of parameters."""
    with torch.device("meta"):
        return sum(p.numel() for p in new_model(symbols, update(LanguageModelConfig(), **options)).parameters())


def matched(symbols: int) -> dict[str, Any]:
    """Return the options of the Transformer whose number of parameters is nearest to the LSTM's."""
    target, least = size(symbols, LSTM), 2 * TRANSFORMER["heads"]
    widths = ({**TRANSFORMER, "hidden_size": width} for width in range(least, 1024, least))
    return min(widths, key=lambda options: abs(size(symbols, options) - target))


# Training


@dataclass(frozen=True)
class Trained:
    """A trained model: steps, characters per CPU second in training, and the loss on the test part."""

    name: str
    size: int
    steps: int
    rate: float
    nats: float
    bits: float


def trained(run: Path, data: str, options: dict[str, Any], steps: int, rate: float) -> Trained:
    """Train a model, or load it if the run exists, and evaluate it on the beginning of the test part."""
    if not (run / "model.safetensors").exists():
        config = update(LanguageModelConfig(), data=data, steps=steps, eval_every=steps, **TRAINING, **options)
        api.start("lm", config, run, Silent())
    model = unrolled.load(run)
    test = model.config.data.read().test
    test = head(test, SCORED, model.vocabulary) if len(test) > SCORED else test
    found = model.evaluate(test, lanes=16)
    steps = model.config.training.steps
    return Trained(model_name(flatten(model.config)), model.size, steps, rate, found["loss"], found["bits_per_char"])


def compare_training(data: str, seconds: float, runs: Path) -> list[tuple[str, Trained]]:
    """Train both at equal time, and the faster one on as much text as the slower one."""
    symbols = len(LanguageModelConfig().data.__class__(data=data).read().vocabulary)
    models = {"lstm": LSTM, "transformer": matched(symbols)}
    rows, per_second = list[tuple[str, Trained]](), {}
    for name, options in models.items():
        task = LanguageModelling(update(LanguageModelConfig(), data=data, **TRAINING, **options))
        per_second[name] = steps_in(seconds, task) / seconds
        rate = per_second[name] * TRAINING["batch_size"] * TRAINING["bptt"]
        steps = max(1, round(per_second[name] * seconds))
        rows.append(("time", trained(runs / f"{data}-{name}", data, options, steps, rate)))
        print(data, rows[-1], file=sys.stderr, flush=True)
    fast, slow = sorted(range(2), key=lambda n: -rows[n][1].rate)
    name = list(models)[fast]
    equal = trained(runs / f"{data}-{name}-text", data, models[name], rows[slow][1].steps, rows[fast][1].rate)
    return [*rows, ("text", equal), ("text", rows[slow][1])]


# Writing


@dataclass(frozen=True)
class Writing:
    """Tokens written per CPU second after ``context`` tokens, by name, and bytes of the state of one text."""

    context: int
    rates: dict[str, float]
    states: dict[str, int]


def bytes_of(state: Any) -> int:
    return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(state))


@torch.inference_mode()
def writing(context: int, tokens: int) -> Writing:
    """Measure both models, the LSTM also as `unrolled sample` runs it, the Transformer also without its cache."""
    torch.manual_seed(0)
    sampling, ids = Sampling(), torch.randint(SYMBOLS, (context, 1))
    lstm: Any = new_model(SYMBOLS, update(LanguageModelConfig(), **LSTM)).eval()
    options = matched(SYMBOLS) | {"context": context}
    transformer: Any = new_model(SYMBOLS, update(LanguageModelConfig(), **options)).eval()

    def loop(model: Any) -> Callable[[int], Any]:
        logits, state = model(ids)

        def step(ids: Any, state: Any) -> Any:
            logits, state = model(torch.from_numpy(ids)[None], state)
            return logits[0].numpy(), state

        return lambda n: list(generate(step, logits[-1].numpy(), state, sampling, n))

    def compiled(model: Any) -> Callable[[int], Any]:
        logits, state = model(ids)
        frozen = model.freeze()
        return lambda n: list(generate_frozen(frozen, logits[-1].numpy(), state, sampling, n))

    def anew(model: Any) -> Callable[[int], Any]:
        def step(new: Any, last: Any) -> Any:
            last = torch.cat([last, torch.from_numpy(new)[None]])[-context:]
            return model(last)[0][-1].numpy(), last

        return lambda n: list(generate(step, np.zeros((1, SYMBOLS)), ids, sampling, n))

    writers = {
        "LSTM, compiled": (compiled(lstm), tokens),
        "LSTM, PyTorch": (loop(lstm), tokens),
        "Transformer, with its cache": (loop(transformer), tokens),
        "Transformer, without a cache": (anew(transformer), max(2, tokens // 20)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in writers}
    for turn in range(TURNS + 1):
        for name, (write, count) in writers.items():
            begin = time.process_time()
            write(count)
            if turn:  # the first turn warms up
                seconds[name].append((time.process_time() - begin) / count)
    states = {"LSTM": lstm.initial_state(1), "Transformer": transformer.initial_state(1)}
    rates = {name: 1 / statistics.median(times) for name, times in seconds.items()}
    return Writing(context, rates, {name: bytes_of(state) for name, state in states.items()})


def draw(rows: list[Writing], title: str, path: Path) -> None:
    """Plot the size of the state and the rates of writing against the context."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({
        "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "text.color": INK,
        "svg.fonttype": "none", "svg.hashsalt": "unrolled", "font.family": ["DejaVu Sans", "sans-serif"],
    })  # fmt: skip
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8.8, 3.9), layout="constrained")
    contexts = [row.context for row in rows]
    for axis, series in ((left, [row.states for row in rows]), (right, [row.rates for row in rows])):
        for number, name in enumerate(series[0]):
            look = STYLES[number if axis is right else (0, 2)[number]]
            values = [row[name] / (1024 if axis is left else 1) for row in series]
            axis.plot(contexts, values, **look.line, marker=look.marker, markersize=5, label=name)
        axis.set(xscale="log", yscale="log", xlabel="tokens of context")
        axis.set_xticks(contexts, [f"{context:,}" for context in contexts])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axis.grid(axis="y", color="#dddddd", linewidth=0.7)
        axis.set_axisbelow(True)
    left.set_title("state of one text, kB", loc="left", fontsize=11)
    right.set_title("characters written per second", loc="left", fontsize=11)
    for axis in (left, right):
        low, high = axis.get_ylim()
        axis.set_ylim(low, high * 8 if axis is right else high * 2)  # place for the legend
        axis.legend(
            loc="upper left",
            fontsize=8,
            columnspacing=1,
            ncols=1 if axis is left else 2,
            framealpha=1,
            edgecolor="white",
        )
    figure.suptitle(title, fontsize=10, color="#555555")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="CPU seconds of training for each model")
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--contexts", nargs="+", type=int, default=[16, 64, 256, 1024, 4096])
    parser.add_argument("--tokens", type=int, default=200, help="tokens written in each turn")
    parser.add_argument("--runs", type=Path, default=Path("runs/transformer"))
    parser.add_argument("--out", type=Path, default=Path("transformer.svg"))
    options = parser.parse_args()
    keep_freed_memory()
    if options.seconds:
        rows = []
        for data in options.corpora:
            for equal, m in compare_training(data, options.seconds, options.runs):
                read = m.steps * TRAINING["batch_size"] * TRAINING["bptt"]
                figures = [f"{m.size:,}", f"{m.rate:,.0f}", f"{read:,}", f"{m.nats:.4f}", f"{m.bits:.4f}"]
                rows.append([CORPORA[data], f"equal {equal}", m.name, *figures])
        header = ["text", "", "model", "parameters", "characters/s", "characters read", "nats", "bits per character"]
        table(header, rows)
        print()
    found = [writing(context, options.tokens) for context in options.contexts]
    names = list(found[0].rates)
    sizes = [f"state of {'an' if name == 'LSTM' else 'a'} {name}, bytes" for name in found[0].states]
    table(
        ["context", *sizes, *(f"{name}, characters/s" for name in names)],
        [
            [
                f"{w.context:,}",
                *(f"{n:,}" for n in w.states.values()),
                *(f"{w.rates[name]:,.{0 if w.rates[name] >= 10 else 1}f}" for name in names),
            ]
            for w in found
        ],
    )
    count = f"{size(SYMBOLS, LSTM) / 1e6:.2f} and {size(SYMBOLS, matched(SYMBOLS)) / 1e6:.2f} million parameters"
    shape = f"{TRANSFORMER['num_layers']}×{matched(SYMBOLS)['hidden_size']}"
    draw(
        found,
        f"LSTM {LSTM['num_layers']}×{LSTM['hidden_size']} and Transformer {shape}, {count}; one text, one CPU thread",
        options.out,
    )


if __name__ == "__main__":
    main()
