"""Ablation: the rise of a language model's loss when a unit of its state is held.

    L_u(k) = −(1/N_k) Σ_{t: x_{t+1} of class k} log p_u(x_{t+1} | x_1 … x_t)       p_u: with unit u held

All units are ablated on one window before the next window is read. The outputs of the layers below a unit do not depend
on it and are computed once.
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
from .text_windows import (
    Classes,
    LanguageModelHandle,
    Progress,
    as_split,
    check_unidirectional,
    class_numbers,
    log_probabilities,
    windows_with_positions,
)
from .units import Unit, by_cell, stack_of

# U units, C classes, S segments

STRETCHES, SHORTEST = 100, 500  # maximum segments of a text; minimum tokens of a segment

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ablation:
    """Losses in nats per token with single units held.

    Attributes:
        units: the held units, one at a time.
        values: the value of each unit.
        leaf: the leaf of the state.
        classes: names of the C classes of predicted tokens.
        counts: ``(C,)``, predictions of each class.
        baseline: ``(C,)``, loss without held units.
        losses: ``(U, C)``, loss with each unit held; 0 for a class that does not occur.
        stretch_counts: ``(S, C)``, predictions in each of S segments of the text, for a `bootstrap`.
        stretch_rises: ``(U, S, C)``, rise of the summed loss of each segment above the baseline.
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
        """The loss without held units over all classes."""
        return float(self.baseline @ self.counts / self.counts.sum())

    @property
    def whole(self) -> Floats:
        """``(U,)``, the loss with each unit held over all classes."""
        return self.losses @ self.counts / self.counts.sum()

    def ranked(self, symbol_class: str | None = None) -> list[tuple[Unit, float]]:
        """Return the units with the rise of the loss (of one class), largest rise first.

        Raises:
            ArgumentError: the class does not exist.
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
        """Return JSON data."""
        return {
            "leaf": self.leaf,
            "classes": self.classes,
            "counts": self.counts.tolist(),
            "baseline": {"loss": self.whole_baseline, "by_class": self.baseline.tolist()},
            "units": [
                {"layer": layer, "direction": direction, "unit": unit, "value": value, "loss": loss, "by_class": row}
                for (layer, direction, unit), value, loss, row in zip(
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
    classes: Classes = lambda token: "all",
    window: Size = 128,
    lanes: Size = 1,
    progress: Progress | None = None,
) -> Ablation:
    """Compute the loss on a text with each of several units held, one at a time, and without holding.

    Args:
        handle: a language model with recurrent layers.
        text: the text to predict.
        units: ``(layer, direction, unit)``.
        values: the value of each unit; 0 by default.
        leaf: ``"h"``, or ``"c"`` of an LSTM.
        classes: the class of each predicted token, used to split the loss; see `Classes`.
        window: steps at once; does not change the result.
        lanes: segments of the text read in parallel, each after a warm-up; faster than 1, which is exact.
        progress: called with the number of predictions so far; the total is (U + 1) times that of the text.

    Raises:
        ArgumentError: a unit or the leaf does not exist, the model has no recurrent layers, or the number of values
            differs from that of units.
    """
    units, values = list(units), [0.0] * len(units) if values is None else list(values)
    if len(values) != len(units):
        raise ArgumentError("values", f"one for each of {len(units)} units", len(values))
    check_unidirectional(handle)
    runner = _AblationRunner(handle, units, values, leaf)
    split = as_split(handle, text)
    names, numbers = class_numbers(handle, split, classes)
    C, S, predicted = len(names), stretches_of(split), len(split) - 1
    sums = np.zeros((1 + len(units), S * C))
    counts = np.zeros(S * C, dtype=np.int64)
    done = 0
    states: list[Any] = [None] * len(sums)
    with run_by(stack_of(handle.model), runner):
        for part, positions in windows_with_positions(split, window, lanes):
            counted = part.counted.numpy()
            at = positions[counted]
            cells = at * S // predicted * C + numbers[at + 1]
            counts += np.bincount(cells, minlength=S * C)
            for row in range(len(sums)):  # row 0: without holding
                runner.select(row - 1)
                log_p, states[row] = log_probabilities(handle.model, part, states[row])
                sums[row] -= np.bincount(cells, log_p.numpy()[counted], minlength=S * C)
                done += len(at)
                if progress is not None:
                    progress(done)
    segment_sums, segment_counts = sums.reshape(-1, S, C), counts.reshape(S, C)
    totals = segment_counts.sum(0)
    means = segment_sums.sum(1) / np.maximum(totals, 1)
    rises = segment_sums[1:] - segment_sums[0]
    return Ablation(units, values, leaf, names, totals, means[0], means[1:], segment_counts, rises)


def stretches_of(split: Split) -> int:
    """Return the number of segments of equal length into which a text is split."""
    return max(1, min(STRETCHES, len(split) // SHORTEST))


class _AblationRunner:
    """Runs recurrent layers with one unit held; the layers below it are reused from the pass without holding."""

    def __init__(self, handle: LanguageModelHandle, units: list[Unit], values: list[float], leaf: str) -> None:
        stack = stack_of(handle.model)
        self.order = {cell: number for number, cell in enumerate(stack.cells)}
        self.clamped = [
            next((cell, Clamped(cell, leaf, held)) for cell, held in by_cell(stack, {unit: value}, leaf).items())
            for unit, value in zip(units, values, strict=True)
        ]
        self.cache: dict[Cell, tuple[Tensor, State]] = {}
        self.selected: tuple[Cell, Clamped] | None = None

    def select(self, number: int) -> None:
        """Hold the unit with this index from now on; none if below 0."""
        self.selected = None if number < 0 else self.clamped[number]

    @torch.no_grad()
    def __call__(self, cell: Cell, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        if self.selected is None:
            self.cache[cell] = result = run_clamped(cell, inputs, state, **options)
            return result
        original, clamped = self.selected
        if self.order[cell] < self.order[original]:
            return self.cache[cell]
        return run_clamped(clamped if cell is original else cell, inputs, state, **options)
