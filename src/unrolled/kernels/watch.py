"""What watches a call: the one place where it is asked.

A compiled kernel takes addresses and gives numbers; nothing of torch sees inside it. Whoever needs more than numbers
gets it by another way:

    torch.compile, export, a mode, a subclass of tensors      the operator, through the dispatcher
    torch.func.grad, vjp, jacrev, vmap                        the operator as a function with rules for them
    forward-mode derivatives (jvp, jacfwd, dual levels)       the cell's own equations
    torch.jit.trace                                           torch's own layers; what has none refuses
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

PLAIN = {Tensor, nn.Parameter, type(None)}
COMPILED = "torch.compile cannot take the kernels' gradients by torch.func"

Ask = TypeVar("Ask", bound=Callable[[], object])

TRACED = "torch.jit.trace cannot see inside the kernels"
FORWARD_MODE = "the kernels have no forward-mode derivatives (jvp, jacfwd, dual tensors)"
VECTORISED = "the kernels cannot be run under the vmap of torch.autograd (vectorize=True, is_grads_batched=True)"


def asked_when_compiled(ask: Ask) -> Ask:
    """torch.compile takes the answer that it gets while it compiles; its own guards see to it that it stays right."""
    ask._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return ask


def watched(tensors: Sequence[Any]) -> bool:
    """Whether something looks on and must see operators: any of the above."""
    return (
        torch.compiler.is_compiling()
        or transformed()
        or forward_mode()
        or torch._C._len_torch_dispatch_stack() > 0
        or traced()
        or not PLAIN.issuperset(map(type, tensors))
    )


@asked_when_compiled
def transformed() -> bool:
    """Whether a transformation of torch.func is running."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def kinds() -> list[Any]:
    """The transformations of torch.func that are running, the outermost first."""
    return [one.key() for one in torch._C._functorch.get_interpreter_stack() or ()]


@asked_when_compiled
def differentiated() -> bool:
    """Whether torch.func.grad, vjp or jacrev is running."""
    return torch._C._functorch.TransformType.Grad in kinds()


def asks_for_rules() -> bool:
    """Whether transformations run whose rules are those of functions; a compiled graph has operators only."""
    if torch.compiler.is_compiling() or not transformed():
        return False
    return torch._C._functorch.TransformType.Functionalize not in kinds()


@asked_when_compiled
def forward_mode() -> bool:
    """Whether forward-mode derivatives are being taken, by torch.func.jvp and jacfwd or within a dual level."""
    return forward_ad._current_level >= 0


@asked_when_compiled
def traced() -> bool:
    """Whether torch.jit.trace is writing down what runs."""
    return torch._C._get_tracing_state() is not None


@asked_when_compiled
def vectorised() -> bool:
    """Whether torch.autograd runs a backward pass for several gradients at once (``is_grads_batched``)."""
    nesting: int = torch._C._vmapmode_increment_nesting()
    torch._C._vmapmode_decrement_nesting()
    return nesting > 1


def no_kernel() -> str | None:
    """Why a kernel cannot be run at the moment; `None` if it can."""
    if forward_mode():
        return FORWARD_MODE
    if traced():
        return TRACED
    if vectorised():
        return VECTORISED
    return COMPILED if torch.compiler.is_compiling() and differentiated() else None


def batched(tensor: Tensor | None) -> bool:
    """Whether ``vmap`` runs over this tensor, at any depth of transformations: its numbers cannot be looked at."""
    functorch = torch._C._functorch
    if torch.compiler.is_compiling():  # it knows this question only
        return tensor is not None and functorch.is_batchedtensor(tensor)
    while tensor is not None and functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False
