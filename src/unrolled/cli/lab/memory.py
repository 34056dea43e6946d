"""unrolled lab memory: which cells learn long-term dependencies, at which lengths."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from ...cells import check_size
from ...errors import ArgumentError
from ...lab.memory import CELLS, CRITERIA, Trial, run_trials
from ...lab.memory_picture import draw
from ...tasks.memory.config import MemoryConfig
from ...training.config import update
from ..arguments import Schema, parse
from ..terminal.look import console, is_live
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab memory"
ABOUT = (
    "Train small networks on a long-term dependency benchmark, each cell at each length: add the two marked numbers of "
    "a sequence (Hochreiter and Schmidhuber 1997), copy vectors, or recall a symbol after a delay. Lengths beyond a "
    "cell's first failure are skipped."
)
LENGTHS = {"adding": (10, 20, 40, 80, 160), "copy": (1, 2, 4, 8), "repeat-copy": (1, 2, 3, 4), "recall": (2, 5, 10, 20)}


@dataclass(frozen=True, kw_only=True)
class LabMemory:
    """Benchmark, cells and training."""

    problem: Literal["adding", "copy", "repeat-copy", "recall"] = "adding"
    """benchmark (recall: one symbol)"""
    cell: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """rnn, irnn (ReLU, identity initialisation), gru or lstm (default: all)"""
    length: Annotated[tuple[int, ...], tyro.conf.UseAppendAction] = ()
    """sequence length (default for adding: 10, 20, 40, 80, 160)"""
    hidden_size: int = 32
    """hidden units"""
    steps: int = 1500
    """maximum training steps per trial"""
    batch_size: int = 32
    """sequences per step"""
    lr: float = 1e-2
    """learning rate (irnn: 0.3 times as much)"""
    seed: int = 0
    """random seed of weights and sequences"""
    out: str | None = None
    """output folder (default: lab/memory)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "steps", "batch_size"):
            check_size(name, getattr(self, name))
        for name in self.cell:
            if name not in CELLS:
                raise ArgumentError("cell", f"one of {', '.join(CELLS)}", name)
        for length in self.length:
            check_size("length", length, least=2 if self.problem == "adding" else 1)

    def config(self) -> MemoryConfig:
        """Return the config that all trials share."""
        own = {"symbols": 1} if self.problem == "recall" else {}
        return update(
            MemoryConfig(), data=self.problem, hidden_size=self.hidden_size, batch_size=self.batch_size, lr=self.lr,
            seed=self.seed, steps=self.steps, warmup=20, schedule="constant", average="none", **own,
        )  # fmt: skip


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(LabMemory, argv, PROG, ABOUT)
    cells = list(dict.fromkeys(options.cell)) or list(CELLS)
    lengths = sorted(set(options.length or LENGTHS[options.problem]))
    criterion = CRITERIA[options.problem]
    with Schema(LabMemory, PROG).names():
        config = options.config()
        folder = ExperimentFolder("memory", argv, options.out)
        trials = [_report(trial) for trial in run_trials(cells, lengths, config, options.steps, _show_progress)]
        folder.picture(lambda path: draw(trials, cells, lengths, criterion, path))
        curves = ((trial.cell, trial.length, step, value) for trial in trials for step, value in trial.curve)
        folder.table(("cell", "length", "step", criterion.metric), curves)
    if options.json:
        names = ("cell", "length", "solved", "steps", "error")
        values = [{name: getattr(trial, name) for name in names} for trial in trials]
        emit("memory", problem=options.problem, trials=values, chance=criterion.chance, files=dict(folder.summary))
        return 0
    by_cell = {(trial.cell, trial.length): trial for trial in trials}
    header = (options.problem, *map(str, lengths))
    show_table(header, [(cell, *(_cell(by_cell.get((cell, n))) for n in lengths)) for cell in cells], right=header[1:])
    print()
    show_pairs(
        [
            ("solved", f"{criterion.metric.replace('_', ' ')} below {criterion.solved:g}; the number of steps it took"),
            (
                "(…)",
                f"its value after {options.steps:,} steps; the best constant prediction has {criterion.chance:.3g}",
            ),
            *folder.summary,
        ]
    )
    return 0


def _cell(trial: Trial | None) -> str:
    return "–" if trial is None else f"{trial.steps:,}" if trial.solved else f"({trial.error:.3f})"


def _show_progress(cell: str, length: int, step: int, value: float) -> None:
    """Rewrite a line of progress, on a terminal."""
    if is_live(console(stderr=True)):
        print(f"\r{cell}, length {length}, step {step:,}: {value:.4f}    ", end="", file=sys.stderr, flush=True)


def _report(trial: Trial) -> Trial:
    """Print the result of a trial when it ends."""
    result = "solved" if trial.solved else "not solved"
    start = "\r" if is_live(console(stderr=True)) else ""
    print(f"{start}{trial.cell}, length {trial.length}: {result}, {trial.error:.4f} after {trial.steps:,} steps, "
          f"{trial.seconds:.1f} s of CPU time", file=sys.stderr, flush=True)  # fmt: skip
    return trial
