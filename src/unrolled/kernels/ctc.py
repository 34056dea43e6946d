"""Compute CTC losses with the compiled CPU kernels (native/ctc.cpp), as functional custom operators.

`unrolled::ctc` includes the softmax over classes; its results are the losses and what the backward pass needs to write
the gradient with respect to the logits once. Second derivatives are computed from the equations in torch's operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from . import extension
from .derivatives import Kernel, needs_backward
from .operators import check, guard, resolve_shapes
from .watch import no_kernel

# T frames, B examples, C classes, S labels of the longest target

NOTHING = -1e30  # in place of log 0, whose derivatives would be NaN


def unsupported(logits: Tensor) -> str | None:
    """Return why the kernels cannot run this; `None` if they can."""
    if extension.missing:
        return extension.missing
    if not hasattr(extension.compiled, "ctc"):
        return "the compiled kernels are older than this loss; reinstall the package"
    if logits.device.type != "cpu":
        return f"the logits are on {logits.device.type}, and the kernels run on the CPU"
    return no_kernel()


def run(logits: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int) -> Tensor:
    """Return the loss of every example ``(B,)``; `unrolled.nn.ctc_loss` checks the arguments.

    Args:
        logits: ``(T, B, C)`` float32 or float64.
        targets: ``(B, S)`` int64, with any labels past the end of a target.
        input_lengths: ``(B,)`` int64.
        target_lengths: ``(B,)`` int64.
        blank: the class of the blank.
    """
    tensors = (logits, targets, input_lengths, target_lengths)
    backward = needs_backward(tensors)
    losses: Tensor = _kernel(tensors, [blank, backward], backward)[0]
    return losses


@torch.library.custom_op("unrolled::ctc", mutates_args=())
def ctc(
    logits: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int, save: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses (B,), and with ``save`` the scales of the softmax (B, T, 2) and occupancies γ (B, T, S + 1)."""
    (T, B, _), S = logits.shape, targets.size(1)
    results = {
        "losses": logits.new_empty(B),
        "scales": extension.empty_if(save, B, T, 2, like=logits),
        "occupancies": extension.empty_if(save, B, T, S + 1, like=logits),
    }
    arrays = {"targets": targets, "input_lengths": input_lengths, "target_lengths": target_lengths, **results}
    _call(False, _adjacent(logits), None, arrays, blank)
    return results["losses"], results["scales"], results["occupancies"]


@ctc.register_fake
def _(logits: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: int, save: bool) -> Any:
    (T, B, _), S = logits.shape, targets.size(1)
    scales, occupancies = (logits.new_empty(B, T, n) if save else logits.new_empty(0) for n in (2, S + 1))
    return logits.new_empty(B), scales, occupancies


@torch.library.custom_op("unrolled::ctc_backward", mutates_args=())
def ctc_backward(
    dlosses: Tensor,
    scales: Tensor,
    occupancies: Tensor,
    logits: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
) -> tuple[Tensor]:
    """Return the gradient with respect to the logits, in the memory order of frames and examples that they have."""
    dlogits = _empty_like(logits)
    arrays = {
        "targets": targets, "input_lengths": input_lengths, "target_lengths": target_lengths, "dlosses": dlosses,
        "scales": scales, "occupancies": occupancies,
    }  # fmt: skip
    _call(True, _adjacent(logits), dlogits, arrays, blank)
    return (dlogits,)


@ctc_backward.register_fake
def _(dlosses: Tensor, scales: Tensor, occupancies: Tensor, logits: Tensor, *rest: Any) -> Any:
    return (_empty_like(logits),)


def _adjacent(logits: Tensor) -> Tensor:
    """Return the logits with adjacent classes; frames and examples may have any distances."""
    return logits if logits.stride(2) == 1 else logits.contiguous()


def _empty_like(logits: Tensor) -> Tensor:
    """Return a tensor without gaps, examples first in memory if they are in the logits."""
    T, B, C = logits.shape
    if logits.stride(0) >= logits.stride(1):
        return extension.empty(T, B, C, like=logits)
    return extension.empty(B, T, C, like=logits).transpose(0, 1)


INTEGER_DTYPES = dict.fromkeys(("targets", "input_lengths", "target_lengths"), torch.int64)
SHAPES = {
    "logits": "TBC", "dlogits": "TBC", "targets": "BS", "scales": "BT2", "occupancies": "BTO",
    **dict.fromkeys(("input_lengths", "target_lengths", "losses", "dlosses"), "B"),
}  # fmt: skip


def _call(backward: bool, logits: Tensor, dlogits: Tensor | None, arrays: dict[str, Tensor], blank: int) -> None:
    """Check the arrays and pass their addresses to the kernel; the tensors live until it returns."""
    guard()
    (T, B, C), S = logits.shape, arrays["targets"].size(1)
    tensors = {name: tensor.contiguous() for name, tensor in arrays.items() if tensor.numel()}
    tensors |= {"logits": logits} if dlogits is None else {"logits": logits, "dlogits": dlogits}
    size = {"T": T, "B": B, "C": C, "S": S, "O": S + 1, "2": 2}
    check(tensors, logits.dtype, INTEGER_DTYPES, resolve_shapes(SHAPES, size))
    if not B:
        return
    addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
    if dlogits is not None:
        addresses |= {"dframe": dlogits.stride(0), "dexample": dlogits.stride(1)}
    extension.compiled.ctc(
        extension.instruction_set(), logits.dtype == torch.float64, backward, T=T, B=B, C=C, S=S, blank=blank,
        threads=extension.threads(), frame=logits.stride(0), example=logits.stride(1), **addresses,
    )  # fmt: skip


def _arguments(
    tensors: Sequence[Any], options: Sequence[Any], kept: Sequence[Any], grads: tuple[Any, ...], needed: Sequence[bool]
) -> tuple[Any, ...] | None:
    """Return the arguments of `ctc_backward`; `None` if the forward pass saved nothing."""
    blank, save = options
    return (grads[0], *kept, *tensors, blank) if save and grads[0] is not None else None


def equations(tensors: Sequence[Any], options: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Compute the losses by the recursion of native/ctc.cpp over log-probabilities, in torch's operations."""
    logits, targets, input_lengths, target_lengths = tensors
    blank, (T, B, _), S = options[0], logits.shape, targets.size(1)
    y = torch.log_softmax(logits, 2)
    within = torch.arange(S, device=logits.device) < target_lengths[:, None]  # (B, S)
    labels = torch.where(within, targets, blank)
    path = torch.stack([torch.full_like(labels, blank), labels], 2).flatten(1)  # blank, z_1, blank, z_2, …
    path = torch.cat([path, path.new_full((B, 1), blank)], 1)  # (B, 2S + 1)
    emitted = y.gather(2, path.expand(T, B, 2 * S + 1))
    jumps = (path[:, 2:] != blank) & (path[:, 2:] != path[:, :-2])
    alpha = torch.cat([y.new_zeros(B, 1), y.new_full((B, 2 * S), NOTHING)], 1)
    for t in range(T):
        previous = torch.cat([y.new_full((B, 1), NOTHING), alpha[:, :-1]], 1)
        jumped = torch.cat([y.new_full((B, 2), NOTHING), torch.where(jumps, alpha[:, :-2], NOTHING)], 1)[:, : 2 * S + 1]
        after = torch.logsumexp(torch.stack([alpha, previous, jumped]), 0) + emitted[t]
        alpha = torch.where((t < input_lengths)[:, None], after, alpha)
    last = alpha.gather(1, 2 * target_lengths[:, None])
    before = alpha.gather(1, (2 * target_lengths[:, None] - 1).clamp(min=0))
    before = torch.where(target_lengths[:, None] > 0, before, NOTHING)
    return -torch.logsumexp(torch.cat([last, before], 1), 1), None, None


_kernel = Kernel(
    ctc,
    ctc_backward,
    tensors=4,
    differentiable=1,
    kept=(1, 2),  # scales, occupancies
    arguments=_arguments,
    equations=equations,
    internal=lambda tensors: (1, 2),
)
