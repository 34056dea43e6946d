"""Checks of derivatives of every kind: forward mode, torch.func's transformations, several gradients at once.

Each is compared, in float64, with central differences along a random direction u of all inputs, states and parameters:

    (1)  J u    ≈ (f(x + εu) − f(x − εu)) / 2ε                       jvp, jacfwd, and jacrev by its product with u
    (2)  wᵀJ u  ≈ w · (f(x + εu) − f(x − εu)) / 2ε                   grad, vjp

The Hessian's product with u is compared with the derivative of ∇l · u, l = Σ w f², by two backward passes. (Another
check compares these with finite differences, which are too rough where layer norm meets nearly equal numbers.)
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
CLOSE = 1e-6  # of the largest number: central differences in float64 are good to about 1e-9
_UNUSED: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}  # a learned initial state, for one
REMEDY = "use operations with rules for every transformation, and no detach() or custom backward without one, in step"


def pushed_forward(function: Function, given: Sequence[Tensor]) -> None:
    """``torch.func.jvp``, and dual tensors without gradients (1)."""
    u = _directions(given)
    wanted = _differences(function, given, u)
    got = jvp(function, tuple(given), tuple(u))[1]
    require_close(got, wanted, "torch.func.jvp to agree with finite differences", REMEDY, CLOSE)
    with torch.no_grad(), forward_ad.dual_level():
        results = function(*(forward_ad.make_dual(x, v) for x, v in zip(given, u, strict=True)))
        tangents = [forward_ad.unpack_dual(result).tangent for result in results]
        tangents = [torch.zeros_like(w) if t is None else t for t, w in zip(tangents, wanted, strict=True)]
    require_close(tangents, wanted, "dual tensors under no_grad to agree with finite differences", REMEDY, CLOSE)


def differentiated(function: Function, given: Sequence[Tensor]) -> None:
    """``torch.func.grad`` (2)."""
    u, loss = _directions(given), _loss(function)
    got = _along(grad(loss, argnums=tuple(range(len(given))))(*given), u)
    (wanted,) = _differences(lambda *x: (loss(*x),), given, u)
    require_close(got, wanted, "torch.func.grad to agree with finite differences", REMEDY, CLOSE)


def pulled_back(function: Function, given: Sequence[Tensor]) -> None:
    """``torch.func.vjp`` (2)."""
    u = _directions(given)
    results, pull = vjp(function, *given)[:2]
    w = _directions(results)
    wanted = sum((a * b).sum() for a, b in zip(_differences(function, given, u), w, strict=True))
    got = _along(pull(tuple(w)), u)
    require_close(got, wanted, "torch.func.vjp to agree with finite differences", REMEDY, CLOSE)


def jacobians(transform: Any) -> Callable[[Function, Sequence[Tensor]], None]:
    """A check of ``torch.func.jacrev`` or ``jacfwd`` (1)."""

    def check(function: Function, given: Sequence[Tensor]) -> None:
        u = _directions(given)
        found = transform(function, argnums=tuple(range(len(given))))(*given)
        got = [
            sum((J * v).flatten(len(J.shape) - v.dim()).sum(-1) for J, v in zip(row, u, strict=True)) for row in found
        ]
        wanted, name = _differences(function, given, u), transform.__name__
        require_close(got, wanted, f"torch.func.{name} to agree with finite differences", REMEDY, CLOSE)

    check.__doc__ = f"``torch.func.{transform.__name__}`` (1)."
    return check


def curvature(function: Function, given: Sequence[Tensor]) -> None:
    """``torch.func.hessian`` gives what two backward passes give."""
    u, loss = _directions(given), _loss(function)
    every = tuple(range(len(given)))
    found = hessian(loss, argnums=every)(*given)
    got = [sum((H * v).flatten(len(H.shape) - v.dim()).sum(-1) for H, v in zip(row, u, strict=True)) for row in found]
    inputs = [x.detach().clone().requires_grad_() for x in given]
    slope = _along(torch.autograd.grad(loss(*inputs), inputs, create_graph=True, **_UNUSED), u)
    wanted = torch.autograd.grad(slope, inputs, **_UNUSED)
    require_close(got, wanted, "torch.func.hessian to give what two backward passes give", REMEDY)


def several_at_once(function: Function, given: Sequence[Tensor]) -> None:
    """``torch.autograd.grad(is_grads_batched=True)`` gives what gradients one by one give."""
    inputs = [x.requires_grad_() for x in (one.detach().clone() for one in given)]
    results = function(*inputs)
    vectors = [torch.randn(3, *result.shape, dtype=result.dtype) for result in results]

    def gradients(*of: Tensor, **how: Any) -> tuple[Tensor, ...]:
        return torch.autograd.grad(results, inputs, of, retain_graph=True, allow_unused=True, **how)

    single = zip(*(gradients(*v) for v in zip(*vectors, strict=True)), strict=True)
    wanted = [torch.stack(each) for each in single if each[0] is not None]
    got = [one for one in gradients(*vectors, is_grads_batched=True) if one is not None]
    require_close(got, wanted, "gradients taken at once to be those taken one by one", REMEDY)


def vmapped(subject: Subject) -> None:
    """``vmap`` of ``grad`` and of ``jvp`` over single sequences gives what the batch gives, by weights too."""
    scanner, inputs = Scanner(subject), subject.inputs(STEPS, LANES)
    leaves, form = tree_flatten(subject.state(LANES))
    names, weights = zip(*((name, one.detach()) for name, one in scanner.named_parameters()), strict=True)
    L = len(leaves)

    def batch(x: Tensor, *rest: Tensor) -> list[Tensor]:  # x (T, B, I), leaves (B, …), weights
        parameters = dict(zip(names, rest[L:], strict=True))
        return real_leaves(functional_call(scanner, parameters, (x, tree_unflatten(list(rest[:L]), form))))

    def one(x: Tensor, *rest: Tensor) -> list[Tensor]:  # x (T, I), leaves (…), weights
        return batch(x[:, None], *(leaf[None] for leaf in rest[:L]), *rest[L:])

    def squares(results: Sequence[Tensor]) -> Tensor:
        return torch.stack([result.square().sum() for result in results]).sum()

    given, lanes = (inputs, *leaves, *weights), (1, *[0] * L, *[None] * len(weights))
    real = tuple(i for i, tensor in enumerate(given) if tensor.is_floating_point())
    found = vmap(grad(lambda *lane: squares(one(*lane)), argnums=real), in_dims=lanes)(*given)
    got = [g.transpose(0, 1) if not i else g if i <= L else g.sum(0) for i, g in zip(real, found, strict=True)]
    wanted = grad(lambda *x: squares(batch(*x)), argnums=real)(*given)
    require_close(got, wanted, "vmap of grad over single sequences to give what the batch gives", REMEDY)

    def tangent(x: Tensor, v: Tensor, *rest: Tensor) -> Tensor:
        return jvp(lambda x: one(x, *rest)[0][:, 0], (x,), (v,))[1]

    u = torch.randn_like(inputs)
    pushed = vmap(tangent, in_dims=(1, 1, *lanes[1:]), out_dims=1)(inputs, u, *given[1:])
    whole = jvp(lambda x: batch(x, *given[1:])[0], (inputs,), (u,))[1]
    require_close(pushed, whole, "vmap of jvp over single sequences to give what the batch gives", REMEDY)


def traced(subject: Subject) -> None:
    """``torch.jit.trace`` gives a module that is right for other numbers of steps and lanes, or is refused."""
    form = tree_flatten(subject.state(LANES))[1]

    class Flat(nn.Module):  # a traced module takes tensors, and no tuples with names
        def __init__(self) -> None:
            super().__init__()
            self.scanner = Scanner(subject)

        def forward(self, inputs: Tensor, *leaves: Tensor) -> list[Tensor]:
            return tree_leaves(self.scanner(inputs, tree_unflatten(list(leaves), form)))

    def given(T: int, B: int) -> tuple[Tensor, ...]:
        return (subject.inputs(T, B), *tree_leaves(subject.state(B)))

    run = Flat()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks of shapes, and that tracing is old
        module = torch.jit.trace(run, given(STEPS, LANES), check_trace=False)
        for T, B in ((STEPS, LANES), (STEPS + 3, LANES + 1)):
            some, expected = given(T, B), f"the traced scan to give the same for {T} steps of {B} lanes"
            require_close(module(*some), run(*some), expected, REMEDY)


def of_scan(check: Callable[[Function, Sequence[Tensor]], None]) -> Callable[[Subject], None]:
    """A check of a function as one of a cell's ``scan``, over two steps."""

    def run(subject: Subject) -> None:
        check(*flat(subject, STEPS, LANES))

    run.__doc__ = check.__doc__
    return run


def _loss(function: Function) -> Callable[..., Tensor]:
    """Σ w f², with another w for every number of the results."""

    def loss(*x: Tensor) -> Tensor:
        results = function(*x)
        parts = [(torch.arange(1, r.numel() + 1, dtype=r.dtype).view_as(r).cos() * r.square()).sum() for r in results]
        return torch.stack(parts).sum()

    return loss


def _directions(given: Sequence[Tensor]) -> list[Tensor]:
    return [torch.randn_like(one) for one in given]


def _along(gradients: Sequence[Tensor], u: Sequence[Tensor]) -> Tensor:
    return torch.stack([(g * v).sum() for g, v in zip(gradients, u, strict=True)]).sum()


def _differences(function: Function, given: Sequence[Tensor], u: Sequence[Tensor]) -> list[Tensor]:
    """(1) by central differences."""
    before, after = (function(*(x + sign * EPSILON * v for x, v in zip(given, u, strict=True))) for sign in (-1, 1))
    return [((b - a) / (2 * EPSILON)).detach() for a, b in zip(before, after, strict=True)]
