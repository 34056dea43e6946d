"""Checks of gradients: finite differences, second derivatives, evaluation mode."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ..scan import scan
from .report import Failure
from .subject import Subject, flat, require

SLOW_LIMIT = 600  # numbers; beyond, finite differences are taken along random directions only


def gradients(subject: Subject) -> None:
    """Gradients by inputs, state and parameters agree with finite differences (float64)."""
    function, given = flat(subject, 3, 2)
    given = [one.requires_grad_() for one in given]
    fast = sum(tensor.numel() for tensor in given) > SLOW_LIMIT
    _differences(gradcheck, function, given, fast, "gradients")


def double_backward(subject: Subject) -> None:
    """Gradients of gradients agree with finite differences (float64), and exist in float32."""
    function, given = flat(subject, 3, 2)
    given = [one.requires_grad_() for one in given]
    _differences(gradgradcheck, function, given, True, "second derivatives")
    cell = copy.deepcopy(subject.cell).float()
    inputs = subject.inputs(3, 2).float().requires_grad_()
    outputs, _ = scan(cell, inputs, backend=subject.backend)
    (first,) = torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)
    if first.requires_grad:
        torch.autograd.grad(first.square().sum(), inputs, allow_unused=True)


def evaluation_gradients(subject: Subject) -> None:
    """In evaluation mode, too, gradients reach the inputs (saliency needs them)."""
    cell = copy.deepcopy(subject.cell).float().eval()
    inputs = subject.inputs(3, 2).float().requires_grad_()
    outputs, _ = scan(cell, inputs, backend=subject.backend)
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs)
    require(
        bool(gradient.isfinite().all()) and bool(gradient.abs().sum() > 0),
        "finite gradients that are not all zero",
        f"their largest is {float(gradient.abs().max()):.2g}",
        "don't detach or switch gradients off inside step",
    )


def _differences(check: Any, function: Any, given: list[Tensor], fast: bool, what: str) -> None:
    try:
        check(function, given, fast_mode=fast, check_undefined_grad=False)
    except RuntimeError as error:  # GradcheckError is one
        if type(error).__name__ != "GradcheckError":
            raise
        first = str(error).strip().splitlines()[0]
        remedy = "look for a custom backward, a detach() or .data in step"
        raise Failure(f"{what} that agree with finite differences", first, remedy) from error
