"""How much of the time each gate is all but shut, or all but open (Karpathy, Johnson and Fei-Fei 2015, figure 2).

    left_u  = |{t : gate_t[u] < 0.1}| / T          right_u = |{t : gate_t[u] > 0.9}| / T

A forget gate that is right-saturated carries its memory on; units near the origin are used as on a scale, and those on
the diagonal left + right = 1 as switches.
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
from .text_windows import LanguageModelHandle, Progress, as_split, log_probabilities, placed
from .units import stack_of

# T steps, B lanes, H units

GATES = ("i", "f", "o", "r", "z")  # those of the built-in cells that lie between 0 and 1
LOW, HIGH = 0.1, 0.9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gate:
    """One gate of one layer and direction: ``left`` and ``right (H,)``, each unit's shares of time."""

    recurrence: str
    gate: str
    left: Floats
    right: Floats


@dataclass(frozen=True)
class Saturation:
    """Every gate, in the order of the layers; ``steps`` were looked at."""

    gates: list[Gate]
    steps: int
    low: float = LOW
    high: float = HIGH

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        gates = [
            {"recurrence": one.recurrence, "gate": one.gate, "left": one.left.tolist(), "right": one.right.tolist()}
            for one in self.gates
        ]
        return {"low": self.low, "high": self.high, "steps": self.steps, "gates": gates}


class GateCounter:
    """A sink for `capture` that counts; for any model.

        counter = GateCounter()
        with capture(model, counter):
            model(inputs)
        counter.result()

    Steps past a sequence's end, where a trace is zero throughout, are left out.

    Args:
        gates: the names of those to be counted; others are ignored.
        low: a gate is saturated below it.
        high: a gate is saturated above it.

    Raises:
        ArgumentError: the two are not in order.
    """

    def __init__(self, gates: tuple[str, ...] = GATES, *, low: float = LOW, high: float = HIGH) -> None:
        if not low < high:
            raise ArgumentError("low", f"less than high ({high})", low)
        self.gates, self.low, self.high = gates, low, high
        self.only: Tensor | None = None  # (T, B) of the next pass: the steps that count
        self._sums: dict[str, dict[str, tuple[Tensor, Tensor]]] = {}
        self._steps: dict[str, int] = {}

    def __call__(self, name: str, begin: int, trace: Trace) -> None:
        some = {gate: trace[gate] for gate in self.gates if gate in trace}
        if not some:
            return
        T = next(iter(some.values())).size(0)
        counted = torch.stack([(values != 0).any(-1) for values in some.values()]).any(0)  # (T, B)
        if self.only is not None:
            counted = counted & self.only[begin : begin + T].to(counted.device)
        sums = self._sums.setdefault(name, {})
        for gate, values in some.items():
            inside = values[counted]  # (N, H)
            new = (inside < self.low).sum(0).cpu(), (inside > self.high).sum(0).cpu()
            old = sums.get(gate)
            sums[gate] = new if old is None else (old[0] + new[0], old[1] + new[1])
        self._steps[name] = self._steps.get(name, 0) + int(counted.sum())

    def result(self) -> Saturation:
        """What has been counted so far.

        Raises:
            DataError: nothing has.
        """
        if not any(self._steps.values()):
            raise DataError("no gate has been seen; run a model whose cells have gates (lstm, gru) over some text")
        found = []
        for name, sums in sorted(self._sums.items()):
            steps = max(1, self._steps[name])
            found += [Gate(name, gate, l.numpy() / steps, r.numpy() / steps) for gate, (l, r) in sums.items()]
        return Saturation(found, max(self._steps.values()), self.low, self.high)


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
    """A language model's gates while it reads a text.

    Args:
        handle: of a model with LSTM or GRU cells.
        text: of any length; no more than a window of gates is in memory.
        low: a gate is saturated below it.
        high: a gate is saturated above it.
        window: steps at once.
        lanes: parts of the text read side by side, faster; each is warmed up on the symbols before it.
        progress: told how many symbols have been read.

    Raises:
        ArgumentError: the model has no recurrent layers, or they have no gates.
    """
    first = next(stack_of(handle.model).cells)
    _, _, trace = first.step_traced(next(first.parameters()).new_zeros(1, first.input_size), first.initial_state(1))
    if not set(GATES) & trace.keys():
        raise ArgumentError("model", "one with gates (lstm, gru)", type(first).__name__)
    counter = GateCounter(low=low, high=high)
    state: State = None
    done = 0
    with capture(handle.model, counter, chunk=window):
        for part, _ in placed(as_split(handle, text), window, lanes):
            counter.only = part.counted
            _, state = log_probabilities(handle.model, part, state)
            done += int(part.counted.sum())
            if progress is not None:
                progress(done)
    return counter.result()


def by_gate(result: Saturation) -> Mapping[str, list[Gate]]:
    """The same, sorted by the gates' names."""
    found: dict[str, list[Gate]] = {}
    for one in result.gates:
        found.setdefault(one.gate, []).append(one)
    return found
