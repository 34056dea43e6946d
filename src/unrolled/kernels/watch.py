"""Detect the torch features that observe a call, such as compilation, torch.func and tracing.

A compiled kernel works on addresses and is opaque to torch. Features that need more than results take other paths:

    torch.compile, export, a mode, a tensor subclass          the operator, through the dispatcher
    torch.func.grad, vjp, jacrev, vmap                        the operator as an autograd function with rules for them
    forward-mode derivatives (jvp, jacfwd, dual levels)       the cell's own equations
    torch.jit.trace                                           torch's own layers; an error if there are none
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

PLAIN = {Tensor, nn.Parameter, type(None)}
COMPILED = "torch.compile does not support gradients of the kernels by torch.func"

_grad_enabled, _autocast_enabled = torch.is_grad_enabled, torch.is_autocast_enabled
_interpreters, _modes = torch._C._functorch.peek_interpreter_stack, torch._C._len_torch_dispatch_stack
_tracing = torch._C._get_tracing_state

Query = TypeVar("Query", bound=Callable[[], object])

TRACED = "torch.jit.trace cannot see inside the kernels"
FORWARD_MODE = "the kernels have no forward-mode derivatives (jvp, jacfwd, dual tensors)"
VECTORISED = "the kernels cannot run under the vmap of torch.autograd (vectorize=True, is_grads_batched=True)"


def compile_time_constant(query: Query) -> Query:
    """Decorate a query that torch.compile evaluates once, while it compiles; its own guards keep the result valid."""
    query._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return query


def watched(tensors: Sequence[Any]) -> bool:
    """Whether any of the features above is active and must see operators."""
    return (
        torch.compiler.is_compiling()
        or transformed()
        or forward_mode()
        or torch._C._len_torch_dispatch_stack() > 0
        or traced()
        or not PLAIN.issuperset(map(type, tensors))
    )


def unobserved() -> bool:
    """Whether none of these features is active, gradients and autocast are off; for calls of a few microseconds."""
    return not (
        _grad_enabled()
        or _autocast_enabled("cpu")
        or _interpreters() is not None
        or forward_ad._current_level >= 0
        or _modes() > 0
        or _tracing() is not None
    )


@compile_time_constant
def transformed() -> bool:
    """Whether a transformation of torch.func is active."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def kinds() -> list[Any]:
    """List the active transformations of torch.func, the outermost first."""
    return [interpreter.key() for interpreter in torch._C._functorch.get_interpreter_stack() or ()]


@compile_time_constant
def differentiated() -> bool:
    """Whether torch.func.grad, vjp or jacrev is active."""
    return torch._C._functorch.TransformType.Grad in kinds()


def needs_function_rules() -> bool:
    """Whether active transformations need an autograd function with their rules; a compiled graph needs operators."""
    if torch.compiler.is_compiling() or not transformed():
        return False
    return torch._C._functorch.TransformType.Functionalize not in kinds()


@compile_time_constant
def forward_mode() -> bool:
    """Whether forward-mode derivatives are active, by torch.func.jvp and jacfwd or within a dual level."""
    return forward_ad._current_level >= 0


@compile_time_constant
def traced() -> bool:
    """Whether torch.jit.trace is recording."""
    return torch._C._get_tracing_state() is not None


@compile_time_constant
def vectorised() -> bool:
    """Whether torch.autograd is running a backward pass for several gradients at once (``is_grads_batched``)."""
    nesting: int = torch._C._vmapmode_increment_nesting()
    torch._C._vmapmode_decrement_nesting()
    return nesting > 1


def no_kernel() -> str | None:
    """Return why a kernel cannot run at the moment; `None` if it can."""
    if forward_mode():
        return FORWARD_MODE
    if traced():
        return TRACED
    if vectorised():
        return VECTORISED
    return COMPILED if torch.compiler.is_compiling() and differentiated() else None


def batched(tensor: Tensor | None) -> bool:
    """Whether ``vmap`` runs over this tensor at any level of transformations, so that its values cannot be read."""
    functorch = torch._C._functorch
    if torch.compiler.is_compiling():  # which supports only this query
        return tensor is not None and functorch.is_batchedtensor(tensor)
    while tensor is not None and functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False
