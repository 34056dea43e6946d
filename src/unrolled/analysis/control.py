"""Controlled ablation: held units compared with random units of the same layer.

    r_u(k) = L_u(k) − L(k)            rise of the loss on class k with unit u held (`ablation`)                  (1)
    r_v(k), v random                  the effect of holding any unit of the layer                                  (2)

The error bars of (1) are the 5th and 95th percentile over resampled segments of the text (`bootstrap`), those of (2)
over the random units.
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
from .text_windows import Classes, LanguageModelHandle, Progress, means, token_kind
from .unit_names import NamedUnit
from .units import cell_at, stack_of, width_of

# U units, N random units, K classes that occur, and all together

WHOLE = "all"
LOW, HIGH = 5, 95  # percentiles

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Controlled:
    """Rises of the loss with single units of one layer and leaf held, in nats per token.

    Attributes:
        units: the U selected units.
        others: N random units of the same layer.
        held: the values of the units and then of the others.
        kinds: the classes that occur, most frequent first, and ``"all"``.
        counts: ``(K,)``, predictions of each class.
        baseline: ``(K,)``, loss without held units.
        rises: ``(U, K)``, (1).
        ranges: ``(2, U, K)``, 5th and 95th percentile of the rises over segments of the text.
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
        """The layer and leaf of the units, e.g. ``layer 1 h``."""
        return str(self.units[0]).partition("[")[0]

    @cached_property
    def mean(self) -> Floats:
        """``(K,)``, the mean rise of the random units."""
        return self.other_rises.mean(0)

    @cached_property
    def deviation(self) -> Floats:
        """``(K,)``, the standard deviation of the rises of the random units; 0 for a single unit."""
        return self.other_rises.std(0, ddof=1) if len(self.others) > 1 else np.zeros(len(self.kinds))

    @cached_property
    def span(self) -> Floats:
        """``(2, K)``, the 5th and 95th percentile of the rises of the random units."""
        return np.percentile(self.other_rises, [LOW, HIGH], axis=0)

    @cached_property
    def above(self) -> npt.NDArray[np.int64]:
        """``(U, K)``, the number of random units that raise the loss less than the unit."""
        return (self.other_rises[None] < self.rises[:, None]).sum(1)

    def as_json(self) -> dict[str, Any]:
        """Return JSON data."""
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
    """Yield the units of each layer, direction and leaf of the state."""
    groups: dict[tuple[int, int, str], list[NamedUnit]] = {}
    for unit in dict.fromkeys(units):
        groups.setdefault((unit.layer, unit.direction, unit.leaf), []).append(unit)
    yield from groups.values()


def random_others(
    handle: LanguageModelHandle, units: Sequence[NamedUnit], count: int, seed: int = 0
) -> list[NamedUnit]:
    """Draw ``count`` other units of the layer of ``units``, or all if there are fewer."""
    first = units[0]
    cell = cell_at(stack_of(handle.model), first.layer, first.direction)
    rest = np.setdiff1d(np.arange(width_of(cell, first.leaf)), [unit.unit for unit in units])
    drawn = np.random.default_rng(seed).permutation(rest)[:count]
    return [first._replace(unit=int(unit)) for unit in sorted(drawn)]


def controlled(
    handle: LanguageModelHandle,
    split: Split,
    units: Sequence[NamedUnit],
    others: Sequence[NamedUnit] = (),
    *,
    value: float | Literal["mean"] = 0.0,
    classes: Classes = token_kind,
    lanes: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Controlled:
    """Hold units of one layer, one at a time, and other units for comparison.

    Args:
        handle: a language model with recurrent layers.
        split: the text to predict.
        units: units of one layer, direction and leaf.
        others: units of the same layer, e.g. from `random_others`.
        value: the value of every unit, or ``"mean"``: the mean of each unit over the text.
        classes: see `ablation`.
        lanes: see `ablation`.
        seed: seed of the bootstrap.
        progress: see `ablation`.

    Raises:
        ArgumentError: see `ablation`.
    """
    check_size("units", len(units))
    clamped, first = [*units, *others], units[0]
    if value == "mean":
        unit_means = means(handle, split, first.layer, leaf=first.leaf)
        held = [unit_means[unit.key] for unit in clamped]
    else:
        held = [float(value)] * len(clamped)
    result = ablation(
        handle, split, [unit.key for unit in clamped], values=held, leaf=first.leaf, classes=classes, lanes=lanes,
        progress=progress,
    )  # fmt: skip
    return _summarize(result, list(units), list(others), seed)


def _summarize(result: Ablation, units: list[NamedUnit], others: list[NamedUnit], seed: int) -> Controlled:
    occurring = [k for k in np.argsort(-result.counts, kind="stable") if result.counts[k]]
    counts = _with_total(result.stretch_counts[:, occurring])  # (S, K)
    total = counts.sum(0)
    rises = np.stack([_with_total(segments[:, occurring]) for segments in result.stretch_rises])  # (U + N, S, K)
    U = len(units)
    drawn = [np.percentile(resampled(segments, counts, seed=seed), [LOW, HIGH], axis=0) for segments in rises[:U]]
    baseline = _with_total((result.baseline * result.counts)[None, occurring])[0] / total
    whole = rises.sum(1) / total
    kinds = [*(result.classes[k] for k in occurring), WHOLE]
    return Controlled(
        units, others, result.values, kinds, total, baseline, whole[:U], np.stack(drawn, axis=1), whole[U:]
    )  # fmt: skip


def _with_total(sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Append the sum over all classes: ``(…, C)`` → ``(…, C + 1)``."""
    return np.concatenate([sums, sums.sum(-1, keepdims=True)], axis=-1)
