"""The data of a page: the values of a few units at every character of a text, and the model's predictions."""

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

GUESSES = 5  # predicted next tokens for each character

Shares = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """The values of a few units over a text of n characters.

    Attributes:
        values: ``(units, n)``: after reading the token that each character belongs to; nan if it was not read.
        guesses: ``(n, 5)``: the most probable next tokens, best first, with ``shares (n, 5)``, their probabilities;
            `None` for a model that does not predict tokens.
    """

    values: Numbers
    guesses: Ids | None = None
    shares: Shares | None = None


@torch.no_grad()
def values_of(reading: Inspection, units: Sequence[Unit], n: int) -> Shown:
    """Read a text of n characters once and return the values of these units and the predictions."""
    values = np.full((len(units), n), np.nan, dtype=np.float32)
    guesses, shares = np.zeros((n, GUESSES), dtype=np.int64), np.zeros((n, GUESSES), dtype=np.float32)
    wanted: dict[tuple[str, str], list[int]] = {}
    for number, unit in enumerate(units):
        wanted.setdefault((unit.recurrence, unit.gate), []).append(number)
    read = np.zeros(n, dtype=np.bool_)
    current: list[tuple[Tensor, Ids]] = []  # of the current pass: rows of the trace, places in the text

    def take(name: str, begin: int, trace: Trace) -> None:
        rows, places = current[0]
        for gate, z in trace.items():
            for number in wanted.get((name, gate), ()):
                values[number, places] = z[..., units[number].index].flatten()[rows].float().cpu().numpy()

    predicts = False
    with capture(reading.stack(reading.model), take, chunk=1 << 40):
        for batch in reading.passes():
            rows = np.flatnonzero(batch.part != NOWHERE)
            places = batch.positions.ravel()[rows]
            current[:] = [(torch.from_numpy(rows), places)]
            read[places] = True
            logits = batch.run()
            if logits is not None:
                predicts = True
                p = torch.softmax(logits.flatten(0, 1)[torch.from_numpy(rows)].float(), dim=1)
                best = p.topk(min(GUESSES, p.size(1)), dim=1)
                width = best.indices.size(1)
                guesses[places, :width], shares[places, :width] = best.indices.cpu().numpy(), best.values.cpu().numpy()
    spread = _token_ends(read)
    values = np.where(spread >= 0, values[:, spread], np.nan).astype(np.float32)
    return Shown(values, guesses[spread], shares[spread]) if predicts else Shown(values)


def _token_ends(read: npt.NDArray[np.bool_]) -> Ids:
    """Return ``(n,)``: for each character the position where its token ends; −1 after the last token."""
    n = len(read)
    following = np.minimum.accumulate(np.where(read, np.arange(n), n)[::-1])[::-1]
    return np.where(following < n, following, -1)
