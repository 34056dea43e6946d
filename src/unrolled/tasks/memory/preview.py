"""Example sequences with the targets and the predictions of a model, as text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...data.digits import DigitSequences
from ...data.episodes import EpisodeArrays, Episodes
from .trained import answers

SHOWN = 4  # sequences
PICTURES, DARK = 3, 96  # pictures in a row; threshold of their 255 shades
WIDTH = 60  # columns


@torch.no_grad()
def preview(model: nn.Module, episodes: Episodes) -> str:
    """Return a few sequences with their targets and the predictions of the model."""
    if isinstance(episodes, DigitSequences):
        return _pictures(model, episodes)
    lines: list[str] = []
    for batch, z, _, at in answers(model, episodes, 1 if episodes.kind == "bits" else SHOWN):
        for n in range(batch.where.shape[1]):
            predicted = z[at == n].float().cpu().numpy()
            match episodes.kind:
                case "number":
                    lines.append(_sum(batch, n, float(predicted[0, 0])))
                case "bits":
                    lines += _bits(batch, n, predicted)
                case _:
                    lines += _symbols(batch, n, predicted)
    return "\n".join(lines)


def _pictures(model: nn.Module, episodes: DigitSequences) -> str:
    """Return digits side by side with the predicted class and its probability."""
    columns: list[list[str]] = []
    for batch, z, targets, _ in answers(model, episodes, PICTURES):
        lanes = np.arange(batch.where.shape[1]) + len(columns)
        shown = episodes.digits.pictures[episodes.chosen(lanes, np.zeros_like(lanes))]
        confidence, classes = z.softmax(1).max(1)
        for picture, p, digit, true in zip(shown, confidence.tolist(), classes.tolist(), targets.tolist(), strict=True):
            caption = f"{digit} ({p:.0%}), {'right' if digit == true else f'wrong: {true}'}"
            columns.append([*_blocks(picture > DARK), caption.ljust(picture.shape[1])])
    return "\n".join("  ".join(parts) for parts in zip(*columns, strict=True))


def _sum(batch: EpisodeArrays, n: int, predicted: float) -> str:
    values, marks = batch.inputs[:, n].T
    (i, j), target = np.flatnonzero(marks), float(batch.targets[-1, n, 0])
    return (
        f"{values[i]:.2f} + {values[j]:.2f} = {target:.2f}, predicted {predicted:z.2f} ({predicted - target:+z.2f})   "
        f"steps {i + 1} and {j + 1} of {len(values)}"
    )


def _bits(batch: EpisodeArrays, n: int, predicted: npt.NDArray[np.float32]) -> list[str]:
    """Return the predicted and the target bits side by side: time to the right, a row per bit, two rows per line."""
    target = batch.targets[batch.where[:, n], n] > 0.5
    width = max(min(WIDTH, len(target)), len("predicted"))
    header = f"{'predicted':{width}}  target"
    wrong = int((target != (predicted > 0)).any(1).sum())
    rows = zip(_blocks(predicted[:WIDTH].T > 0), _blocks(target[:WIDTH].T), strict=True)
    return [header, *(f"{a:{width}}  {b}" for a, b in rows), f"{wrong} of {len(target)} vectors wrong"]


def _blocks(picture: npt.NDArray[np.bool_]) -> list[str]:
    """Draw a picture with half-block characters, two rows per line."""
    if len(picture) % 2:
        picture = np.concatenate([picture, np.zeros_like(picture[:1])])
    return [
        "".join(" ▀▄█"[a + 2 * b] for a, b in zip(*pair, strict=True))
        for pair in zip(picture[::2], picture[1::2], strict=True)
    ]


def _symbols(batch: EpisodeArrays, n: int, scores: npt.NDArray[np.float32]) -> list[str]:
    target = batch.targets[batch.where[:, n], n]
    predicted = scores.argmax(1)
    wrong = int((predicted != target).sum())
    verdict = f"{wrong} wrong" if wrong else "right"
    return [f"{' '.join(map(str, target))}   predicted {' '.join(map(str, predicted))}   {verdict}"]
