"""Passes of a text through a model: how the text is split, and the place in the text of each step.

One part of a text is used for selection and fitting, the other for reporting: the first and second half of each lane,
and alternating lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..data.batches import in_order, pad
from .tokenized import Ids, TokenSequence

# T steps, B lanes, N tokens

NOWHERE, CHOOSING, REPORTING = -1, 0, 1  # part of a text
LANES, WARMUP, LONGEST_WARMUP = 64, 256, 1024
LEAST = 2048  # minimum tokens of a lane, to limit the share of the warm-up
AT_ONCE = 1 << 13  # tokens per pass, whose trace of all gates is in memory
STRETCH = 1 << 10  # tokens per segment of a sample
SAMPLE, LARGEST_SAMPLE = 1 << 14, 1 << 16  # tokens of a sample, for wide and narrow networks
WIDE = 1 << 10  # minimum units of h of a wide network


def sample_size(width: int) -> int:
    """Return the tokens of a sample for a network with ``width`` units of h, a multiple of `STRETCH`."""
    return max(SAMPLE, min(LARGEST_SAMPLE, SAMPLE * WIDE // width)) // STRETCH * STRETCH


@dataclass(frozen=True)
class Pass:
    """One call of a model.

    Attributes:
        positions: ``(T, B)``, the place in the text of each token.
        symbols: ``(T, B)``, the token ids.
        part: ``(T, B)`` int8, `CHOOSING`, `REPORTING`, or `NOWHERE` for padding and warm-up.
        run: calls the model; returns logits ``(T, B, V)`` of the next tokens, or `None` for other models.
    """

    positions: Ids
    symbols: Ids
    part: npt.NDArray[np.int8]
    run: Callable[[], Tensor | None]


@dataclass(frozen=True)
class Lanes:
    """Segments of a continuous text that are read in parallel, as token indices ``(B,)``.

    Attributes:
        firsts: the beginning of the warm-up.
        begins, ends: the segment after the warm-up.
    """

    firsts: Ids
    begins: Ids
    ends: Ids


@dataclass(frozen=True)
class RunningText:
    """A text that a language model reads continuously, in parallel lanes.

    Each lane warms up on the preceding text, from the beginning of a nearby paragraph if possible.
    """

    text: TokenSequence

    def __len__(self) -> int:
        return len(self.text.ids)

    @cached_property
    def begins_document(self) -> npt.NDArray[np.bool_]:
        """``(N,)``: whether a document begins with this token."""
        begins = np.zeros(len(self), dtype=np.bool_)
        begins[list(self.text.starts)] = True
        return begins

    def lanes(self, sample: int = 0) -> Lanes:
        """Return the lanes of the whole text, or of a sample of so many tokens."""
        n = len(self)
        lanes = sample // STRETCH if sample else max(1, min(LANES, n // LEAST))
        share = -(-n // lanes)
        begins = np.arange(0, n, share, dtype=np.int64)
        ends = np.minimum(begins + (STRETCH if sample else share), n)
        return Lanes(self.warmup_starts(begins), begins, ends)

    def warmup_starts(self, begins: Ids, longest: int = LONGEST_WARMUP) -> Ids:
        """Return where the warm-up before each of ``begins`` starts: a nearby paragraph, else `WARMUP` tokens."""
        default = np.maximum(begins - WARMUP, 0)
        paragraphs = self.text.paragraphs
        if not len(paragraphs):
            return default
        last = paragraphs[np.maximum(np.searchsorted(paragraphs, default, side="right") - 1, 0)]
        return np.where((last <= default) & (last >= begins - longest), last, default)

    def passes(self, module: nn.Module, sample: int = 0) -> Iterator[Pass]:
        """Yield passes over the whole text, or over a sample of so many tokens."""
        lanes, text, n = self.lanes(sample), self.text, len(self)
        window = AT_ONCE // len(lanes.begins)
        halves = (lanes.begins + lanes.ends) // 2
        longest = int((lanes.ends - lanes.firsts).max())
        state: Any = None

        for at in range(0, longest, window):
            T = min(window, longest - at)
            places = lanes.firsts + at + np.arange(T)[:, None]  # (T, B)
            part = np.where(places < halves, CHOOSING, REPORTING).astype(np.int8)
            part[(places < lanes.begins) | (places >= lanes.ends)] = NOWHERE
            places = np.minimum(places, n - 1)

            def run(places: Ids = places, fresh: bool = at == 0) -> Tensor:
                nonlocal state
                logits, state = module(*self.inputs(module, places, state, fresh))
                return logits

            yield Pass(text.places[places], text.ids[places], part, run)

    def inputs(
        self, module: nn.Module, places: Ids, state: Any, fresh: bool | npt.NDArray[np.bool_]
    ) -> tuple[Tensor, Any, Tensor | None]:
        """Return the arguments of a language model for the tokens with indices ``places (T, B)``.

        Args:
            module: the model, for its device.
            places: token indices.
            state: the state to continue from.
            fresh: whether to start from the initial state instead, for all lanes or ``(B,)``.
        """
        device = next(module.parameters()).device
        resets = torch.from_numpy(self.begins_document[places])
        resets[0] |= torch.as_tensor(fresh)
        device_resets = resets.to(device) if resets.any() else None
        return torch.from_numpy(self.text.ids[places]).to(device), state, device_resets


@dataclass(frozen=True)
class Lines:
    """A text of which a model reads each line as a separate sequence.

    Attributes:
        lines: the lines.
        call: ``call(module, ids, lengths)`` runs a batch.
        batch: builds a batch of lines (default: their padded ids).
    """

    lines: list[TokenSequence]
    call: Callable[[Any, Any, Tensor], Any]
    batch: Callable[[list[TokenSequence]], Any] | None = None

    def __len__(self) -> int:
        return sum(self.lengths)

    @cached_property
    def lengths(self) -> list[int]:
        """The length of each line in tokens."""
        return [len(line.ids) for line in self.lines]

    def passes(self, module: nn.Module, sample: int = 0) -> Iterator[Pass]:
        """Yield passes over the whole text, or over a sample of so many tokens."""
        selected = np.arange(len(self.lines))
        if sample:
            fraction = sample / len(self)
            selected = selected[np.diff(np.floor(np.arange(len(self.lines) + 1) * fraction)) > 0]
        for chosen in in_order([self.lengths[i] for i in selected], 64, AT_ONCE):
            yield self.batch_pass(module, selected[chosen], chosen % 2)

    def batch_pass(self, module: nn.Module, numbers: Ids, parts: Ids) -> Pass:
        """Return a pass over a batch of lines ``numbers (B,)``, which are in ``parts (B,)``."""
        lines = [self.lines[i] for i in numbers]
        ids, sizes = pad([line.ids for line in lines])
        places, _ = pad([line.places for line in lines])
        part = np.full(ids.shape, NOWHERE, dtype=np.int8)
        for lane, number in enumerate(parts.tolist()):
            part[: sizes[lane], lane] = number
        batch = ids if self.batch is None else self.batch(lines)

        def run() -> None:
            device = next(module.parameters()).device
            self.call(module, batch.to(device), sizes.to(device))

        return Pass(places.numpy(), ids.numpy(), part, run)
