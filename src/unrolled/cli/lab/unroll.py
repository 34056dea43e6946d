"""unrolled lab unroll: a small network unrolled over a few steps, with the values of every node."""

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
    number,
    of_text,
    random_weights,
    read_weights,
    unroll,
)
from ...lab.unroll_picture import picture
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.look import show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab unroll"
ABOUT = (
    "A vanilla recurrent network with a softmax output, unrolled over a few steps: the values of every node, and the "
    "gradients of the loss with respect to them (Goodfellow, Bengio and Courville 2016, equations 10.8 to 10.28). "
    "Without options: an example for pencil and paper; with --text: a network that predicts the next character; with "
    "--vectors: your own numbers.\n\n"
    'unrolled lab unroll --vectors "1,0; 0,1; 1,1" --targets 0,1,1 --hidden-size 3'
)


@dataclass(frozen=True, kw_only=True)
class Unroll:
    """Network and inputs."""

    text: str | None = None
    """text; each character's target is the next one"""
    vectors: str | None = None
    """inputs: numbers separated by commas, steps by semicolons"""
    targets: str | None = None
    """target class of each step of --vectors, from 0 (default: all 0)"""
    state: str | None = None
    """initial state: numbers separated by commas (default: zeros)"""
    weights: str | None = None
    """JSON file with U, W, V, and optionally b, c, for --vectors"""
    hidden_size: int = 3
    """hidden units, for random weights"""
    seed: int = 0
    """random seed of weights"""
    out: str | None = None
    """output folder (default: lab/unroll)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        check_size("hidden_size", self.hidden_size)
        check_size("seed", self.seed, least=0)
        if self.hidden_size > MOST_NUMBERS:
            raise ArgumentError("hidden_size", f"at most {MOST_NUMBERS}, to be readable", self.hidden_size)
        if self.text is not None and self.vectors is not None:
            raise ArgumentError("vectors", "omitted with --text", self.vectors)
        for name in ("targets", "state", "weights"):
            if getattr(self, name) is not None and self.vectors is None:
                raise ArgumentError(name, "omitted without --vectors", getattr(self, name))


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Unroll, argv, PROG, ABOUT)
    with Schema(Unroll, PROG).names():
        unrolled = _unrolled(options)
        folder = ExperimentFolder("unroll", argv, options.out)
        folder.picture(lambda path: write_atomically(path, picture(unrolled).encode()), "svg")
        folder.table(("node", "step", "unit", "value", "gradient"), _rows(unrolled))
    if options.json:
        nodes = [dict(zip(("node", "step", "unit", "value", "gradient"), row, strict=True)) for row in _rows(unrolled)]
        emit("unroll", loss=unrolled.done.loss, nodes=nodes, files=dict(folder.summary))
        return 0
    show("\n".join(_lines(unrolled)) + "\n\n")
    show_pairs(folder.summary)
    return 0


def _unrolled(options: Unroll) -> Unrolled:
    if options.text is not None:
        return of_text(options.text, options.hidden_size, options.seed)
    if options.vectors is None:
        return unroll(WORKED, np.array(WORKED_INPUTS), np.array(WORKED_TARGETS), np.array(WORKED_STATE))
    steps = [_numbers("vectors", part) for part in options.vectors.split(";")]
    if len({len(step) for step in steps}) != 1:
        raise ArgumentError("vectors", "equally many numbers at every step", options.vectors)
    targets = [0] * len(steps) if options.targets is None else _numbers("targets", options.targets)
    if any(target != int(target) for target in targets):
        raise ArgumentError("targets", "integers separated by commas", options.targets)
    if options.weights is not None:
        weights = read_weights(Path(options.weights))
    else:
        if max(len(steps[0]), max(targets) + 1) > MOST_NUMBERS:
            raise ArgumentError("vectors", f"at most {MOST_NUMBERS} numbers and classes, to be readable",
                                options.vectors)  # fmt: skip
        weights = random_weights(len(steps[0]), options.hidden_size, max(2, int(max(targets)) + 1), options.seed)
    state = np.zeros(len(weights.b)) if options.state is None else np.array(_numbers("state", options.state))
    return unroll(weights, np.array(steps), np.array(targets, dtype=np.int64), state)


def _numbers(name: str, text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ArgumentError(name, "finite numbers separated by commas", text)
    return numbers


def _lines(unrolled: Unrolled) -> Iterator[str]:
    """Yield the lines of the forward pass, the backward pass and the parameters' gradients."""
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
        character = f"  ({unrolled.symbols[int(x.argmax())]!r})" if unrolled.symbols else ""
        target = int(unrolled.y[t, 0])
        name = f" ({unrolled.symbols[target]!r})" if unrolled.symbols else ""
        right = "right" if int(done.y_hat[t, 0].argmax()) == target else "wrong"
        yield f"step {t + 1}  x = {_vector(x)}{character}"
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
    for field in fields(unrolled.gradients):
        gradient = getattr(unrolled.gradients, field.name)
        yield f"∇{field.name}  = {_matrix(gradient) if gradient.ndim == 2 else _vector(gradient)}"


def _rows(unrolled: Unrolled) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the CSV: node, step, unit, value, gradient."""
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
    for field in fields(unrolled.weights):
        values, gradients = getattr(unrolled.weights, field.name), getattr(unrolled.gradients, field.name)
        for index, value in np.ndenumerate(values):
            yield field.name, None, " ".join(map(str, index)), float(value), float(gradients[index])


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join(map(number, values))})"


def _matrix(rows: Sequence[Sequence[float]]) -> str:
    return f"({', '.join(map(_vector, rows))})"
