"""unrolled lab truncation: the bias, the noise and the memory of truncated backpropagation through time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ...cells import CELLS, check_size
from ...data.cuts import Random
from ...errors import ArgumentError, did_you_mean
from ...lab.truncation import Network, Truncated, compare, train
from ...lab.truncation_picture import draw
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import console
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .kept import Kept

PROG = "unrolled lab truncation"
ABOUT = (
    "A small network reads streams in which what is to be put out now depends on a number read some steps before. "
    "With its weights held still, its gradient through whole streams is compared with those of truncated "
    "backpropagation (Williams and Peng 1990) at several lengths, of windows around a length (Merity, Keskar and "
    "Socher 2018), and of random windows with reweighted gradients (Tallec and Ollivier 2017), which have no bias."
)
LENGTHS = (5, 10, 20, 50, 100)
RANDOM: tuple[tuple[Random, int], ...] = (("merity", 20), ("merity", 50), ("unbiased", 10), ("unbiased", 20),
                                          ("unbiased", 50))  # fmt: skip


MARKS = 20  # of a stream, in the mean: one without any is then as good as impossible


@dataclass(frozen=True, kw_only=True)
class Truncation:
    """The network, its streams and how many of them."""

    cell: str = "lstm"
    """rnn, gru or lstm"""
    hidden_size: int = 16
    """units"""
    length: int = 300
    """steps of a stream"""
    distance: int = 20
    """steps from a mark to the next, in the mean"""
    batch_size: int = 8
    """lanes of a stream"""
    train: int = 100
    """steps of training through whole streams before gradients are compared"""
    draws: int = 40
    """streams over which gradients are averaged"""
    seed: int = 0
    """of weights, streams and windows"""
    out: str | None = None
    """folder for the picture, the numbers and the command (default: lab/truncation)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "distance", "batch_size"):
            check_size(name, getattr(self, name))
        check_size("length", self.length, least=max(LENGTHS) + 1)
        check_size("draws", self.draws, least=2)
        if self.distance > (most := self.length * self.batch_size // MARKS):
            raise ArgumentError("distance", f"at most {most}, lest a stream have no marks", self.distance)
        for name in ("train", "seed"):
            check_size(name, getattr(self, name), least=0)
        if self.cell not in CELLS:
            near = did_you_mean(self.cell, CELLS)
            raise ArgumentError("cell", f"one of {', '.join(CELLS)}", self.cell, near)


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(Truncation, argv, PROG, ABOUT)
    with Schema(Truncation, PROG).names():
        kept = Kept("truncation", argv, options.out)
        network = Network(options.cell, options.hidden_size, options.seed)
        shape = options.length, options.batch_size, float(options.distance)
        losses = train(network, *shape, options.train, options.seed)
        ways: list[tuple[Random, int]] = [*(("none", n) for n in LENGTHS), *RANDOM]
        counter, done = Counter(console(stderr=True), options.draws, "streams"), 0

        def count() -> None:
            nonlocal done
            done += 1
            counter(done)

        try:
            every = compare(network, *shape, ways, options.draws, options.seed + 1, count)
        finally:
            counter.close()
        kept.picture(lambda path: draw(every, path))
        names = [field.name for field in dataclasses.fields(Truncated)]
        kept.table(names, ([getattr(one, name) for name in names] for one in every))
    if options.json:
        emit("truncation", ways=[dataclasses.asdict(one) for one in every], files=dict(kept.told))
        return 0
    header = ("windows", "steps", "longest", "bias", "± ", "cosine", "noise", "memory")
    rows = [
        (
            one.name,
            f"{one.steps:.1f}",
            f"{one.longest}",
            f"{one.bias:.3f}",
            f"{one.error:.3f}",
            f"{one.cosine:.3f}",
            f"{one.noise:.2f}",
            f"{one.memory / 1024:,.0f} KiB",
        )
        for one in every
    ]
    show_table(header, rows, right=header[1:])
    print()
    trained = f"loss {losses[0]:.3f} at first, {losses[-1]:.3f} after {len(losses)} steps" if losses else "not trained"
    show_pairs(
        [
            ("bias", "‖E g − E g*‖ / ‖E g*‖, g* through whole streams; ±: its standard error"),
            ("noise", "standard deviation of g in units of ‖E g*‖, the streams' own included"),
            ("memory", "what autograd keeps of the longest window"),
            ("network", trained),
            *kept.told,
        ]
    )
    return 0
