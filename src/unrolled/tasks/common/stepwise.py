"""Single steps of a recurrent model: for streaming inputs, and for export."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...cells import State
from ...layers import Stack


class Step(nn.Module):
    """One step, ``x (B, …), state -> output (B, …), state``, of a sequence model ``inputs (T, B, …), state``."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs, state = self.model(x[None], state)
        return outputs[0], state


class Stepwise:
    """The `Streaming` of a model that has an output at every step and none at the end.

    Args:
        model: ``inputs (T, B, …), state -> (outputs (T, B, …), state)``, with ``initial_state(B)``.
        lanes: B, the number of streams; a lane is a batch row that carries its state from step to step.
    """

    def __init__(self, model: Any, lanes: int = 1) -> None:
        self.model, self.lanes, self._step = model, lanes, Step(model)

    def initial_state(self) -> State:
        """Return the state before the first step."""
        state: State = self.model.initial_state(self.lanes)
        return state

    @torch.no_grad()
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the outputs ``(B, …)`` of one step ``x (B, …)``, and the state after it."""
        output, state = self._step(x, state)
        return output, state

    def finish(self, state: State) -> None:
        """Do nothing: every output was returned by `step`."""


def state_names(stack: Stack) -> tuple[str, ...]:
    """Return the names of the leaves of a stack's state, in order: ``layer 1 h``, ``layer 1 c``, …"""
    names = []
    for number, state in enumerate(stack.initial_state(1)):
        layer = f"layer {number // stack.num_directions + 1}{' backward' if number % stack.num_directions else ''}"
        names += [f"{layer} {name}" for name in getattr(state, "_fields", ("state",))]
    return tuple(names)
