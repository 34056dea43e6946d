"""A kernel's operator and every rule of differentiation: quick calls, vmap, gradients by kernels or by equations.

A family of kernels gives two operators and its cell's equations to `Kernel`; all that torch's transformations ask for
follows from these. See `watch` for who goes which way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch._library.custom_ops import CustomOpDef

from . import watch


def learning(tensors: Sequence[Any]) -> bool:
    """Whether a backward pass may follow. What requires a gradient inside a transformation cannot be seen outside."""
    return torch.is_grad_enabled() and (
        any(one is not None and one.requires_grad for one in tensors) or watch.transformed()
    )


Given = tuple[Any, ...]
Arguments = Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Given, Sequence[bool]], Given | None]
Equations = Callable[[Sequence[Any], Sequence[Any]], Sequence[Tensor | None]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """An operator and its backward, with every rule that torch's transformations need.

    operator       of ``tensors`` tensors and then options; gives a tuple of tensors
    backward       the operator of its backward pass
    tensors        so many arguments come first; ``differentiable`` of these may have a gradient
    kept           which of the results the backward pass reads
    arguments      ``(tensors, options, kept results, gradients by the results, needed)`` → what ``backward`` is called
                   with; `None` if it cannot do this
    equations      ``(tensors, options)`` → the same results by torch's own operations, `None` for those that have no
                   gradient; derivatives of any order and kind come from these
    internal       ``tensors`` → which of the results have no gradient
    """

    operator: CustomOpDef
    backward: CustomOpDef
    tensors: int
    differentiable: int
    kept: tuple[int, ...]
    arguments: Arguments
    equations: Equations
    internal: Callable[[Sequence[Any]], Sequence[int]] = lambda tensors: ()

    def __post_init__(self) -> None:
        self.operator.register_autograd(self.pull, setup_context=self.keep)
        register_vmap(self.operator)
        register_vmap(self.backward)

    def __call__(self, tensors: Sequence[Any], options: Sequence[Any], learning: bool) -> Any:
        """The results, by the least detour that whoever watches allows."""
        if not watch.watched(tensors):
            way = self.eager if learning else self.operator._init_fn
        elif learning and watch.asks_for_rules():
            way = self.transformable
        else:
            way = self.operator
        return way(*tensors, *options)

    @cached_property
    def eager(self) -> Callable[..., Any]:
        """Without the dispatcher's detour, which costs a small layer as much as its arithmetic."""
        kernel = self

        class Eager(torch.autograd.Function):
            @staticmethod
            def forward(
                ctx: Any, *args: Any
            ) -> Any:  # with a setup_context of its own, torch would look at the signature
                output = kernel.operator._init_fn(*args)
                kernel.keep(ctx, args, output)
                return output

            backward = staticmethod(kernel.pull)

        return Eager.apply

    @cached_property
    def transformable(self) -> Callable[..., Any]:
        """For the transformations of torch.func, which ask for a function of this form at every level."""
        kernel = self

        class Transformable(torch.autograd.Function):
            @staticmethod
            def forward(*args: Any) -> Any:
                return kernel.operator(*args)

            setup_context = staticmethod(kernel.keep)
            backward = staticmethod(kernel.pull_transformed)

            @staticmethod
            def vmap(info: Any, in_dims: Given, *args: Any) -> Any:
                return one_by_one(Transformable.apply, info, in_dims, *args)

        return Transformable.apply

    @cached_property
    def transformable_backward(self) -> Callable[..., Any]:
        """The backward pass in the same form; its own derivatives come from the equations."""
        kernel = self

        class TransformableBackward(torch.autograd.Function):
            @staticmethod
            def forward(plan: Plan, *args: Any) -> Any:
                arguments = kernel.arguments(*plan.parts(args))
                assert arguments is not None
                return kernel.backward(*arguments)

            @staticmethod
            def setup_context(ctx: Any, inputs: Given, output: Any) -> None:
                ctx.plan = inputs[0]
                ctx.save_for_backward(*inputs[1:])
                ctx.set_materialize_grads(False)

            @staticmethod
            def backward(ctx: Any, *given: Any) -> Any:
                plan, args = ctx.plan, ctx.saved_tensors
                tensors, options, kept, grads, needed = plan.parts(args)
                moving = [*grads, *tensors[: kernel.differentiable]]

                def first(*moved: Any) -> list[Tensor | None]:
                    every = [*moved[len(grads) :], *tensors[kernel.differentiable :]]
                    return pulled_back(kernel.equations, every, options, needed, moved[: len(grads)])

                needs = ctx.needs_input_grad[1:]
                begin = len(grads) + len(kept)
                wanted = [*needs[: len(grads)], *needs[begin : begin + kernel.differentiable]]
                found = pulled_back(lambda moved, _: first(*moved), moving, (), wanted, given)
                rest = [None] * (kernel.tensors - kernel.differentiable)
                return (None, *found[: len(grads)], *[None] * len(kept), *found[len(grads) :], *rest)

            @staticmethod
            def vmap(info: Any, in_dims: Given, *args: Any) -> Any:
                return one_by_one(TransformableBackward.apply, info, in_dims, *args)

        return TransformableBackward.apply

    def keep(self, ctx: Any, inputs: Given, output: tuple[Tensor, ...]) -> None:
        """What the backward pass will read."""
        tensors, ctx.options = inputs[: self.tensors], inputs[self.tensors :]
        ctx.save_for_backward(*tensors, *(output[i] for i in self.kept))
        ctx.mark_non_differentiable(*(output[i] for i in self.internal(tensors)))
        ctx.set_materialize_grads(False)

    def kept_by(self, ctx: Any) -> tuple[Given, Given]:
        """The tensors and the results that `keep` kept; recomputing allows for asking once."""
        saved = ctx.saved_tensors
        return saved[: self.tensors], saved[self.tensors :]

    def pull(self, ctx: Any, *grads: Any) -> Given:
        """The backward pass: by its kernel, or through the equations where that cannot do what is asked."""
        tensors, kept = self.kept_by(ctx)
        watched = watch.watched([*grads, *tensors])
        if watched and watch.transformed():
            return self._pull_transformed(ctx, tensors, kept, grads)
        needed = ctx.needs_input_grad[: self.differentiable]
        arguments = None
        if not (torch.is_grad_enabled() or watch.vectorised() or (watched and watch.no_kernel())):
            arguments = self.arguments(tensors, ctx.options, kept, grads, needed)
        if arguments is None:
            found = through(self.equations, tensors, ctx.options, needed, grads)
        else:
            found = (self.backward if watched else self.backward._init_fn)(*arguments)
        return self.only(found, needed, ctx.options)

    def pull_transformed(self, ctx: Any, *grads: Any) -> Given:
        """The backward pass as a function that transformations see through."""
        return self._pull_transformed(ctx, *self.kept_by(ctx), grads)

    def _pull_transformed(self, ctx: Any, tensors: Given, kept: Given, grads: Given) -> Given:
        needed = tuple(ctx.needs_input_grad[: self.differentiable])
        found: Any
        if watch.no_kernel() is None and self.arguments(tensors, ctx.options, kept, grads, needed) is not None:
            plan = Plan(tuple(ctx.options), needed, len(grads), len(kept))
            found = self.transformable_backward(plan, *grads, *kept, *tensors)
        else:
            found = pulled_back(self.equations, tensors, ctx.options, needed, grads)
        return self.only(found, needed, ctx.options)

    def only(self, found: Sequence[Any], needed: Sequence[bool], options: Sequence[Any]) -> Given:
        """Gradients by what needs one, and none by everything else."""
        gradients = [one if wanted else None for one, wanted in zip(found, needed, strict=True)]
        return (*gradients, *[None] * (self.tensors - self.differentiable + len(options)))


@dataclass(frozen=True, eq=False)
class Plan:
    """What of a backward pass is no tensor."""

    options: Given
    needed: tuple[bool, ...]
    grads: int
    kept: int

    def parts(self, args: Given) -> tuple[list[Any], Given, Given, Given, tuple[bool, ...]]:
        """Tensors, options, kept results, gradients by the results, and what is needed."""
        grads, kept, tensors = args[: self.grads], args[self.grads :][: self.kept], args[self.grads + self.kept :]
        return list(tensors), self.options, kept, grads, self.needed


def register_vmap(operator: Any) -> None:
    """vmap by a loop: each slice is a whole sequence, so there is little to win by merging them into one batch."""
    operator.register_vmap(partial(one_by_one, operator))


def one_by_one(function: Callable[..., Any], info: Any, in_dims: Given, *args: Any) -> Any:
    """The results for every slice, stacked; as a rule for vmap."""
    if not info.batch_size:  # no slice tells what would come out: one of zeros does
        zeros = (
            a if d is None else a.new_zeros([*a.shape[:d], *a.shape[d + 1 :]])
            for a, d in zip(args, in_dims, strict=True)
        )
        outputs = tuple(one.new_empty(0, *one.shape) for one in function(*zeros))
        return outputs, tuple(0 for _ in outputs)
    slices = [
        function(*(a if dim is None else a.select(dim, i) for a, dim in zip(args, in_dims, strict=True)))
        for i in range(info.batch_size)
    ]
    outputs = tuple(torch.stack(parts) for parts in zip(*slices, strict=True))
    return outputs, tuple(0 for _ in outputs)


def through(
    equations: Equations, tensors: Sequence[Any], options: Sequence[Any], needed: Sequence[bool], given: Sequence[Any]
) -> list[Tensor | None]:
    """Gradients by those of the tensors that are needed, from those ``given`` by the equations' results.

    In a second pass they are differentiable in turn. The equations read views, so that gradients stop here and yet can
    flow on to where these tensors came from.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        some: list[Any] = [
            t if t is None or not want else t.view_as(t) if again else t.detach().requires_grad_()
            for t, want in zip(tensors, [*needed, *[False] * (len(tensors) - len(needed))], strict=True)
        ]
        pairs = [(r, d) for r, d in zip(equations(some, options), given, strict=False) if not (r is None or d is None)]
        wanted = [t for t, want in zip(some, needed, strict=False) if want and t is not None]
        found = iter(
            torch.autograd.grad(
                [r for r, _ in pairs], wanted, [d for _, d in pairs], create_graph=again, allow_unused=True
            )
            if pairs
            else [None] * len(wanted)
        )
        return [next(found) if want and t is not None else None for t, want in zip(some, needed, strict=False)]


def pulled_back(
    equations: Equations, tensors: Sequence[Any], options: Sequence[Any], needed: Sequence[bool], given: Sequence[Any]
) -> list[Tensor | None]:
    """As `through`, by torch.func, which works within its own transformations."""
    at = [i for i, want in enumerate(needed) if want and tensors[i] is not None]
    found: list[Tensor | None] = [None] * len(needed)
    used: list[Tensor] = []  # of what is given

    def function(*moved: Tensor) -> tuple[Tensor, ...]:
        every = list(tensors)
        for i, one in zip(at, moved, strict=True):
            every[i] = one
        pairs = [(r, d) for r, d in zip(equations(every, options), given, strict=False) if not (r is None or d is None)]
        used[:] = [d for _, d in pairs]
        return tuple(r for r, _ in pairs)

    if at and any(one is not None for one in given):
        vjp: Any = torch.func.vjp  # its annotation allows for a third result
        _, pull = vjp(function, *(tensors[i] for i in at))
        for i, one in zip(at, pull(tuple(used)), strict=True):
            found[i] = one
    return found
