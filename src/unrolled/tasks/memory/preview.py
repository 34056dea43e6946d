"""Sequences and what a model answers, as text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...data.digits import DigitSequences
from ...data.episodes import EpisodeArrays, Episodes
from .trained import answers

SHOWN = 4  # sequences
SIDE_BY_SIDE, DARK = 3, 96  # pictures; what is drawn of their 255 shades
WIDTH = 60  # columns


@torch.no_grad()
def preview(model: nn.Module, episodes: Episodes) -> str:
    """A few sequences with the right answers and the model's."""
    if isinstance(episodes, DigitSequences):
        return _pictures(model, episodes)
    lines: list[str] = []
    for made, z, _, at in answers(model, episodes, 1 if episodes.kind == "bits" else SHOWN):
        for n in range(made.where.shape[1]):
            said = z[at == n].float().cpu().numpy()
            match episodes.kind:
                case "number":
                    lines.append(_sum(made, n, float(said[0, 0])))
                case "bits":
                    lines += _bits(made, n, said)
                case _:
                    lines += _symbols(made, n, said)
    return "\n".join(lines)


def _pictures(model: nn.Module, episodes: DigitSequences) -> str:
    """Digits side by side, and under each what it is said to be."""
    columns: list[list[str]] = []
    for made, z, targets, _ in answers(model, episodes, SIDE_BY_SIDE):
        lanes = np.arange(made.where.shape[1]) + len(columns)
        shown = episodes.digits.pictures[episodes.chosen(lanes, np.zeros_like(lanes))]
        sure, said = z.softmax(1).max(1)
        for picture, p, one, true in zip(shown, sure.tolist(), said.tolist(), targets.tolist(), strict=True):
            caption = f"{one} ({p:.0%}), {'right' if one == true else f'wrong: {true}'}"
            columns.append([*_blocks(picture > DARK), caption.ljust(picture.shape[1])])
    return "\n".join("  ".join(parts) for parts in zip(*columns, strict=True))


def _sum(made: EpisodeArrays, n: int, said: float) -> str:
    values, marks = made.inputs[:, n].T
    (i, j), target = np.flatnonzero(marks), float(made.targets[-1, n, 0])
    return (
        f"{values[i]:.2f} + {values[j]:.2f} = {target:.2f}, says {said:.2f} ({said - target:+.2f})   "
        f"steps {i + 1} and {j + 1} of {len(values)}"
    )


def _bits(made: EpisodeArrays, n: int, said: npt.NDArray[np.float32]) -> list[str]:
    """What it should say beside what it says, time to the right, a bit by row, two rows in a line."""
    target = made.targets[made.where[:, n], n] > 0.5
    both = ("says".ljust(min(WIDTH, len(target)) + 2) if len(target) > 2 else "says  ", "should say")
    wrong = int((target != (said > 0)).any(1).sum())
    rows = zip(_blocks(said[:WIDTH].T > 0), _blocks(target[:WIDTH].T), strict=True)
    return ["".join(both), *(f"{a}  {b}" for a, b in rows), f"{wrong} of {len(target)} vectors wrong"]


def _blocks(picture: npt.NDArray[np.bool_]) -> list[str]:
    """Half-block characters, two rows of the picture in each line."""
    if len(picture) % 2:
        picture = np.concatenate([picture, np.zeros_like(picture[:1])])
    return [
        "".join(" ▀▄█"[a + 2 * b] for a, b in zip(*two, strict=True))
        for two in zip(picture[::2], picture[1::2], strict=True)
    ]


def _symbols(made: EpisodeArrays, n: int, said: npt.NDArray[np.float32]) -> list[str]:
    target = made.targets[made.where[:, n], n]
    answered = said.argmax(1)
    wrong = int((answered != target).sum())
    return [
        f"{' '.join(map(str, target))}   says {' '.join(map(str, answered))}   {f'{wrong} wrong' if wrong else 'right'}"
    ]
