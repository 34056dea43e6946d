"""Saturation: how often each gate is nearly closed or nearly open (Karpathy, Johnson and Fei-Fei 2015, figure 2).

    left_u  = |{t : gate_t[u] < 0.1}| / T          right_u = |{t : gate_t[u] > 0.9}| / T

A right-saturated forget gate preserves the cell state. Units near the origin are rarely saturated; units on the
diagonal left + right = 1 are binary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..cells import State, Trace
from ..checks import Size, checked
from ..data import Split
from ..errors import ArgumentError, DataError
from .capture import capture
from .text_windows import LanguageModelHandle, Progress, as_split, log_probabilities, windows_with_positions
from .units import stack_of

# T steps, B lanes, H units

GATES = ("i", "f", "o", "r", "z")  # gates of the built-in cells with values between 0 and 1
LOW, HIGH = 0.1, 0.9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gate:
    """One gate of one layer and direction: ``left (H,)`` and ``right (H,)`` of each unit."""

    recurrence: str
    gate: str
    left: Floats
    right: Floats


@dataclass(frozen=True)
class Saturation:
    """The saturation of every gate, in the order of the layers, over ``steps`` steps."""

    gates: list[Gate]
    steps: int
    low: float = LOW
    high: float = HIGH

    def as_json(self) -> dict[str, Any]:
        """Return JSON data."""
        gates = [
            {"recurrence": gate.recurrence, "gate": gate.gate, "left": gate.left.tolist(), "right": gate.right.tolist()}
            for gate in self.gates
        ]
        return {"low": self.low, "high": self.high, "steps": self.steps, "gates": gates}


class GateCounter:
    """A sink for `capture` that counts saturated gates, for any model.

        counter = GateCounter()
        with capture(model, counter):
            model(inputs)
        counter.result()

    Padding, where a trace is zero, is not counted.

    Args:
        gates: names of the gates to count; others are ignored.
        low: threshold below which a gate is left-saturated.
        high: threshold above which a gate is right-saturated.

    Raises:
        ArgumentError: ``low`` is not less than ``high``.
    """

    def __init__(self, gates: tuple[str, ...] = GATES, *, low: float = LOW, high: float = HIGH) -> None:
        if not low < high:
            raise ArgumentError("low", f"less than high ({high})", low)
        self.gates, self.low, self.high = gates, low, high
        self.only: Tensor | None = None  # (T, B) mask of the steps of the next pass to count
        self._sums: dict[str, dict[str, tuple[Tensor, Tensor]]] = {}
        self._steps: dict[str, int] = {}

    def __call__(self, name: str, begin: int, trace: Trace) -> None:
        values_by_gate = {gate: trace[gate] for gate in self.gates if gate in trace}
        if not values_by_gate:
            return
        T = next(iter(values_by_gate.values())).size(0)
        counted = torch.stack([(values != 0).any(-1) for values in values_by_gate.values()]).any(0)  # (T, B)
        if self.only is not None:
            counted = counted & self.only[begin : begin + T].to(counted.device)
        sums = self._sums.setdefault(name, {})
        for gate, values in values_by_gate.items():
            inside = values[counted]  # (N, H)
            new = (inside < self.low).sum(0).cpu(), (inside > self.high).sum(0).cpu()
            old = sums.get(gate)
            sums[gate] = new if old is None else (old[0] + new[0], old[1] + new[1])
        self._steps[name] = self._steps.get(name, 0) + int(counted.sum())

    def result(self) -> Saturation:
        """Return the saturation of the steps counted so far.

        Raises:
            DataError: no steps have been counted.
        """
        if not any(self._steps.values()):
            raise DataError("no gates have been captured; run a model whose cells have gates (lstm, gru) on a text")
        gates = []
        for name, sums in sorted(self._sums.items()):
            steps = max(1, self._steps[name])
            gates += [Gate(name, gate, l.numpy() / steps, r.numpy() / steps) for gate, (l, r) in sums.items()]
        return Saturation(gates, max(self._steps.values()), self.low, self.high)


@checked
def saturation(
    handle: LanguageModelHandle,
    text: str | Split,
    *,
    low: float = LOW,
    high: float = HIGH,
    window: Size = 256,
    lanes: Size = 1,
    progress: Progress | None = None,
) -> Saturation:
    """Compute the saturation of the gates of a language model on a text.

    Args:
        handle: a language model with LSTM or GRU cells.
        text: a text of any length; the gates of one window are in memory.
        low: threshold below which a gate is left-saturated.
        high: threshold above which a gate is right-saturated.
        window: steps at once.
        lanes: segments of the text read in parallel, each after a warm-up; faster than 1, which is exact.
        progress: called with the number of tokens read so far.

    Raises:
        ArgumentError: the model has no recurrent layers, or its cells have no gates.
    """
    first = next(stack_of(handle.model).cells)
    _, _, trace = first.step_traced(next(first.parameters()).new_zeros(1, first.input_size), first.initial_state(1))
    if not set(GATES) & trace.keys():
        remedy = f"an own cell names its gates {', '.join(GATES)} in step_traced"
        raise ArgumentError("model", "one with gates (lstm, gru)", type(first).__name__, remedy)
    counter = GateCounter(low=low, high=high)
    state: State = None
    done = 0
    with capture(handle.model, counter, chunk=window):
        for part, _ in windows_with_positions(as_split(handle, text), window, lanes):
            counter.only = part.counted
            _, state = log_probabilities(handle.model, part, state)
            done += int(part.counted.sum())
            if progress is not None:
                progress(done)
    return counter.result()


def by_gate(result: Saturation) -> Mapping[str, list[Gate]]:
    """Group the gates of all layers by name."""
    groups: dict[str, list[Gate]] = {}
    for gate in result.gates:
        groups.setdefault(gate.gate, []).append(gate)
    return groups
