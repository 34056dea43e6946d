"""What a page shows: the values of a few units at every character of a text, and what the model expects next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..analysis import capture
from ..analysis.inspection import Inspection
from ..analysis.passes import NOWHERE
from ..analysis.tokenized import Ids
from ..cells import Trace
from .findings import Unit
from .scores import Numbers

GUESSES = 5  # symbols a model expects next

Shares = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """A text of n characters through the eyes of a few units.

    Attributes:
        values: ``(units, n)``: after reading the symbol that each character belongs to; nan where none was read.
        guesses: ``(n, 5)``: the likeliest next symbols, likeliest first, with ``shares (n, 5)``, their probabilities;
            `None` for a model that predicts none.
    """

    values: Numbers
    guesses: Ids | None = None
    shares: Shares | None = None


@torch.no_grad()
def values_of(reading: Inspection, units: Sequence[Unit], n: int) -> Shown:
    """One pass over a text of n characters; only these units' values are kept."""
    values = np.full((len(units), n), np.nan, dtype=np.float32)
    guesses, shares = np.zeros((n, GUESSES), dtype=np.int64), np.zeros((n, GUESSES), dtype=np.float32)
    wanted: dict[tuple[str, str], list[int]] = {}
    for number, unit in enumerate(units):
        wanted.setdefault((unit.recurrence, unit.gate), []).append(number)
    read = np.zeros(n, dtype=np.bool_)
    now: list[tuple[Tensor, Ids]] = []  # of this pass: steps, places

    def take(name: str, begin: int, trace: Trace) -> None:
        rows, places = now[0]
        for gate, z in trace.items():
            for number in wanted.get((name, gate), ()):
                values[number, places] = z[..., units[number].index].flatten()[rows].float().cpu().numpy()

    predicts = False
    with capture(reading.stack(reading.model), take, chunk=1 << 40):
        for one in reading.passes():
            rows = np.flatnonzero(one.part != NOWHERE)
            places = one.positions.ravel()[rows]
            now[:] = [(torch.from_numpy(rows), places)]
            read[places] = True
            logits = one.run()
            if logits is not None:
                predicts = True
                best = torch.softmax(logits.flatten(0, 1)[torch.from_numpy(rows)].float(), dim=1)
                some = best.topk(min(GUESSES, best.size(1)), dim=1)
                width = some.indices.size(1)
                guesses[places, :width], shares[places, :width] = some.indices.cpu().numpy(), some.values.cpu().numpy()
    spread = _whole_symbols(read)
    values = np.where(spread >= 0, values[:, spread], np.nan).astype(np.float32)
    return Shown(values, guesses[spread], shares[spread]) if predicts else Shown(values)


def _whole_symbols(read: npt.NDArray[np.bool_]) -> Ids:
    """``(n,)``: for each character the place of its symbol: the next one that was read; −1 after the last."""
    n = len(read)
    following = np.minimum.accumulate(np.where(read, np.arange(n), n)[::-1])[::-1]
    return np.where(following < n, following, -1)
