"""unrolled lab truncation: bias, noise and memory footprint of truncated backpropagation through time."""

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
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab truncation"
ABOUT = (
    "A small network reads streams whose targets depend on a number read some steps before. With fixed weights, its "
    "gradient through whole streams is compared with those of truncated backpropagation (Williams and Peng 1990) at "
    "several window lengths, of windows of random length (Merity, Keskar and Socher 2018), and of random windows with "
    "reweighted gradients (Tallec and Ollivier 2017), which are unbiased."
)
LENGTHS = (5, 10, 20, 50, 100)
RANDOM: tuple[tuple[Random, int], ...] = (("merity", 20), ("merity", 50), ("unbiased", 10), ("unbiased", 20),
                                          ("unbiased", 50))  # fmt: skip
MARKS = 20  # least mean number of marks per stream: a stream without any is then practically impossible


@dataclass(frozen=True, kw_only=True)
class Truncation:
    """Network and streams."""

    cell: str = "lstm"
    """rnn, gru or lstm"""
    hidden_size: int = 16
    """hidden units"""
    length: int = 300
    """steps per stream, at least 101"""
    distance: int = 20
    """mean number of steps between marks"""
    batch_size: int = 8
    """lanes (batch rows) per stream"""
    train: int = 100
    """training steps through whole streams before the comparison"""
    draws: int = 40
    """number of streams that gradients are averaged over"""
    seed: int = 0
    """random seed of weights, streams and windows"""
    out: str | None = None
    """output folder (default: lab/truncation)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "distance", "batch_size"):
            check_size(name, getattr(self, name))
        check_size("length", self.length, least=max(LENGTHS) + 1)
        check_size("draws", self.draws, least=2)
        if self.distance > (largest := self.length * self.batch_size // MARKS):
            raise ArgumentError("distance", f"at most {largest}, so that streams have marks", self.distance)
        for name in ("train", "seed"):
            check_size(name, getattr(self, name), least=0)
        if self.cell not in CELLS:
            near = did_you_mean(self.cell, CELLS)
            raise ArgumentError("cell", f"one of {', '.join(CELLS)}", self.cell, near)


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Truncation, argv, PROG, ABOUT)
    with Schema(Truncation, PROG).names():
        folder = ExperimentFolder("truncation", argv, options.out)
        network = Network(options.cell, options.hidden_size, options.seed)
        shape = options.length, options.batch_size, float(options.distance)
        losses = train(network, *shape, options.train, options.seed)
        methods: list[tuple[Random, int]] = [*(("none", n) for n in LENGTHS), *RANDOM]
        counter, done = Counter(console(stderr=True), options.draws, "streams"), 0

        def count() -> None:
            nonlocal done
            done += 1
            counter(done)

        try:
            results = compare(network, *shape, methods, options.draws, options.seed + 1, count)
        finally:
            counter.close()
        folder.picture(lambda path: draw(results, path))
        names = [field.name for field in dataclasses.fields(Truncated)]
        folder.table(names, ([getattr(result, name) for name in names] for result in results))
    if options.json:
        emit("truncation", ways=[dataclasses.asdict(result) for result in results], files=dict(folder.summary))
        return 0
    header = ("windows", "steps", "longest", "bias", "± ", "cosine", "noise", "memory")
    rows = [
        (
            result.name,
            f"{result.steps:.1f}",
            f"{result.longest}",
            f"{result.bias:z.3f}",
            f"{result.error:.3f}",
            f"{result.cosine:z.3f}",
            f"{result.noise:.2f}",
            f"{result.memory / 1024:,.0f} KiB",
        )
        for result in results
    ]
    show_table(header, rows, right=header[1:])
    print()
    trained = (
        f"loss {losses[0]:.3f} before training, {losses[-1]:.3f} after {len(losses)} steps" if losses else "not trained"
    )
    show_pairs(
        [
            ("bias", "‖E g − E g*‖ / ‖E g*‖, g* through whole streams; ±: its standard error"),
            ("noise", "standard deviation of g, relative to ‖E g*‖; includes the variance between streams"),
            ("memory", "saved by autograd for the longest window"),
            ("network", trained),
            *folder.summary,
        ]
    )
    return 0
