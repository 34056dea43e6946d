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

SLOW_LIMIT = 600  # elements; with more, finite differences are taken along random directions only


def gradients(subject: Subject) -> None:
    """Gradients with respect to inputs, state and parameters agree with finite differences (float64)."""
    function, args = flat(subject, 3, 2)
    args = [arg.requires_grad_() for arg in args]
    fast = sum(arg.numel() for arg in args) > SLOW_LIMIT
    _differences(gradcheck, function, args, fast, "gradients")


def double_backward(subject: Subject) -> None:
    """Second derivatives agree with finite differences (float64), and exist in float32."""
    function, args = flat(subject, 3, 2)
    args = [arg.requires_grad_() for arg in args]
    _differences(gradgradcheck, function, args, True, "second derivatives")
    cell = copy.deepcopy(subject.cell).float()
    inputs = subject.inputs(3, 2).float().requires_grad_()
    outputs, _ = scan(cell, inputs, backend=subject.backend)
    (first,) = torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)
    if first.requires_grad:
        torch.autograd.grad(first.square().sum(), inputs, allow_unused=True)


def evaluation_gradients(subject: Subject) -> None:
    """Gradients reach the inputs in evaluation mode too, as saliency needs."""
    cell = copy.deepcopy(subject.cell).float().eval()
    inputs = subject.inputs(3, 2).float().requires_grad_()
    outputs, _ = scan(cell, inputs, backend=subject.backend)
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs)
    require(
        bool(gradient.isfinite().all()) and bool(gradient.abs().sum() > 0),
        "finite gradients that are not all zero",
        f"their largest is {float(gradient.abs().max()):.2g}",
        "don't detach or disable gradients inside step",
    )


def _differences(check: Any, function: Any, args: list[Tensor], fast: bool, label: str) -> None:
    """Run ``gradcheck`` or ``gradgradcheck``; raise `Failure` if it fails."""
    try:
        check(function, args, fast_mode=fast, check_undefined_grad=False)
    except RuntimeError as error:  # the base class of GradcheckError
        if type(error).__name__ != "GradcheckError":
            raise
        first = str(error).strip().splitlines()[0].rstrip(",. ")
        remedy = "look for a custom backward, a detach() or .data in step"
        raise Failure(f"{label} that agree with finite differences", first, remedy) from error
