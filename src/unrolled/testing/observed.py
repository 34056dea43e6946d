"""Look for the line of a cell's step that reads the values of a tensor or cuts the gradient, to name it as a cause."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..errors import user_code
from .subject import Subject

READS = ("__bool__", "__float__", "__int__", "__index__", "__array__", "item", "numpy", "tolist")
CUTS = ("detach",)
BY = {"__bool__": "a branch or bool()", "__array__": "numpy", "__float__": "float()", "__int__": "int()"}


class _Calls(TorchFunctionMode):
    """Records the first call of each of some methods of tensors, with the line of the user's code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        if name in (*READS, *CUTS):
            frame = sys._getframe(1)
            while frame is not None and not user_code(frame.f_code.co_filename):
                frame = frame.f_back  # type: ignore[assignment]
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}" if frame else ""
            if place:
                self.found.setdefault(name, place)
        return function(*args, **(kwargs or {}))


def cause(subject: Subject) -> tuple[str, str, str] | None:
    """Run a step and return what was expected, what happened and a remedy if it reads values or detaches a tensor."""
    state = subject.state(2)
    with warnings.catch_warnings(), torch.no_grad(), _Calls() as calls:
        warnings.simplefilter("ignore")
        try:
            subject.cell.step(subject.inputs(1, 2)[0], state, None)
        except Exception:
            return None
    for name in READS:
        if name in calls.found:
            expected = "step to compute without reading the values of a tensor"
            remedy = (
                "use operations of torch on whole tensors: torch.where in place of a branch, no .item() or .numpy()"
            )
            return expected, f"{BY.get(name, f'.{name}()')} reads them ({calls.found[name]})", remedy
    for name in CUTS:
        if name in calls.found:
            expected = "gradients to pass through every operation of step"
            return expected, f".{name}() cuts them ({calls.found[name]})", "remove it"
    return None


def random_numbers(subject: Subject) -> bool:
    """Whether a step draws random numbers from torch's generator."""
    x, state = subject.inputs(1, 2)[0], subject.state(2)
    before = torch.get_rng_state()
    subject.cell.step(x, state, None)
    return not torch.equal(before, torch.get_rng_state())
