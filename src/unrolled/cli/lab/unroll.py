"""unrolled lab unroll: a small network unrolled over a few steps, with the numbers of every node."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ...cells import check_size
from ...errors import ArgumentError
from ...lab.unroll import (
    MOST_NUMBERS,
    WORKED,
    WORKED_INPUTS,
    WORKED_STATE,
    WORKED_TARGETS,
    Unrolled,
    drawn,
    number,
    of_text,
    read_weights,
    unroll,
)
from ...lab.unroll_picture import picture
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.look import show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs
from .kept import Kept

PROG = "unrolled lab unroll"
ABOUT = (
    "A vanilla recurrent network with a softmax over its outputs, unrolled over a few steps: what every node holds on "
    "the way forward, and the gradient of the loss by each on the way back (Goodfellow, Bengio and Courville 2016, "
    "equations 10.8 to 10.28). Without any options: an example to be followed with pencil and paper; with --text a "
    "network that reads characters and is to say the next one; with --vectors your own numbers.\n\n"
    'unrolled lab unroll --vectors "1,0; 0,1; 1,1" --targets 0,1,1 --hidden-size 3'
)


@dataclass(frozen=True, kw_only=True)
class Unroll:
    """What is unrolled."""

    text: str | None = None
    """characters to read; each is to be followed by the next"""
    vectors: str | None = None
    """what to read: numbers with commas between them, and semicolons between steps"""
    targets: str | None = None
    """the right class at each step of --vectors, from 0, with commas between them (default: 0 everywhere)"""
    state: str | None = None
    """the state before the first step: numbers with commas between them (default: zeros)"""
    weights: str | None = None
    """JSON file with U, W, V, and b, c where they are not zero, for --vectors"""
    hidden_size: int = 3
    """hidden units, of weights that are drawn"""
    seed: int = 0
    """of weights that are drawn"""
    out: str | None = None
    """folder for the picture, the numbers and the command (default: lab/unroll)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        check_size("hidden_size", self.hidden_size)
        check_size("seed", self.seed, least=0)
        if self.hidden_size > MOST_NUMBERS:
            raise ArgumentError("hidden_size", f"at most {MOST_NUMBERS}, so that it can be read", self.hidden_size)
        if self.text is not None and self.vectors is not None:
            raise ArgumentError("vectors", "left out with --text", self.vectors)
        for name in ("targets", "state", "weights"):
            if getattr(self, name) is not None and self.vectors is None:
                raise ArgumentError(name, "given with --vectors only", getattr(self, name))


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(Unroll, argv, PROG, ABOUT)
    with Schema(Unroll, PROG).names():
        unrolled = _made(options)
        kept = Kept("unroll", argv, options.out)
        kept.picture(lambda path: write_atomically(path, picture(unrolled).encode()), "svg")
        kept.table(("node", "step", "unit", "value", "gradient"), _rows(unrolled))
    if options.json:
        nodes = [dict(zip(("node", "step", "unit", "value", "gradient"), row, strict=True)) for row in _rows(unrolled)]
        emit("unroll", loss=unrolled.done.loss, nodes=nodes, files=dict(kept.told))
        return 0
    show("\n".join(_lines(unrolled)) + "\n\n")
    show_pairs(kept.told)
    return 0


def _made(options: Unroll) -> Unrolled:
    if options.text is not None:
        return of_text(options.text, options.hidden_size, options.seed)
    if options.vectors is None:
        return unroll(WORKED, np.array(WORKED_INPUTS), np.array(WORKED_TARGETS), np.array(WORKED_STATE))
    steps = [_numbers("vectors", part) for part in options.vectors.split(";")]
    if len({len(one) for one in steps}) != 1:
        raise ArgumentError("vectors", "as many numbers at every step", options.vectors)
    targets = [0] * len(steps) if options.targets is None else _numbers("targets", options.targets)
    if any(one != int(one) for one in targets):
        raise ArgumentError("targets", "whole numbers with commas between them", options.targets)
    if options.weights is not None:
        weights = read_weights(Path(options.weights))
    else:
        if max(len(steps[0]), max(targets) + 1) > MOST_NUMBERS:
            raise ArgumentError("vectors", f"at most {MOST_NUMBERS} numbers and classes, so that they can be read",
                                options.vectors)  # fmt: skip
        weights = drawn(len(steps[0]), options.hidden_size, max(2, int(max(targets)) + 1), options.seed)
    state = np.zeros(len(weights.b)) if options.state is None else np.array(_numbers("state", options.state))
    return unroll(weights, np.array(steps), np.array(targets, dtype=np.int64), state)


def _numbers(name: str, text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(math.isfinite, found)):
        raise ArgumentError(name, "finite numbers with commas between them", text)
    return found


def _lines(unrolled: Unrolled) -> Iterator[str]:
    """Forward, backward and sums, as one would write them down."""
    w, done, errors = unrolled.weights, unrolled.done, unrolled.errors
    for name in ("U", "W", "V"):
        yield f"{name}   = {_matrix(getattr(w, name))}"
    for name in ("b", "c"):
        if getattr(w, name).any():
            yield f"{name}   = {_vector(getattr(w, name))}"
    yield f"h_0 = {_vector(done.h[0, 0])}"
    yield ""
    for t in range(unrolled.steps):
        h, x = done.h[t, 0], unrolled.x[t, 0]
        said = f"  ({unrolled.symbols[int(x.argmax())]!r})" if unrolled.symbols else ""
        target = int(unrolled.y[t, 0])
        name = f" ({unrolled.symbols[target]!r})" if unrolled.symbols else ""
        right = "right" if int(done.y_hat[t, 0].argmax()) == target else "wrong"
        yield f"step {t + 1}  x = {_vector(x)}{said}"
        yield f"        U x = {_vector(w.U @ x)}   W h_{t} = {_vector(w.W @ h)}"
        yield f"        a = {_vector(unrolled.a[t])}   h_{t + 1} = tanh(a) = {_vector(done.h[t + 1, 0])}"
        yield f"        o = {_vector(unrolled.o[t])}   ŷ = softmax(o) = {_vector(done.y_hat[t, 0])}"
        yield f"        target {target}{name}, {right}   L_{t + 1} = −log ŷ[{target}] = {number(unrolled.losses[t])}"
    yield f"L = {number(done.loss)}"
    yield ""
    for t in reversed(range(unrolled.steps)):
        yield f"back {t + 1}  ∇o = ŷ − 1_y = {_vector(errors.o[t, 0])}"
        yield f"        ∇h_{t + 1} = {_vector(errors.h[t, 0])}   ∇a = (1 − h²) ∇h = {_vector(errors.a[t, 0])}"
    yield f"        ∇h_0 = {_vector(errors.h_0[0])}"
    yield ""
    for one in fields(unrolled.gradients):
        gradient = getattr(unrolled.gradients, one.name)
        yield f"∇{one.name}  = {_matrix(gradient) if gradient.ndim == 2 else _vector(gradient)}"


def _rows(unrolled: Unrolled) -> Iterator[tuple[object, ...]]:
    """Every number: node, step, unit, value, gradient."""
    done, errors = unrolled.done, unrolled.errors
    for t in range(unrolled.steps + 1):
        before = t == 0
        nodes: list[tuple[str, Sequence[float], Sequence[float] | None]] = [
            ("h", done.h[t, 0], errors.h_0[0] if before else errors.h[t - 1, 0])
        ]
        if not before:
            nodes = [
                ("x", unrolled.x[t - 1, 0], None),
                ("a", unrolled.a[t - 1], errors.a[t - 1, 0]),
                *nodes,
                ("o", unrolled.o[t - 1], errors.o[t - 1, 0]),
                ("ŷ", done.y_hat[t - 1, 0], None),
                ("L", unrolled.losses[t - 1 : t].tolist(), None),
            ]
        for name, values, gradient in nodes:
            for n, value in enumerate(values):
                yield name, t, n, float(value), None if gradient is None else float(gradient[n])
    for one in fields(unrolled.weights):
        values, gradients = getattr(unrolled.weights, one.name), getattr(unrolled.gradients, one.name)
        for place, value in np.ndenumerate(values):
            yield one.name, None, " ".join(map(str, place)), float(value), float(gradients[place])


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join(map(number, values))})"


def _matrix(rows: Sequence[Sequence[float]]) -> str:
    return f"({', '.join(map(_vector, rows))})"
