"""Connectionist temporal classification: the loss of label sequences without alignment (Graves et al. 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import Count, checked
from ..errors import ArgumentError, ShapeError
from ..kernels import ctc as kernel
from ..kernels import watch

# T frames, B examples, C classes, S labels of the longest target

Reduction = Literal["none", "mean", "sum"]
Lengths = Tensor | Sequence[int] | int
Ints = npt.NDArray[np.int64]


class CTCLoss(nn.Module):
    """The CTC loss of logits, as a module; see `ctc_loss`.

    It replaces ``torch.nn.CTCLoss``, whose arguments it has, with two differences: it takes logits (log-probabilities
    give the same loss, since the softmax of log-probabilities are the probabilities), and it refuses targets that
    torch accepts with a wrong, infinite or silently zero loss, so there is no ``zero_infinity``.

    Args:
        blank: the class of the blank.
        reduction: ``none``, ``mean`` or ``sum``.

    Raises:
        ArgumentError: the blank or the reduction is invalid.
    """

    @checked
    def __init__(self, blank: Count = 0, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.blank, self.reduction = blank, reduction

    def forward(self, logits: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths) -> Tensor:
        """Compute `ctc_loss`."""
        return ctc_loss(logits, targets, input_lengths, target_lengths, self.blank, self.reduction)

    def extra_repr(self) -> str:
        """Return the options for ``repr``."""
        return f"blank={self.blank}, reduction={self.reduction!r}"


@checked
def ctc_loss(
    logits: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: Count = 0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Compute −log P(target | logits), summed over all alignments of the labels with the frames.

    The softmax over classes is part of it. On the CPU, loss and gradient are computed by compiled kernels, with
    results that do not depend on the other examples of a batch or on the number of threads. On other devices
    ``torch.nn.functional.ctc_loss`` computes them.

    Args:
        logits: ``(T, B, C)``, float32 or float64 (float16 and bfloat16 are converted to float32); in any order of
            frames and examples in memory. ``(T, C)`` is one example. A class whose logit is 10⁶ below the largest one
            of its frame counts as impossible.
        targets: ``(B, S)`` integers, padded with any numbers; or ``(sum of target_lengths,)``, all targets joined.
        input_lengths: ``(B,)``, frames of each example, at most T.
        target_lengths: ``(B,)``, labels of each target; 0 is allowed.
        blank: the class of the blank, 0..C-1.
        reduction: ``none``: the losses ``(B,)``; ``sum``; ``mean``: each loss is divided by its number of labels (at
            least 1), then the mean over the batch is taken.

    Returns:
        A scalar, or ``(B,)`` with ``none``, without dimensions for one example.

    Raises:
        ShapeError: a tensor has the wrong shape or dtype.
        ArgumentError: a label is outside 0..C-1 or is the blank, a length is outside its tensor, or an example has
            fewer frames than its target needs: one for each label, and one for a blank between equal neighbours.

    >>> import torch
    >>> from unrolled.nn import ctc_loss
    >>> logits = torch.zeros(2, 1, 3)  # two frames, one example, the blank and two labels
    >>> ctc_loss(logits, torch.tensor([[1]]), [2], [1])  # three of nine alignments: "1 1", "1 -", "- 1"
    tensor(1.0986)
    """
    single = logits.dim() == 2
    if single:
        logits = logits.unsqueeze(1)
    _check_logits(logits, blank)
    B, device = logits.size(1), logits.device
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    inputs = _lengths("input_lengths", input_lengths, B)
    labels = _lengths("target_lengths", target_lengths, B)
    targets = _padded(targets, labels, B)
    if not (torch.compiler.is_compiling() or any(map(watch.batched, (targets, inputs, labels)))):
        T, _, C = logits.shape
        check_examples(_array(targets).reshape(targets.shape), _array(inputs), _array(labels), T, C, blank)
    if kernel.unsupported(logits) is None:
        losses = kernel.run(logits, targets.cpu(), inputs, labels, blank)
    elif watch.no_kernel():
        arguments = (logits, targets.to(device), inputs.to(device), labels.to(device))
        losses = kernel.equations(arguments, (blank,))[0]  # type: ignore[assignment]
    else:
        losses = F.ctc_loss(logits.log_softmax(2), targets.to(device), inputs, labels, blank, "none")
    if reduction == "mean":
        return (losses / labels.to(losses).clamp(min=1)).mean()
    return losses.sum() if reduction == "sum" else losses[0] if single else losses


def frames_needed(targets: Ints, lengths: Ints) -> Ints:
    """Return the frames that each target needs at least: one a label, one a blank between equal neighbours.

    Args:
        targets: ``(B, S)``.
        lengths: ``(B,)``, the labels of each.
    """
    S = targets.shape[1]
    repeats = (targets[:, 1:] == targets[:, :-1]) & (np.arange(1, S) < lengths[:, None])
    found: Ints = lengths + repeats.sum(1)
    return found


def check_examples(targets: Ints, input_lengths: Ints, target_lengths: Ints, T: int, C: int, blank: int) -> None:
    """Raise `ArgumentError` for the first example that has no loss; see `ctc_loss` for the arguments."""
    S = targets.shape[1]
    for name, lengths, most, of in (("input_lengths", input_lengths, T, "frames"),
                                    ("target_lengths", target_lengths, S, "columns of targets")):  # fmt: skip
        for b in np.flatnonzero((lengths < 0) | (lengths > most))[:1]:
            raise ArgumentError(f"{name}[{b}]", f"0..{most}, the {of}", int(lengths[b]))
    within = np.arange(S) < target_lengths[:, None]
    for b, i in np.argwhere(within & ((targets < 0) | (targets >= C)))[:1]:
        remedy = f"the logits have {C} classes, the blank included"
        raise ArgumentError(f"targets[{b}]", f"labels in 0..{C - 1}", int(targets[b, i]), remedy)
    for b, i in np.argwhere(within & (targets == blank))[:1]:
        remedy = f"it is at position {i}; a target consists of labels only"
        raise ArgumentError(f"targets[{b}]", f"labels other than the blank {blank}", int(targets[b, i]), remedy)
    needed = frames_needed(targets, target_lengths)
    for b in np.flatnonzero(input_lengths < needed)[:1]:
        labels, repeats = int(target_lengths[b]), int(needed[b] - target_lengths[b])
        expected = f"at least {needed[b]} (labels {labels}, blanks between equal neighbours {repeats})"
        remedy = "leave the example out, shorten its target, or use a smaller stride in the network"
        raise ArgumentError(f"input_lengths[{b}]", expected, int(input_lengths[b]), remedy)


def _check_logits(logits: Tensor, blank: int) -> None:
    if logits.dim() != 3 or not logits.is_floating_point() or not logits.size(2):
        raise ShapeError(f"logits must be (T, B, C) floating point, got {tuple(logits.shape)} {logits.dtype}")
    if blank >= logits.size(2):
        raise ArgumentError("blank", f"a class in 0..{logits.size(2) - 1}", blank)


def _array(tensor: Tensor) -> Ints:
    """Return a copy as an array; a tensor has no memory within transformations of torch.func."""
    return np.array(tensor.tolist(), dtype=np.int64)


def _lengths(name: str, lengths: Any, B: int) -> Tensor:
    """Return lengths as ``(B,)`` int64 on the CPU."""
    if not isinstance(lengths, Tensor):
        lengths = torch.tensor(lengths, dtype=torch.int64)
    lengths = lengths.reshape(1) if lengths.dim() == 0 else lengths
    if lengths.shape != (B,) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ShapeError(f"{name} must be ({B},) integers, got {tuple(lengths.shape)} {lengths.dtype}")
    return lengths.to("cpu", torch.int64)


def _padded(targets: Tensor, lengths: Tensor, B: int) -> Tensor:
    """Return targets as ``(B, S)`` int64 where they are."""
    if targets.is_floating_point() or targets.dtype == torch.bool:
        raise ShapeError(f"targets must be integers, got {targets.dtype}")
    targets = targets.to(torch.int64)
    if targets.dim() == 2 and targets.size(0) == B:
        return targets
    total = int(lengths.clamp(min=0).sum())
    if targets.dim() != 1 or targets.size(0) != total:
        expected = f"({B}, S), or ({total},) with the targets joined as target_lengths says"
        raise ShapeError(f"targets must be {expected}, got {tuple(targets.shape)}")
    return nn.utils.rnn.pad_sequence(targets.split(lengths.clamp(min=0).tolist()), batch_first=True)
