"""Checks of whole sequences: backend against reference, carried state, lengths, resets, reverse, empty input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..cells import State
from ..cells.state import select
from .report import Failure
from .subject import Subject, real_leaves, require, require_close

T, B = 5, 3
LENGTHS = (5, 0, 3)
RESETS = ((1, 0, 0), (0, 0, 0), (0, 1, 1), (1, 0, 0), (0, 0, 1))  # (T, B)


def options() -> dict[str, dict[str, Any]]:
    """Return the options of ``scan`` for which every backend is compared with the reference."""
    lengths, resets = torch.tensor(LENGTHS), torch.tensor(RESETS, dtype=torch.bool)
    return {
        "plain": {},
        "lengths": {"lengths": lengths},
        "resets": {"resets": resets},
        "reverse": {"reverse": True},
        "lengths, resets and reverse": {"lengths": lengths, "resets": resets, "reverse": True},
    }


def agreement(subject: Subject) -> None:
    """The backend gives the same results and gradients as the reference loop over ``step``."""
    for name, scan_options in options().items():
        inputs, state = subject.inputs(T, B).requires_grad_(), _requiring_gradient(subject.state(B))
        expected = subject.reference(inputs, state, **scan_options)
        received = subject.scan(inputs, state, **scan_options)
        remedy = "a backend must compute what step does; report it if the cell is a built-in one"
        require_close(received, expected, f"the loop's results ({name})", remedy)
        args = [inputs, *real_leaves(state), *subject.cell.parameters()]
        message = f"the loop's gradients ({name})"
        require_close(_gradients(received, args), _gradients(expected, args), message, remedy)


def _requiring_gradient(state: State) -> State:
    return tree_map(lambda leaf: leaf.requires_grad_() if leaf.is_floating_point() else leaf, state)


def _gradients(results: Any, args: list[Tensor]) -> list[Tensor]:
    """Return the gradients of a sum with different weights for all elements of the results; zeros where unused."""
    loss = sum((leaf * torch.arange(1, leaf.numel() + 1).view_as(leaf).cos()).sum() for leaf in real_leaves(results))
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, [arg for arg in args if arg.requires_grad], allow_unused=True)
    return [torch.zeros(()) if gradient is None else gradient for gradient in gradients]


def carried(subject: Subject) -> None:
    """A sequence split into two windows, with the state carried over, gives the same as the whole."""
    inputs, state = subject.inputs(T, B), subject.state(B)
    whole = subject.scan(inputs, state)
    for cut in range(1, T):
        left, between = subject.scan(inputs[:cut], state)
        right, after = subject.scan(inputs[cut:], between)
        require_close(
            (torch.cat([left, right]), after),
            whole,
            f"the same in windows of {cut} and {T - cut} steps as in one of {T}",
            "keep everything that later steps need in the state",
        )


def lengths(subject: Subject) -> None:
    """A padded sequence gives the same as without padding, whatever the padding holds, and zeros past its end."""
    inputs, state = subject.inputs(T, B), subject.state(B)
    for b, length in enumerate(LENGTHS):
        inputs[length:, b] = float("nan")
    for reverse in (False, True):
        outputs, after = subject.scan(inputs, state, lengths=torch.tensor(LENGTHS), reverse=reverse)
        for b, length in enumerate(LENGTHS):
            lane = torch.tensor([b])
            alone: tuple[Tensor, State] = outputs[:0, b : b + 1], select(state, lane)
            if length:
                alone = subject.reference(inputs[:length, b : b + 1], alone[1], reverse=reverse)
            beyond = torch.zeros(T - length, 1, *outputs.shape[2:], dtype=outputs.dtype)
            require_close(
                (outputs[:, b : b + 1], select(after, lane)),
                (torch.cat([alone[0], beyond]), alone[1]),
                f"a sequence of length {length} padded to {T} to give what it gives alone (reverse={reverse})",
                "let no operation mix the lanes",
            )


def resets(subject: Subject) -> None:
    """Documents separated by resets give the same as separate sequences, forward and in reverse."""
    inputs, state = subject.inputs(T, B), subject.state(B)
    marks = torch.tensor(RESETS, dtype=torch.bool)
    for reverse in (False, True):
        outputs, after = subject.scan(inputs, state, resets=marks, reverse=reverse)
        for b in range(B):
            lane = torch.tensor([b])
            separate = _documents(subject, inputs[:, b : b + 1], select(state, lane), marks[:, b].tolist(), reverse)
            require_close(
                (outputs[:, b : b + 1], select(after, lane)),
                separate,
                f"documents separated by resets to give the same as separate sequences (reverse={reverse})",
                "start from nothing but initial_state(B), and keep no memory outside the state",
            )


def _documents(
    subject: Subject, inputs: Tensor, state: State, marks: list[bool], reverse: bool
) -> tuple[Tensor, State]:
    """Run each document of one lane ``(T, 1, I)`` separately."""
    starts = [t for t in range(T) if marks[t] and t > 0]
    pieces = list(zip([0, *starts], [*starts, T], strict=True))
    outputs: list[Tensor] = []
    for begin, end in reversed(pieces) if reverse else pieces:
        if marks[begin] and not reverse:
            state = subject.initial_state(1)
        piece, state = subject.reference(inputs[begin:end], state, reverse=reverse)
        if marks[begin] and reverse:
            state = subject.initial_state(1)
        outputs.append(piece)
    return torch.cat(outputs[::-1] if reverse else outputs), state


def reverse(subject: Subject) -> None:
    """Running in reverse gives the same as running the flipped sequence forward and flipping the outputs."""
    inputs, state = subject.inputs(T, B), subject.state(B)
    outputs, after = subject.scan(inputs, state, reverse=True)
    flipped, last = subject.reference(inputs.flip(0), state)
    expected = "reverse=True to give the same as the flipped sequence"
    require_close((outputs, after), (flipped.flip(0), last), expected, "keep no step counter outside the state")


def empty(subject: Subject) -> None:
    """An empty sequence returns the state unchanged; an empty batch gives outputs without rows."""
    shape = subject.output_shape
    state = subject.state(B)
    outputs, after = subject.scan(subject.inputs(0, B), state)
    require(tuple(outputs.shape) == (0, B, *shape), "outputs (0, B, O) for T=0", f"{tuple(outputs.shape)}", "see scan")
    require_close(after, state, "an empty sequence to return the state unchanged", "see scan", rtol=0)
    try:
        outputs, _ = subject.scan(subject.inputs(T, 0), subject.initial_state(0))
    except (RuntimeError, IndexError) as error:
        if isinstance(error, ValueError) or type(error).__name__ == "BackendError":
            raise
        remedy = "let step and initial_state take a batch of 0 (no squeeze, no max over the batch)"
        raise Failure("an empty batch to run", f"{type(error).__name__}: {error}", remedy) from error
    require(tuple(outputs.shape) == (T, 0, *shape), "outputs (T, 0, O) for B=0", f"{tuple(outputs.shape)}", "see scan")
