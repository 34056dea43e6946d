"""Any gate of any unit at any position of a text, computed on request; the whole trace is never stored.

A text is divided into pieces: stretches of a running text, each with the state before it (`checkpoints`), or lines. The
pieces of the requested positions are read as one batch with all gates; recently read blocks are cached. While the state
before a stretch is unknown, the stretch is read after a warm-up, and its values are provisional.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..analysis import capture
from ..analysis.inspection import Inspection
from ..analysis.passes import AT_ONCE, WARMUP, Lines, RunningText
from ..analysis.tokenized import Ids
from ..cells import Trace
from ..data.batches import in_order
from ..errors import ArgumentError
from .checkpoints import Checkpoints
from .packing import scale
from .scores import Numbers
from .states import STATES

# N tokens, P pieces, T steps, B lanes (batch rows that carry their state), H units

CACHE = 256 << 20  # bytes of cached traces
LONGEST_WARMUP = 3 * WARMUP // 2
RUN = 512  # tokens that are read after one warm-up
SAMPLE, PLACES = 2048, 8  # tokens sampled for the colour scales, and from how many parts of the text

Mask = npt.NDArray[np.bool_]
Plane = tuple[str, str]
"""(recurrence, gate), by name."""


@dataclass(frozen=True)
class Piece:
    """A piece of the text that has been read.

    Attributes:
        block: the batch that it was read in.
        rows: the steps of its tokens, in the order of the text.
        lane: its row of the batch.
        provisional: whether it was read after a warm-up, because the state before it was unknown.
    """

    block: Block
    rows: Ids | slice
    lane: int
    provisional: bool

    def values(self, plane: Plane) -> Tensor:
        """Return the values of a gate, ``(n, H)``."""
        return _lane(self.block.trace[plane], self)

    def read(self) -> Tensor:
        """Return the head's input, ``(n, ·)``."""
        assert self.block.read is not None
        return _lane(self.block.read, self)


def _lane(z: Tensor, piece: Piece) -> Tensor:
    lane = z[:, piece.lane]
    return lane[piece.rows] if isinstance(piece.rows, slice) else lane[torch.from_numpy(piece.rows)]


@dataclass(frozen=True)
class Block:
    """Pieces read as one batch: every gate ``(T, B, H)``, and the head's input ``(T, B, ·)``."""

    trace: dict[Plane, Tensor]
    read: Tensor | None

    @property
    def size(self) -> int:
        """The size in bytes."""
        tensors = [leaf for leaf in tree_leaves((self.trace, self.read)) if leaf is not None]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True)
class Values:
    """A gate over characters: ``values (n, H)``, nan where no token was read."""

    values: Numbers
    provisional: bool


class Traces:
    """The gates and predictions of a network over a text, computed on request; not thread-safe.

    Args:
        reading: the network and the text.
        cache: bytes of traces to cache.

    Attributes:
        planes: the gates of each recurrence, with their number of units.
        scales: for each plane ``(low, high)``, ``(H,)`` each: the values at the ends of each unit's own colour scale.
        checkpoints: the saved states of a running text; `None` for lines.

    Raises:
        ArgumentError: the recurrent cell names no gates.
    """

    def __init__(self, reading: Inspection, *, cache: int = CACHE) -> None:
        self.reading, self.text, self.cache = reading, reading.text, cache
        model: Any = reading.model
        self.checkpoints: Checkpoints | None = None
        if isinstance(self.text, RunningText):
            self.checkpoints = Checkpoints(self.text, model.initial_state(1))
            self.places = self.text.text.places
            self._begins, self._ends = self.checkpoints.begins, self.checkpoints.ends
        else:
            self._orders = [np.argsort(line.places, kind="stable") for line in self.text.lines]
            places = [line.places[order] for line, order in zip(self.text.lines, self._orders, strict=True)]
            self.places = np.concatenate(places)
            self._ends = np.cumsum(self.text.lengths)
            self._begins = self._ends - self.text.lengths
        self._recent: OrderedDict[int, tuple[Block, list[int]]] = OrderedDict()  # by the block's id
        self._pieces: dict[int, Piece] = {}
        self.planes: dict[Plane, int] = {}
        self.scales = self._scales()

    def symbols(self, begin: int, end: int) -> Ids:
        """Return ``(end - begin,)``: the index of each character's token, the last that ends with it; −1: none."""
        N = len(self.places)
        following = np.searchsorted(self.places, np.arange(begin, end))
        last = np.searchsorted(self.places, self.places[np.minimum(following, N - 1)], side="right") - 1
        return np.where(following < N, last, -1)

    def values(self, plane: Plane, begin: int, end: int, units: slice = slice(None)) -> Values:
        """Return units of a gate at the characters ``begin`` to ``end``, after reading the token of each character."""
        numbers = self.symbols(begin, end)
        values = np.full((end - begin, len(range(self.planes[plane])[units])), np.nan, dtype=np.float32)
        provisional = False
        for piece, offset, here in self._pieces_with(numbers):
            z = piece.values(plane)[:, units].float().cpu().numpy()
            values[here] = z[numbers[here] - offset]
            provisional |= piece.provisional
        return Values(values, provisional)

    @torch.no_grad()
    def guesses(self, begin: int, end: int, count: int) -> tuple[Ids, Numbers]:
        """Return for each character the most probable next tokens ``(n, count)`` and their probabilities."""
        numbers = self.symbols(begin, end)
        model: Any = self.reading.model
        ids, shares = np.zeros((end - begin, count), dtype=np.int64), np.zeros((end - begin, count), dtype=np.float32)
        for piece, offset, here in self._pieces_with(numbers):
            logits = model.logits(piece.read()[torch.from_numpy(numbers[here] - offset)]).float()
            best = logits.topk(min(count, logits.size(1)), dim=1)
            width = best.indices.size(1)
            ids[here, :width] = best.indices.cpu().numpy()
            shares[here, :width] = (best.values - logits.logsumexp(1, keepdim=True)).exp().cpu().numpy()
        return ids, shares

    @torch.no_grad()
    def surprise(self, begin: int, end: int) -> Values:
        """Return −log p in nats of the token that ends at each character ``(n, 1)``; nan where none was predicted."""
        text = self.text
        assert isinstance(text, RunningText)
        low, high = np.searchsorted(self.places, [begin, end])
        numbers = np.arange(low, high)
        before = np.where(text.begins_document[low:high], -1, numbers - 1)
        model: Any = self.reading.model
        nats, provisional = np.full((end - begin, 1), np.nan, dtype=np.float32), False
        for piece, offset, here in self._pieces_with(before):
            log_p = model.logits(piece.read()[torch.from_numpy(before[here] - offset)]).float().log_softmax(1)
            found = -log_p.gather(1, torch.from_numpy(text.text.ids[numbers[here]])[:, None])[:, 0].cpu().numpy()
            for place, value in zip((self.places[numbers[here]] - begin).tolist(), found.tolist(), strict=True):
                nats[place] = value + (0.0 if np.isnan(nats[place, 0]) else nats[place, 0])
            provisional |= piece.provisional
        return Values(nats, provisional)

    def spread(self, count: int = SAMPLE, ranges: int = PLACES) -> list[tuple[int, int]]:
        """Return ranges of characters from all over the text, ``count`` characters together, or the whole text."""
        n = int(self.places[-1]) + 1
        if n <= count:
            return [(0, n)]
        length = count // ranges
        return [(int(begin), int(begin) + length) for begin in np.linspace(0, n - length, ranges)]

    def _pieces_with(self, numbers: Ids) -> list[tuple[Piece, int, Ids]]:
        """Return the pieces with these tokens, ascending: (piece, its first token, its indices into ``numbers``)."""
        inside = np.flatnonzero(numbers >= 0)
        if not len(inside):
            return []
        owner = np.searchsorted(self._ends, numbers[inside], side="right")
        wanted, first = np.unique(owner, return_index=True)
        parts = np.split(inside, first[1:])
        pieces = self._cached(wanted.tolist())
        return [
            (piece, int(self._begins[number]), part)
            for number, piece, part in zip(wanted, pieces, parts, strict=True)
        ]  # fmt: skip

    def _cached(self, numbers: Sequence[int]) -> list[Piece]:
        """Return these pieces, from the cache or read now."""
        known = np.ones(1, dtype=np.bool_) if self.checkpoints is None else self.checkpoints.known.copy()
        outdated = {n for n in numbers if n in self._pieces and self._pieces[n].provisional and known[n]}
        pieces = {n: self._pieces[n] for n in numbers if n in self._pieces and n not in outdated}
        for piece in pieces.values():
            self._recent.move_to_end(id(piece.block))
        for group in self._groups([n for n in numbers if n not in pieces], known):
            for number, piece in zip(group, self._read(group, known), strict=True):
                pieces[number] = self._pieces[number] = piece
                self._recent.setdefault(id(piece.block), (piece.block, []))[1].append(number)
        self._evict()
        return [pieces[n] for n in numbers]

    def _evict(self) -> None:
        """Drop the least recently used blocks."""
        size = sum(block.size for block, _ in self._recent.values())
        while size > self.cache and len(self._recent) > 1:
            _, (block, numbers) = self._recent.popitem(last=False)
            size -= block.size
            for number in numbers:
                if number in self._pieces and self._pieces[number].block is block:
                    del self._pieces[number]

    def _groups(self, numbers: list[int], known: Mask) -> list[list[int]]:
        """Group pieces into batches: the states before them all known or all unknown, and of limited size."""
        if not numbers:
            return []
        if self.checkpoints is None:
            assert isinstance(self.text, Lines)
            lengths = self.text.lengths
            return [[numbers[i] for i in chosen] for chosen in in_order([lengths[n] for n in numbers], 64, AT_ONCE)]
        groups = []
        for wanted in (True, False):
            selected = [n for n in numbers if known[n] == wanted]
            most = max(1, AT_ONCE // self.checkpoints.length // (1 if wanted else 2))
            groups += [selected[at : at + most] for at in range(0, len(selected), most)]
        return groups

    @torch.no_grad()
    def _read(self, numbers: list[int], known: Mask) -> list[Piece]:
        """Read these pieces as one batch."""
        trace: dict[Plane, Tensor] = {}

        def take(name: str, begin: int, gates: Trace) -> None:
            if not gates:
                raise ArgumentError("cell", "a cell that names its gates in step_traced", name)
            trace.update({(name, gate): z for gate, z in gates.items()})

        with capture(self.reading.stack(self.reading.model), take, chunk=1 << 40):
            if self.checkpoints is None:
                return self._read_lines(np.array(numbers), trace)
            return self._read_stretches(np.array(numbers), bool(known[numbers[0]]), trace)

    def _read_stretches(self, numbers: Ids, known: bool, trace: dict[Plane, Tensor]) -> list[Piece]:
        checkpoints, text = self.checkpoints, self.text
        assert checkpoints is not None
        assert isinstance(text, RunningText)
        model: Any = self.reading.model
        if known:
            runs, firsts, state = [[n] for n in numbers], checkpoints.firsts[numbers], checkpoints.states(numbers)
        else:
            runs = _runs(numbers, self._ends - self._begins)
            firsts, state = text.warmup_starts(self._begins[[run[0] for run in runs]], LONGEST_WARMUP), None
        T = max(int(self._ends[run[-1]] - first) for run, first in zip(runs, firsts, strict=True))
        places = np.minimum(firsts + np.arange(T)[:, None], len(text) - 1)  # (T, B)
        y, _ = model.read(*text.inputs(model, places, state, not known))
        block = Block(trace, y)
        return [
            Piece(block, slice(int(self._begins[n] - first), int(self._ends[n] - first)), lane, not known)
            for lane, (run, first) in enumerate(zip(runs, firsts, strict=True))
            for n in run
        ]

    def _read_lines(self, numbers: Ids, trace: dict[Plane, Tensor]) -> list[Piece]:
        assert isinstance(self.text, Lines)
        self.text.batch_pass(self.reading.model, numbers, np.zeros_like(numbers)).run()
        block = Block(trace, None)
        return [Piece(block, self._orders[number], lane, False) for lane, number in enumerate(numbers)]

    def _scales(self) -> dict[Plane, tuple[Numbers, Numbers]]:
        """Compute the colour scales from sampled pieces: 0 to 1 for gates within [0, 1], else `packing.scale`."""
        P = len(self._begins)
        count = min(P, max(1, SAMPLE * P // len(self.places)))  # pieces
        places = max(1, min(PLACES, count)) if self.checkpoints is not None else count
        firsts = np.linspace(0, P - count // places, places).round().astype(np.int64)
        chosen = np.unique(firsts[:, None] + np.arange(count // places)).tolist()
        known = np.zeros(P, dtype=np.bool_)
        pieces = [piece for group in self._groups(chosen, known) for piece in self._read(group, known)]
        scales = {}
        for plane in pieces[0].block.trace:
            z = torch.cat([piece.values(plane) for piece in pieces]).float().cpu().numpy()  # (n, H)
            self.planes[plane] = H = z.shape[1]
            if plane[1] not in STATES and z.min() >= 0 and z.max() <= 1:
                scales[plane] = np.zeros(H, dtype=np.float32), np.ones(H, dtype=np.float32)
            else:
                limits = np.array([scale(z[:, unit]) for unit in range(H)], dtype=np.float32)
                scales[plane] = limits[:, 0], limits[:, 1]
        return scales


def _runs(numbers: Ids, lengths: Ids) -> list[list[int]]:
    """Group consecutive stretches of the ascending ``numbers`` into runs that share one warm-up."""
    runs: list[list[int]] = []
    for n in numbers.tolist():
        if runs and runs[-1][-1] == n - 1 and lengths[runs[-1]].sum() < RUN:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs
