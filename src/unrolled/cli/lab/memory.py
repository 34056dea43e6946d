"""unrolled lab memory: which cell learns to remember for how long."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from ...cells import check_size
from ...errors import ArgumentError
from ...lab.memory import CELLS, GOALS, Trial, table
from ...lab.memory_picture import draw
from ...tasks.memory.config import MemoryConfig
from ...training.config import update
from ..arguments import Schema, parse
from ..terminal.look import console, is_live
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .kept import Kept

PROG = "unrolled lab memory"
ABOUT = (
    "Train small networks to remember, each cell at each length, and see where they fail: two marked ones of many "
    "numbers are to be added (Hochreiter and Schmidhuber 1997), vectors copied, or symbols recalled after a while. "
    "Lengths beyond a cell's first failure are not tried."
)
LENGTHS = {"adding": (10, 20, 40, 80, 160), "copy": (1, 2, 4, 8), "repeat-copy": (1, 2, 3, 4), "recall": (2, 5, 10, 20)}


@dataclass(frozen=True, kw_only=True)
class LabMemory:
    """What is tried."""

    problem: Literal["adding", "copy", "repeat-copy", "recall"] = "adding"
    """the problem; recall is of one symbol"""
    cell: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """rnn, irnn (of rectified units that begin as the identity), gru or lstm; again for another (default: all)"""
    length: Annotated[tuple[int, ...], tyro.conf.UseAppendAction] = ()
    """a length; again for another (default: of adding 10, 20, 40, 80 and 160)"""
    hidden_size: int = 32
    """units"""
    steps: int = 1500
    """of each training, at most"""
    batch_size: int = 32
    """sequences per step"""
    lr: float = 1e-2
    """learning rate; irnn has 0.3 of it"""
    seed: int = 0
    """of weights and sequences"""
    out: str | None = None
    """folder for the picture, the numbers and the command (default: lab/memory)"""
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
        """What all trainings share."""
        own = {"symbols": 1} if self.problem == "recall" else {}
        return update(
            MemoryConfig(), data=self.problem, hidden_size=self.hidden_size, batch_size=self.batch_size, lr=self.lr,
            seed=self.seed, steps=self.steps, warmup=20, schedule="constant", average="none", **own,
        )  # fmt: skip


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(LabMemory, argv, PROG, ABOUT)
    cells = list(dict.fromkeys(options.cell)) or list(CELLS)
    lengths = sorted(set(options.length or LENGTHS[options.problem]))
    goal = GOALS[options.problem]
    with Schema(LabMemory, PROG).names():
        config = options.config()
        kept = Kept("memory", argv, options.out)
        trials = [_told(one) for one in table(cells, lengths, config, options.steps, _looked)]
        kept.picture(lambda path: draw(trials, cells, lengths, goal, path))
        curves = ((one.cell, one.length, step, value) for one in trials for step, value in one.curve)
        kept.table(("cell", "length", "step", goal.metric), curves)
    if options.json:
        told = [{"cell": one.cell, "length": one.length, "solved": one.solved, "steps": one.steps, "error": one.error}
                for one in trials]  # fmt: skip
        emit("memory", problem=options.problem, trials=told, chance=goal.chance, files=dict(kept.told))
        return 0
    place = {(one.cell, one.length): one for one in trials}
    header = (options.problem, *map(str, lengths))
    show_table(header, [(cell, *(_cell(place.get((cell, n))) for n in lengths)) for cell in cells], right=header[1:])
    print()
    show_pairs(
        [
            ("solved", f"{goal.metric.replace('_', ' ')} below {goal.solved:g}, after so many steps"),
            ("(…)", f"what it was after {options.steps:,} steps; the best constant guess has {goal.chance:.3g}"),
            *kept.told,
        ]
    )
    return 0


def _cell(one: Trial | None) -> str:
    return "–" if one is None else f"{one.steps:,}" if one.solved else f"({one.error:.3f})"


def _looked(cell: str, length: int, step: int, value: float) -> None:
    """A line that is rewritten, where there is someone to look at it."""
    if is_live(console(stderr=True)):
        print(f"\r{cell}, length {length}, step {step:,}: {value:.4f}    ", end="", file=sys.stderr, flush=True)


def _told(one: Trial) -> Trial:
    """Say how a training ended, as soon as it has."""
    how = "solved" if one.solved else "not solved"
    start = "\r" if is_live(console(stderr=True)) else ""
    print(f"{start}{one.cell}, length {one.length}: {how}, {one.error:.4f} after {one.steps:,} steps, "
          f"{one.seconds:.1f} s of the processor", file=sys.stderr, flush=True)  # fmt: skip
    return one
