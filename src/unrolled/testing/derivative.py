"""Checks of derivatives: forward mode, the transformations of torch.func, batched gradients.

Each is compared, in float64, with central differences along a random direction u of all inputs, states and parameters:

    (1)  J u    ≈ (f(x + εu) − f(x − εu)) / 2ε                       jvp, jacfwd, and jacrev by its product with u
    (2)  wᵀJ u  ≈ w · (f(x + εu) − f(x − εu)) / 2ε                   grad, vjp

The product of the Hessian with u is compared with the derivative of ∇l · u, l = Σ w f², by two backward passes.
(Another check compares these with finite differences, which are too inaccurate for layer norm over nearly equal
numbers.)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jvp, vjp, vmap
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from .subject import Function, Scanner, Subject, flat, real_leaves, require_close

STEPS, LANES = 2, 2
EPSILON = 1e-6
CLOSE = 1e-6  # relative to the largest number; central differences in float64 are accurate to about 1e-9
_UNUSED: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}  # e.g. a learned initial state
REMEDY = "use operations with rules for every transformation, and no detach() or custom backward without one, in step"


def pushed_forward(function: Function, args: Sequence[Tensor]) -> None:
    """``torch.func.jvp``, and dual tensors under no_grad (1)."""
    u = _directions(args)
    expected = _differences(function, args, u)
    received = jvp(function, tuple(args), tuple(u))[1]
    require_close(received, expected, "torch.func.jvp to agree with finite differences", REMEDY, CLOSE)
    with torch.no_grad(), forward_ad.dual_level():
        results = function(*(forward_ad.make_dual(x, v) for x, v in zip(args, u, strict=True)))
        tangents = [forward_ad.unpack_dual(result).tangent for result in results]
        tangents = [torch.zeros_like(w) if t is None else t for t, w in zip(tangents, expected, strict=True)]
    require_close(tangents, expected, "dual tensors under no_grad to agree with finite differences", REMEDY, CLOSE)


def differentiated(function: Function, args: Sequence[Tensor]) -> None:
    """``torch.func.grad`` (2)."""
    u, loss = _directions(args), _loss(function)
    received = _along(grad(loss, argnums=tuple(range(len(args))))(*args), u)
    (expected,) = _differences(lambda *x: (loss(*x),), args, u)
    require_close(received, expected, "torch.func.grad to agree with finite differences", REMEDY, CLOSE)


def pulled_back(function: Function, args: Sequence[Tensor]) -> None:
    """``torch.func.vjp`` (2)."""
    u = _directions(args)
    results, pull = vjp(function, *args)[:2]
    w = _directions(results)
    expected = sum((a * b).sum() for a, b in zip(_differences(function, args, u), w, strict=True))
    received = _along(pull(tuple(w)), u)
    require_close(received, expected, "torch.func.vjp to agree with finite differences", REMEDY, CLOSE)


def jacobians(transform: Any) -> Callable[[Function, Sequence[Tensor]], None]:
    """A check of ``torch.func.jacrev`` or ``jacfwd`` (1)."""

    def check(function: Function, args: Sequence[Tensor]) -> None:
        u = _directions(args)
        rows = transform(function, argnums=tuple(range(len(args))))(*args)
        received = [
            sum((J * v).flatten(len(J.shape) - v.dim()).sum(-1) for J, v in zip(row, u, strict=True)) for row in rows
        ]
        expected, name = _differences(function, args, u), transform.__name__
        require_close(received, expected, f"torch.func.{name} to agree with finite differences", REMEDY, CLOSE)

    check.__doc__ = f"``torch.func.{transform.__name__}`` (1)."
    return check


def curvature(function: Function, args: Sequence[Tensor]) -> None:
    """``torch.func.hessian`` gives what two backward passes give."""
    u, loss = _directions(args), _loss(function)
    rows = hessian(loss, argnums=tuple(range(len(args))))(*args)
    received = [
        sum((H * v).flatten(len(H.shape) - v.dim()).sum(-1) for H, v in zip(row, u, strict=True)) for row in rows
    ]
    inputs = [x.detach().clone().requires_grad_() for x in args]
    slope = _along(torch.autograd.grad(loss(*inputs), inputs, create_graph=True, **_UNUSED), u)
    expected = torch.autograd.grad(slope, inputs, **_UNUSED)
    require_close(received, expected, "torch.func.hessian to give what two backward passes give", REMEDY)


def batched_gradients(function: Function, args: Sequence[Tensor]) -> None:
    """``torch.autograd.grad(is_grads_batched=True)`` gives the same as separate calls."""
    inputs = [x.detach().clone().requires_grad_() for x in args]
    results = function(*inputs)
    vectors = [torch.randn(3, *result.shape, dtype=result.dtype) for result in results]

    def gradients(*grad_outputs: Tensor, **options: Any) -> tuple[Tensor, ...]:
        return torch.autograd.grad(results, inputs, grad_outputs, retain_graph=True, allow_unused=True, **options)

    single = zip(*(gradients(*v) for v in zip(*vectors, strict=True)), strict=True)
    expected = [torch.stack(each) for each in single if each[0] is not None]
    received = [gradient for gradient in gradients(*vectors, is_grads_batched=True) if gradient is not None]
    require_close(received, expected, "batched gradients to equal those of separate calls", REMEDY)


def vmapped(subject: Subject) -> None:
    """``vmap`` of ``grad`` and ``jvp`` over single sequences gives the same as the batch, also for the weights."""
    scanner, inputs = Scanner(subject), subject.inputs(STEPS, LANES)
    leaves, form = tree_flatten(subject.state(LANES))
    names, weights = zip(*((name, weight.detach()) for name, weight in scanner.named_parameters()), strict=True)
    L = len(leaves)

    def batch(x: Tensor, *rest: Tensor) -> list[Tensor]:  # x (T, B, I), leaves (B, …), weights
        parameters = dict(zip(names, rest[L:], strict=True))
        return real_leaves(functional_call(scanner, parameters, (x, tree_unflatten(list(rest[:L]), form))))

    def single(x: Tensor, *rest: Tensor) -> list[Tensor]:  # x (T, I), leaves (…), weights
        return batch(x[:, None], *(leaf[None] for leaf in rest[:L]), *rest[L:])

    def squares(results: Sequence[Tensor]) -> Tensor:
        return torch.stack([result.square().sum() for result in results]).sum()

    args, lanes = (inputs, *leaves, *weights), (1, *[0] * L, *[None] * len(weights))
    real = tuple(i for i, tensor in enumerate(args) if tensor.is_floating_point())
    grads = vmap(grad(lambda *lane: squares(single(*lane)), argnums=real), in_dims=lanes)(*args)
    received = [g.transpose(0, 1) if not i else g if i <= L else g.sum(0) for i, g in zip(real, grads, strict=True)]
    expected = grad(lambda *x: squares(batch(*x)), argnums=real)(*args)
    require_close(received, expected, "vmap of grad over single sequences to give what the batch gives", REMEDY)

    def tangent(x: Tensor, v: Tensor, *rest: Tensor) -> Tensor:
        return jvp(lambda x: single(x, *rest)[0][:, 0], (x,), (v,))[1]

    u = torch.randn_like(inputs)
    pushed = vmap(tangent, in_dims=(1, 1, *lanes[1:]), out_dims=1)(inputs, u, *args[1:])
    whole = jvp(lambda x: batch(x, *args[1:])[0], (inputs,), (u,))[1]
    require_close(pushed, whole, "vmap of jvp over single sequences to give what the batch gives", REMEDY)


def traced(subject: Subject) -> None:
    """``torch.jit.trace`` returns a module that is correct for other numbers of steps and lanes, or raises an error."""
    form = tree_flatten(subject.state(LANES))[1]

    class Flat(nn.Module):  # a traced module takes tensors only, no named tuples
        def __init__(self) -> None:
            super().__init__()
            self.scanner = Scanner(subject)

        def forward(self, inputs: Tensor, *leaves: Tensor) -> list[Tensor]:
            return tree_leaves(self.scanner(inputs, tree_unflatten(list(leaves), form)))

    def arguments(T: int, B: int) -> tuple[Tensor, ...]:
        return (subject.inputs(T, B), *tree_leaves(subject.state(B)))

    run = Flat()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about shape checks, and that tracing is deprecated
        module = torch.jit.trace(run, arguments(STEPS, LANES), check_trace=False)
        for T, B in ((STEPS, LANES), (STEPS + 3, LANES + 1)):
            inputs, message = arguments(T, B), f"the traced scan to give the same for {T} steps of {B} lanes"
            require_close(module(*inputs), run(*inputs), message, REMEDY)


def of_scan(check: Callable[[Function, Sequence[Tensor]], None]) -> Callable[[Subject], None]:
    """Turn a check of a function into one of ``scan`` over two steps of a cell."""

    def run(subject: Subject) -> None:
        check(*flat(subject, STEPS, LANES))

    run.__doc__ = check.__doc__
    return run


def _loss(function: Function) -> Callable[..., Tensor]:
    """Return the loss Σ w f², with a different w for every element of the results."""

    def loss(*x: Tensor) -> Tensor:
        results = function(*x)
        parts = [(torch.arange(1, r.numel() + 1, dtype=r.dtype).view_as(r).cos() * r.square()).sum() for r in results]
        return torch.stack(parts).sum()

    return loss


def _directions(args: Sequence[Tensor]) -> list[Tensor]:
    return [torch.randn_like(arg) for arg in args]


def _along(gradients: Sequence[Tensor], u: Sequence[Tensor]) -> Tensor:
    return torch.stack([(g * v).sum() for g, v in zip(gradients, u, strict=True)]).sum()


def _differences(function: Function, args: Sequence[Tensor], u: Sequence[Tensor]) -> list[Tensor]:
    """Compute (1) by central differences."""
    before, after = (function(*(x + sign * EPSILON * v for x, v in zip(args, u, strict=True))) for sign in (-1, 1))
    return [((b - a) / (2 * EPSILON)).detach() for a, b in zip(before, after, strict=True)]
