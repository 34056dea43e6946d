"""A text in passes through a model: how it is cut, and which place of the text each step of a pass is at.

One part of a text is for choosing and fitting, the other for reporting: of each lane the first half and the second, of
lines every other.
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
from .tokenized import Ids, Read

# T steps, B lanes, N symbols

NOWHERE, CHOOSING, REPORTING = -1, 0, 1  # the part of a text that a step belongs to
LANES, WARMUP, LONGEST_WARMUP = 64, 256, 1024
LEAST = 2048  # symbols of a lane, so that little of the work is warm-up
AT_ONCE = 1 << 13  # symbols of one pass: a trace of all gates of so many is in memory
STRETCH = 1 << 10  # symbols of each stretch of a sample
SAMPLE, LARGEST_SAMPLE = 1 << 14, 1 << 16  # symbols of a sample, for a wide network and for a narrow one
WIDE = 1 << 10  # units of h from which on a network is wide


def sample_size(width: int) -> int:
    """Symbols of a sample for a network of so many units of h: whole stretches."""
    return max(SAMPLE, min(LARGEST_SAMPLE, SAMPLE * WIDE // width)) // STRETCH * STRETCH


@dataclass(frozen=True)
class Pass:
    """One call of a model.

    Attributes:
        positions: ``(T, B)``: the place in the text of each step's symbol.
        symbols: ``(T, B)``: the symbol.
        part: ``(T, B)`` int8: `CHOOSING`, `REPORTING`, or `NOWHERE` for padding and warm-up.
        run: calls the model; logits ``(T, B, V)`` of the next symbols, or `None` where it predicts none.
    """

    positions: Ids
    symbols: Ids
    part: npt.NDArray[np.int8]
    run: Callable[[], Tensor | None]


@dataclass(frozen=True)
class Lanes:
    """Parts of a running text that are read side by side, ``(B,)`` each, numbers of symbols.

    Attributes:
        firsts: where reading begins, to warm up.
        begins, ends: what of it counts.
    """

    firsts: Ids
    begins: Ids
    ends: Ids


@dataclass(frozen=True)
class RunningText:
    """A text that a language model reads on and on, lanes of it side by side.

    Each lane warms up on what stands before it, from the beginning of a paragraph if there is one near.
    """

    text: Read

    def __len__(self) -> int:
        return len(self.text.ids)

    @cached_property
    def begun(self) -> npt.NDArray[np.bool_]:
        """``(N,)``: whether a document begins with this symbol."""
        begun = np.zeros(len(self), dtype=np.bool_)
        begun[list(self.text.starts)] = True
        return begun

    def lanes(self, sample: int = 0) -> Lanes:
        """Those of the whole text, or of a sample of so many symbols."""
        n = len(self)
        lanes = sample // STRETCH if sample else max(1, min(LANES, n // LEAST))
        share = -(-n // lanes)
        begins = np.arange(0, n, share, dtype=np.int64)
        ends = np.minimum(begins + (STRETCH if sample else share), n)
        return Lanes(self.calm(begins), begins, ends)

    def calm(self, begins: Ids, longest: int = LONGEST_WARMUP) -> Ids:
        """Where to begin to read before each of ``begins``: at a rest if one is near, else a warm-up before."""
        plain = np.maximum(begins - WARMUP, 0)
        rests = self.text.rests
        if not len(rests):
            return plain
        last = rests[np.maximum(np.searchsorted(rests, plain, side="right") - 1, 0)]
        return np.where((last <= plain) & (last >= begins - longest), last, plain)

    def passes(self, module: nn.Module, sample: int = 0) -> Iterator[Pass]:
        """Over the whole text, or over a sample of so many symbols."""
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
        """What a language model is called with to read the symbols numbered ``places (T, B)``.

        Args:
            state: to go on from.
            fresh: whether it is the initial one instead, for all lanes or ``(B,)``.
        """
        device = next(module.parameters()).device
        resets = torch.from_numpy(self.begun[places])
        resets[0] |= torch.as_tensor(fresh)
        asked = resets.to(device) if resets.any() else None
        return torch.from_numpy(self.text.ids[places]).to(device), state, asked


@dataclass(frozen=True)
class Lines:
    """A text of which a model reads each line by itself.

    Attributes:
        lines: them.
        call: ``call(module, ids, lengths)`` reads a batch.
        batch: makes a batch of lines, if it is more than their ids side by side.
    """

    lines: list[Read]
    call: Callable[[Any, Any, Tensor], Any]
    batch: Callable[[list[Read]], Any] | None = None

    def __len__(self) -> int:
        return sum(self.lengths)

    @cached_property
    def lengths(self) -> list[int]:
        """Of each line, in symbols."""
        return [len(one.ids) for one in self.lines]

    def passes(self, module: nn.Module, sample: int = 0) -> Iterator[Pass]:
        """Over the whole text, or over a sample of so many symbols."""
        kept = np.arange(len(self.lines))
        if sample:
            fraction = sample / len(self)
            kept = kept[np.diff(np.floor(np.arange(len(self.lines) + 1) * fraction)) > 0]
        for chosen in in_order([self.lengths[i] for i in kept], 64, AT_ONCE):
            yield self.side_by_side(module, kept[chosen], chosen % 2)

    def side_by_side(self, module: nn.Module, numbers: Ids, parts: Ids) -> Pass:
        """One pass over the lines ``numbers (B,)``, which are in ``parts (B,)``."""
        some = [self.lines[i] for i in numbers]
        ids, sizes = pad([one.ids for one in some])
        places, _ = pad([one.places for one in some])
        part = np.full(ids.shape, NOWHERE, dtype=np.int8)
        for lane, number in enumerate(parts.tolist()):
            part[: sizes[lane], lane] = number
        given = ids if self.batch is None else self.batch(some)

        def run() -> None:
            device = next(module.parameters()).device
            self.call(module, given.to(device), sizes.to(device))

        return Pass(places.numpy(), ids.numpy(), part, run)
