"""What a language model loses when it loses a unit.

    L_u(k) = −(1/N_k) Σ_{t: x_{t+1} of class k} log p_u(x_{t+1} | x_1 … x_t)       p_u: with unit u held (`clamp`)

All units are tried on one window before the next is read. Layers below the one that a unit belongs to do not change, so
their outputs are computed once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..cells import Cell, State
from ..checks import Size, checked
from ..data import Split
from ..errors import ArgumentError
from .clamp import Clamped, run_clamped
from .runner import run_by
from .text_windows import Classes, LanguageModelHandle, Progress, as_split, classed, log_probabilities, one_way, placed
from .units import Unit, by_cell, stack_of

# U units, C classes, S stretches

STRETCHES, SHORTEST = 100, 500  # into how many a text is cut at most, and symbols of each at least

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ablation:
    """Losses in nats per symbol.

    Attributes:
        units: those that were held, one at a time.
        values: at what.
        leaf: of the state.
        classes: of symbols, by the class of what is to be predicted.
        counts: ``(C,)`` predictions of each class.
        baseline: ``(C,)``, with all units as they are.
        losses: ``(U, C)``. A class that does not occur has the loss 0.
        stretch_counts: ``(S, C)``, the same in each of S stretches of the text, for a `bootstrap`.
        stretch_rises: ``(U, S, C)``, by how much the sum of the losses there is above the baseline's.
    """

    units: list[Unit]
    values: list[float]
    leaf: str
    classes: list[str]
    counts: npt.NDArray[np.int64]
    baseline: Floats
    losses: Floats
    stretch_counts: npt.NDArray[np.int64]
    stretch_rises: Floats

    @property
    def whole_baseline(self) -> float:
        """Over all classes."""
        return float(self.baseline @ self.counts / self.counts.sum())

    @property
    def whole(self) -> Floats:
        """``(U,)`` over all classes."""
        return self.losses @ self.counts / self.counts.sum()

    def ranked(self, symbol_class: str | None = None) -> list[tuple[Unit, float]]:
        """Units and by how much the loss (of one class) rises without them, the most needed first.

        Raises:
            ArgumentError: there is no such class.
        """
        if symbol_class is None:
            rises = self.whole - self.whole_baseline
        elif symbol_class in self.classes:
            column = self.classes.index(symbol_class)
            rises = self.losses[:, column] - self.baseline[column]
        else:
            raise ArgumentError("symbol_class", f"one of {', '.join(self.classes)}", symbol_class)
        return [(self.units[i], float(rises[i])) for i in np.argsort(-rises, kind="stable")]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "leaf": self.leaf,
            "classes": self.classes,
            "counts": self.counts.tolist(),
            "baseline": {"loss": self.whole_baseline, "by_class": self.baseline.tolist()},
            "units": [
                {"layer": layer, "direction": way, "unit": unit, "value": value, "loss": loss, "by_class": row}
                for (layer, way, unit), value, loss, row in zip(
                    self.units, self.values, self.whole.tolist(), self.losses.tolist(), strict=True
                )
            ],
        }


@checked
def ablation(
    handle: LanguageModelHandle,
    text: str | Split,
    units: Sequence[Unit],
    *,
    values: Sequence[float] | None = None,
    leaf: str = "h",
    classes: Classes = lambda symbol: "all",
    window: Size = 128,
    lanes: Size = 1,
    progress: Progress | None = None,
) -> Ablation:
    """The loss over a text with each of several units held, one at a time, and with none.

    Args:
        handle: a language model with recurrent layers.
        text: what it is to predict.
        units: ``(layer, direction, unit)``.
        values: at which they are held, one for each; 0 if left out.
        leaf: ``"h"``, or an LSTM's ``"c"``.
        classes: splits the loss by the class of the symbol that is to be predicted, or by where it stands.
        window: steps at once; does not change the result.
        lanes: parts of the text read side by side, which is much faster; each is warmed up on the symbols before it.
            With 1 the result is exact.
        progress: told how many symbols have been predicted, of as many as the text has for each unit and once more.

    Raises:
        ArgumentError: no such unit or leaf, no recurrent layers, or as many values as units are not given.
    """
    units, values = list(units), [0.0] * len(units) if values is None else list(values)
    if len(values) != len(units):
        raise ArgumentError("values", f"one for each of {len(units)} units", len(values))
    one_way(handle)
    shared = _Shared(handle, units, values, leaf)
    split = as_split(handle, text)
    names, numbers = classed(handle, split, classes)
    C, S, predicted = len(names), stretches_of(split), len(split) - 1
    sums = np.zeros((1 + len(units), S * C))
    counts = np.zeros(S * C, dtype=np.int64)
    done = 0
    carried: list[Any] = [None] * len(sums)
    with run_by(stack_of(handle.model), shared):
        for part, positions in placed(split, window, lanes):
            counted = part.counted.numpy()
            at = positions[counted]
            cells = at * S // predicted * C + numbers[at + 1]
            counts += np.bincount(cells, minlength=S * C)
            for row in range(len(sums)):  # the first without a change
                shared.take(row - 1)
                log_p, carried[row] = log_probabilities(handle.model, part, carried[row])
                sums[row] -= np.bincount(cells, log_p.numpy()[counted], minlength=S * C)
                done += len(at)
                if progress is not None:
                    progress(done)
    by_stretch, in_stretch = sums.reshape(-1, S, C), counts.reshape(S, C)
    every = in_stretch.sum(0)
    means = by_stretch.sum(1) / np.maximum(every, 1)
    rises = by_stretch[1:] - by_stretch[0]
    return Ablation(units, values, leaf, names, every, means[0], means[1:], in_stretch, rises)


def stretches_of(split: Split) -> int:
    """Into how many stretches of like length a text is cut."""
    return max(1, min(STRETCHES, len(split) // SHORTEST))


class _Shared:
    """Runs a model's recurrences with one unit held; what lies below it is taken from the pass without."""

    def __init__(self, handle: LanguageModelHandle, units: list[Unit], values: list[float], leaf: str) -> None:
        stack = stack_of(handle.model)
        self.order = {cell: number for number, cell in enumerate(stack.cells)}
        self.held = [
            next((cell, Clamped(cell, leaf, some)) for cell, some in by_cell(stack, {unit: value}, leaf).items())
            for unit, value in zip(units, values, strict=True)
        ]
        self.kept: dict[Cell, tuple[Tensor, State]] = {}
        self.now: tuple[Cell, Clamped] | None = None

    def take(self, number: int) -> None:
        """Hold this unit from now on; below 0: none."""
        self.now = None if number < 0 else self.held[number]

    @torch.no_grad()
    def __call__(self, cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if self.now is None:
            self.kept[cell] = found = run_clamped(cell, inputs, state, **options)
            return found
        held, clamped = self.now
        if self.order[cell] < self.order[held]:
            return self.kept[cell]
        return run_clamped(clamped if cell is held else cell, inputs, state, **options)
