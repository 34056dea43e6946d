"""Whether it matters more that a unit is held than that any is: units beside random ones of the same layer.

    r_u(k) = L_u(k) − L(k)            by how much the loss on class k rises with unit u held (`ablation`)           (1)
    r_v(k), v random                  what holding any unit of the layer does                                       (2)

The error of (1) is that of the text: its 5th and 95th percentile over stretches drawn anew (`bootstrap`). Those of (2)
are over the random units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..cells import check_size
from ..data import Split
from .ablation import Ablation, ablation
from .bootstrap import resampled
from .text_windows import Classes, LanguageModelHandle, Progress, kind_of_symbol, means
from .unit_names import NamedUnit
from .units import cell_at, stack_of, width_of

# U units, N random ones, K classes that occur and the whole text

WHOLE = "all"
LOW, HIGH = 5, 95  # percentiles

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Controlled:
    """Units of one layer's h or c, and random others, each held by itself. In nats per symbol.

    Attributes:
        units: U, those that were asked for.
        others: N, drawn from the rest of the layer.
        held: at what values, of both, one after the other.
        kinds: the classes that occur, the commonest first, and ``"all"``.
        counts: ``(K,)`` predictions.
        baseline: ``(K,)`` the loss with no unit held.
        rises: ``(U, K)``, (1).
        ranges: ``(2, U, K)``, 5th and 95th percentile of each over stretches of the text.
        other_rises: ``(N, K)``, (2).
    """

    units: list[NamedUnit]
    others: list[NamedUnit]
    held: list[float]
    kinds: list[str]
    counts: npt.NDArray[np.int64]
    baseline: Floats
    rises: Floats
    ranges: Floats
    other_rises: Floats

    @property
    def place(self) -> str:
        """``layer 1 h``: whose units they are."""
        return str(self.units[0]).partition("[")[0]

    @cached_property
    def mean(self) -> Floats:
        """``(K,)`` of the random units."""
        return self.other_rises.mean(0)

    @cached_property
    def deviation(self) -> Floats:
        """``(K,)``: their standard deviation; 0 of a single one."""
        return self.other_rises.std(0, ddof=1) if len(self.others) > 1 else np.zeros(len(self.kinds))

    @cached_property
    def span(self) -> Floats:
        """``(2, K)``: their 5th and 95th percentile."""
        return np.percentile(self.other_rises, [LOW, HIGH], axis=0)

    @cached_property
    def above(self) -> npt.NDArray[np.int64]:
        """``(U, K)``: how many random units raise the loss less than the unit does."""
        return (self.other_rises[None] < self.rises[:, None]).sum(1)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        held = iter(self.held)
        return {
            "place": self.place,
            "kinds": self.kinds,
            "counts": self.counts.tolist(),
            "baseline": self.baseline.tolist(),
            "units": [
                {
                    "unit": str(unit),
                    "value": next(held),
                    "rise": self.rises[u].tolist(),
                    "low": self.ranges[0, u].tolist(),
                    "high": self.ranges[1, u].tolist(),
                    "above": self.above[u].tolist() if self.others else [],
                }
                for u, unit in enumerate(self.units)
            ],
            "random": [
                {"unit": str(unit), "value": next(held), "rise": rise}
                for unit, rise in zip(self.others, self.other_rises.tolist(), strict=True)
            ],
        }


def groups_of(units: Sequence[NamedUnit]) -> Iterator[list[NamedUnit]]:
    """The units of each layer, direction and part of the state."""
    places = dict.fromkeys((one.layer, one.direction, one.leaf) for one in units)
    for place in places:
        yield [one for one in dict.fromkeys(units) if (one.layer, one.direction, one.leaf) == place]


def random_others(
    handle: LanguageModelHandle, units: Sequence[NamedUnit], count: int, seed: int = 0
) -> list[NamedUnit]:
    """``count`` other units of the same layer as ``units``, or as many as there are."""
    first = units[0]
    cell = cell_at(stack_of(handle.model), first.layer, first.direction)
    rest = np.setdiff1d(np.arange(width_of(cell, first.leaf)), [one.unit for one in units])
    drawn = np.random.default_rng(seed).permutation(rest)[:count]
    return [first._replace(unit=int(unit)) for unit in sorted(drawn)]


def controlled(
    handle: LanguageModelHandle,
    split: Split,
    units: Sequence[NamedUnit],
    others: Sequence[NamedUnit] = (),
    *,
    value: float | Literal["mean"] = 0.0,
    classes: Classes = kind_of_symbol,
    lanes: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Controlled:
    """Hold units of one layer, one at a time, and others to compare with.

    Args:
        handle: a language model with recurrent layers.
        split: what it is to predict.
        units: of one layer and one part of its state.
        others: of the same, e.g. from `random_others`.
        value: at which each is held, or ``"mean"``: each at its own over the text.
        classes: see `ablation`.
        lanes: see `ablation`.
        seed: of the bootstrap.
        progress: see `ablation`.

    Raises:
        ArgumentError: see `ablation`.
    """
    check_size("units", len(units))
    every, first = [*units, *others], units[0]
    if value == "mean":
        found = means(handle, split, first.layer, leaf=first.leaf)
        held = [found[one.key] for one in every]
    else:
        held = [float(value)] * len(every)
    result = ablation(
        handle, split, [one.key for one in every], values=held, leaf=first.leaf, classes=classes, lanes=lanes,
        progress=progress,
    )  # fmt: skip
    return _told(result, list(units), list(others), seed)


def _told(result: Ablation, units: list[NamedUnit], others: list[NamedUnit], seed: int) -> Controlled:
    kept = [k for k in np.argsort(-result.counts, kind="stable") if result.counts[k]]
    counts = _and_whole(result.stretch_counts[:, kept])  # (S, K)
    total = counts.sum(0)
    rises = np.stack([_and_whole(one[:, kept]) for one in result.stretch_rises])  # (U + N, S, K)
    U = len(units)
    drawn = [np.percentile(resampled(one, counts, seed=seed), [LOW, HIGH], axis=0) for one in rises[:U]]
    baseline = _and_whole((result.baseline * result.counts)[None, kept])[0] / total
    whole = rises.sum(1) / total
    kinds = [*(result.classes[k] for k in kept), WHOLE]
    return Controlled(
        units, others, result.values, kinds, total, baseline, whole[:U], np.stack(drawn, axis=1), whole[U:]
    )  # fmt: skip


def _and_whole(sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``(…, C)`` → ``(…, C + 1)``, with the sum over all classes last."""
    return np.concatenate([sums, sums.sum(-1, keepdims=True)], axis=-1)
