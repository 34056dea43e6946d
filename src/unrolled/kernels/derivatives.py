"""Differentiation rules of the kernels' operators: fast calls, vmap, gradients from kernels or equations.

`Kernel` takes the two operators of a family of kernels and the equations of its cell, and derives every rule that
torch's transformations need. `watch` describes which feature of torch takes which path.
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


def needs_backward(tensors: Sequence[Any]) -> bool:
    """Whether a backward pass may follow; always true within transformations, which hide ``requires_grad``."""
    return torch.is_grad_enabled() and (
        any(tensor is not None and tensor.requires_grad for tensor in tensors) or watch.transformed()
    )


Args = tuple[Any, ...]
Arguments = Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Args, Sequence[bool]], Args | None]
Equations = Callable[[Sequence[Any], Sequence[Any]], Sequence[Tensor | None]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """An operator and its backward, with every rule that torch's transformations need.

    operator        takes ``tensors`` tensors and then options; returns a tuple of tensors
    backward        the operator of its backward pass
    tensors         number of tensor arguments
    differentiable  number of leading tensor arguments that may have a gradient
    kept            indices of the results that the backward pass reads
    arguments       ``(tensors, options, kept results, gradients of the results, needed)`` → the arguments of
                    ``backward``; `None` if that operator does not support the case
    equations       ``(tensors, options)`` → the same results by torch operations, `None` for those without a gradient;
                    the source of derivatives of any order and kind
    internal        ``tensors`` → indices of the results without a gradient
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
        self.operator.register_autograd(self.backward_pass, setup_context=self.setup_context)
        register_vmap(self.operator)
        register_vmap(self.backward)

    def __call__(self, tensors: Sequence[Any], options: Sequence[Any], backward: bool) -> Any:
        """Call the operator by the fastest path that the active features of torch allow.

        ``backward``: whether a backward pass may follow.
        """
        if not watch.watched(tensors):
            function = self.eager if backward else self.operator._init_fn
        elif backward and watch.needs_function_rules():
            function = self.transformable
        else:
            function = self.operator
        return function(*tensors, *options)

    @cached_property
    def eager(self) -> Callable[..., Any]:
        """The operator without the dispatcher, whose overhead equals the arithmetic of a small layer."""
        kernel = self

        class Eager(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *args: Any) -> Any:  # with a separate setup_context torch inspects the signature
                output = kernel.operator._init_fn(*args)
                kernel.setup_context(ctx, args, output)
                return output

            backward = staticmethod(kernel.backward_pass)

        return Eager.apply

    @cached_property
    def transformable(self) -> Callable[..., Any]:
        """The operator as the autograd function that the transformations of torch.func need at every level."""
        kernel = self

        class Transformable(torch.autograd.Function):
            @staticmethod
            def forward(*args: Any) -> Any:
                return kernel.operator(*args)

            setup_context = staticmethod(kernel.setup_context)
            backward = staticmethod(kernel.transformed_backward_pass)

            @staticmethod
            def vmap(info: Any, in_dims: Args, *args: Any) -> Any:
                return map_slices(Transformable.apply, info, in_dims, *args)

        return Transformable.apply

    @cached_property
    def transformable_backward(self) -> Callable[..., Any]:
        """The backward pass as such a function; its derivatives come from the equations."""
        kernel = self

        class TransformableBackward(torch.autograd.Function):
            @staticmethod
            def forward(plan: Plan, *args: Any) -> Any:
                arguments = kernel.arguments(*plan.parts(args))
                assert arguments is not None
                return kernel.backward(*arguments)

            @staticmethod
            def setup_context(ctx: Any, inputs: Args, output: Any) -> None:
                ctx.plan = inputs[0]
                ctx.save_for_backward(*inputs[1:])
                ctx.set_materialize_grads(False)

            @staticmethod
            def backward(ctx: Any, *grad_outputs: Any) -> Any:
                plan, args = ctx.plan, ctx.saved_tensors
                tensors, options, kept, grads, needed = plan.parts(args)
                variables = [*grads, *tensors[: kernel.differentiable]]

                def first_derivative(*values: Any) -> list[Tensor | None]:
                    inputs = [*values[len(grads) :], *tensors[kernel.differentiable :]]
                    return functional_vjp(kernel.equations, inputs, options, needed, values[: len(grads)])

                needs = ctx.needs_input_grad[1:]
                begin = len(grads) + len(kept)
                needed_again = [*needs[: len(grads)], *needs[begin : begin + kernel.differentiable]]
                results = functional_vjp(
                    lambda values, _: first_derivative(*values), variables, (), needed_again, grad_outputs
                )
                rest = [None] * (kernel.tensors - kernel.differentiable)
                return (None, *results[: len(grads)], *[None] * len(kept), *results[len(grads) :], *rest)

            @staticmethod
            def vmap(info: Any, in_dims: Args, *args: Any) -> Any:
                return map_slices(TransformableBackward.apply, info, in_dims, *args)

        return TransformableBackward.apply

    def setup_context(self, ctx: Any, inputs: Args, output: tuple[Tensor, ...]) -> None:
        """Save what the backward pass reads."""
        tensors, ctx.options = inputs[: self.tensors], inputs[self.tensors :]
        ctx.save_for_backward(*tensors, *(output[i] for i in self.kept))
        ctx.mark_non_differentiable(*(output[i] for i in self.internal(tensors)))
        ctx.set_materialize_grads(False)

    def saved(self, ctx: Any) -> tuple[Args, Args]:
        """Return the saved tensors and results; with activation checkpointing they can be read only once."""
        saved = ctx.saved_tensors
        return saved[: self.tensors], saved[self.tensors :]

    def backward_pass(self, ctx: Any, *grads: Any) -> Args:
        """Run the backward pass by its kernel, or by the equations where the kernel does not support the case."""
        tensors, kept = self.saved(ctx)
        watched = watch.watched([*grads, *tensors])
        if watched and watch.transformed():
            return self._transformed_backward_pass(ctx, tensors, kept, grads)
        needed = ctx.needs_input_grad[: self.differentiable]
        arguments = None
        if not (torch.is_grad_enabled() or watch.vectorised() or (watched and watch.no_kernel())):
            arguments = self.arguments(tensors, ctx.options, kept, grads, needed)
        if arguments is None:
            gradients = vjp(self.equations, tensors, ctx.options, needed, grads)
        else:
            gradients = (self.backward if watched else self.backward._init_fn)(*arguments)
        return self.only_needed(gradients, needed, ctx.options)

    def transformed_backward_pass(self, ctx: Any, *grads: Any) -> Args:
        """Run the backward pass as a function that transformations can differentiate and map."""
        return self._transformed_backward_pass(ctx, *self.saved(ctx), grads)

    def _transformed_backward_pass(self, ctx: Any, tensors: Args, kept: Args, grads: Args) -> Args:
        needed = tuple(ctx.needs_input_grad[: self.differentiable])
        gradients: Any
        if watch.no_kernel() is None and self.arguments(tensors, ctx.options, kept, grads, needed) is not None:
            plan = Plan(tuple(ctx.options), needed, len(grads), len(kept))
            gradients = self.transformable_backward(plan, *grads, *kept, *tensors)
        else:
            gradients = functional_vjp(self.equations, tensors, ctx.options, needed, grads)
        return self.only_needed(gradients, needed, ctx.options)

    def only_needed(self, gradients: Sequence[Any], needed: Sequence[bool], options: Sequence[Any]) -> Args:
        """Return the needed gradients, and `None` for every other argument."""
        selected = [gradient if need else None for gradient, need in zip(gradients, needed, strict=True)]
        return (*selected, *[None] * (self.tensors - self.differentiable + len(options)))


@dataclass(frozen=True, eq=False)
class Plan:
    """The arguments of a backward pass that are not tensors: options, needed gradients, numbers of tensors."""

    options: Args
    needed: tuple[bool, ...]
    grads: int
    kept: int

    def parts(self, args: Args) -> tuple[list[Any], Args, Args, Args, tuple[bool, ...]]:
        """Split ``args`` into tensors, options, kept results, gradients of the results, and needed gradients."""
        grads, kept, tensors = args[: self.grads], args[self.grads :][: self.kept], args[self.grads + self.kept :]
        return list(tensors), self.options, kept, grads, self.needed


def register_vmap(operator: Any) -> None:
    """Register a vmap rule that loops: each slice is a whole sequence, so merging them would gain little."""
    operator.register_vmap(partial(map_slices, operator))


def map_slices(function: Callable[..., Any], info: Any, in_dims: Args, *args: Any) -> Any:
    """Apply a function to every slice and stack the results, as a vmap rule."""
    if not info.batch_size:  # without slices, the shapes of the results come from a slice of zeros
        zeros = (
            a if d is None else a.new_zeros([*a.shape[:d], *a.shape[d + 1 :]])
            for a, d in zip(args, in_dims, strict=True)
        )
        outputs = tuple(output.new_empty(0, *output.shape) for output in function(*zeros))
        return outputs, tuple(0 for _ in outputs)
    slices = [
        function(*(a if dim is None else a.select(dim, i) for a, dim in zip(args, in_dims, strict=True)))
        for i in range(info.batch_size)
    ]
    outputs = tuple(torch.stack(parts) for parts in zip(*slices, strict=True))
    return outputs, tuple(0 for _ in outputs)


def vjp(
    equations: Equations, tensors: Sequence[Any], options: Sequence[Any], needed: Sequence[bool], grads: Sequence[Any]
) -> list[Tensor | None]:
    """Return the needed gradients with respect to the tensors, given the gradients ``grads`` of the results.

    If gradients are enabled the result is differentiable in turn. The equations read views, so that differentiation
    stops at these tensors but can continue from there in a second pass.
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        views: list[Any] = [
            t if t is None or not need else t.view_as(t) if create_graph else t.detach().requires_grad_()
            for t, need in zip(tensors, [*needed, *[False] * (len(tensors) - len(needed))], strict=True)
        ]
        results = equations(views, options)
        pairs = [(r, d) for r, d in zip(results, grads, strict=False) if not (r is None or d is None)]
        inputs = [t for t, need in zip(views, needed, strict=False) if need and t is not None]
        gradients = iter(
            torch.autograd.grad(
                [r for r, _ in pairs], inputs, [d for _, d in pairs], create_graph=create_graph, allow_unused=True
            )
            if pairs
            else [None] * len(inputs)
        )
        return [next(gradients) if need and t is not None else None for t, need in zip(views, needed, strict=False)]


def functional_vjp(
    equations: Equations, tensors: Sequence[Any], options: Sequence[Any], needed: Sequence[bool], grads: Sequence[Any]
) -> list[Tensor | None]:
    """Compute `vjp` by torch.func, which works within its own transformations."""
    indices = [i for i, need in enumerate(needed) if need and tensors[i] is not None]
    gradients: list[Tensor | None] = [None] * len(needed)
    used: list[Tensor] = []  # the gradients in `grads` that belong to results of the equations

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        inputs = list(tensors)
        for i, value in zip(indices, values, strict=True):
            inputs[i] = value
        results = equations(inputs, options)
        pairs = [(r, d) for r, d in zip(results, grads, strict=False) if not (r is None or d is None)]
        used[:] = [d for _, d in pairs]
        return tuple(r for r, _ in pairs)

    if indices and any(gradient is not None for gradient in grads):
        func_vjp: Any = torch.func.vjp  # its annotation allows for a third result
        _, pullback = func_vjp(function, *(tensors[i] for i in indices))
        for i, gradient in zip(indices, pullback(tuple(used)), strict=True):
            gradients[i] = gradient
    return gradients
