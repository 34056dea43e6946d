"""``unrolled inspect`` for the task ``image``: filters, feature maps, what excites the units, and occlusion maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...analysis.picture_units import LayerResponses, projections, responses, window
from ...cells import check_size
from ...data.pictures import Pixels
from ...errors import DataError, RunError
from ...layers.convolution import Layer
from ...results import Pairs, Part, Picture, Progress, Report, Text
from .grids import grid, patch_rows, signed

if TYPE_CHECKING:
    from .trained import TrainedImages

AT_ONCE = 64  # pictures read together
MOST_MAPS = 64  # feature maps of a layer that are drawn
OWN = 2  # pictures of the run's own data, if none are given
RESPONSES = 9  # of a unit


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """What is shown."""

    input_name: ClassVar[str] = "image"
    units: int = 8
    """units of each layer whose patches are shown, the most selective ones"""
    limit: int = 2000
    """training pictures that are searched for patches; 0: none"""

    def __post_init__(self) -> None:
        check_size("units", self.units)
        check_size("limit", self.limit, least=0)


def inspection(model: TrainedImages, options: Inspect, words: Sequence[str], progress: Progress) -> Report:
    """See `Trained.inspection`; ``words`` are the pictures to look at (default: two of the run's own).

    Raises:
        DataError: a picture cannot be read.
    """
    notes: list[str] = []
    pictures = [(Path(word).name, model.read(word)) for word in words]
    train: Pixels | None = None
    if options.limit or not pictures:
        try:
            sets = model.own_sets()
        except (RunError, DataError) as error:
            notes.append(f"no patches: {error}")
        else:
            train = sets.train.pixels[: options.limit] if options.limit else None
            own = sets.test if len(sets.test) else sets.valid
            own = own.pick(range(min(OWN, len(own))))
            pictures = pictures or list(zip(own.names, own.pixels, strict=True))
    parts: list[Part] = [Pairs(model.about()), *_filters(model)]
    for number, (name, pixels) in enumerate(pictures, 1):
        parts += _picture(model, number, name, pixels)
    if train is not None and len(train):
        parts += _patches(model, train, options.units, progress)
    drawn = [part.name for part in parts if isinstance(part, Picture)]
    return Report({"pictures": drawn, "layers": _names(model)}, tuple(parts), notes=tuple(notes), event="inspected")


def _names(model: TrainedImages) -> list[str]:
    data = model.config.data
    with torch.no_grad():
        blank = torch.zeros(1, data.channels, data.size, data.size, device=model.device)
        return [layer.name for layer in model.model.features.layers(blank)]


def _filters(model: TrainedImages) -> Iterator[Part]:
    """Yield the filters of the first layer, each on its own scale."""
    weight = next(model.model.features.parameters()).detach().cpu()[:MOST_MAPS]  # (F, C, k, k)
    yield Text(
        "Filters of the first layer\nA colour raises a filter's output, its complement lowers it; grey is 0."
        if weight.size(1) == 3
        else "Filters of the first layer\nRed raises a filter's output, blue lowers it; white is 0."
    )
    yield Picture("filters", lambda: grid([signed(part) for part in weight], least=48), "filters of the first layer")


def _picture(model: TrainedImages, number: int, name: str, pixels: Pixels) -> Iterator[Part]:
    """Yield the prediction for a picture, its explanation, and its feature maps at every layer."""
    [prediction] = model.classified([(name, pixels)], explain=True)
    yield Text(f"{name}\n{prediction.likeliest()}")
    for part in prediction.parts:
        assert isinstance(part, Picture)
        yield Picture(f"explained-{number}", part.draw, "occlusion and gradient x input")
    network = model.model
    with torch.no_grad():
        layers = list(network.features.layers(network.normalised(_tensor(model, pixels[None]))))
    for layer in layers:
        file = f"maps-{number}-{layer.name.replace(' ', '-')}"
        h, w = layer.maps.shape[2:]
        shown = min(MOST_MAPS, layer.maps.size(1))
        yield Picture(
            file,
            lambda layer=layer: _maps(layer),  # type: ignore[misc]
            f"{layer.name}: {shown} of {layer.maps.size(1)} feature maps of {h} x {w}; white is the largest value",
        )


def _maps(layer: Layer) -> bytes:
    maps = layer.maps[0, :MOST_MAPS].float().cpu().numpy()
    most = max(float(maps.max()), 1e-12)
    shades = [np.repeat((255 * np.clip(part / most, 0, 1)).astype(np.uint8)[..., None], 3, 2) for part in maps]
    return grid(shades, least=48, columns=16)


def _patches(model: TrainedImages, train: Pixels, units: int, progress: Progress) -> Iterator[Part]:
    """Yield for every convolution the patches that excite its most selective units, and their projections."""
    features = model.model.features

    def batches() -> Iterator[Tensor]:
        for begin in range(0, len(train), AT_ONCE):
            yield model.model.normalised(_tensor(model, train[begin : begin + AT_ONCE]))

    with progress(len(train), "pictures") as done:
        found = responses(features, batches, RESPONSES, done)
    yield Text(
        f"Patches that excite a unit most\nOf {len(train):,} training pictures; below each patch what in it excites "
        "the unit: the projection of its value to the pixels (Zeiler and Fergus 2014)."
    )
    for layer in found:
        chosen = layer.selective(units)
        yield Picture(
            f"patches-{layer.name.replace(' ', '-')}",
            lambda layer=layer, chosen=chosen: _drawn(model, train, layer, chosen),  # type: ignore[misc]
            f"{layer.name}: the {len(chosen)} most selective units",
        )


def _drawn(model: TrainedImages, train: Pixels, layer: LayerResponses, units: list[int]) -> bytes:
    features, rows = model.model.features, []
    for unit in units:
        best = layer.best[unit]
        pixels = train[[place.picture for place in best]]
        x = model.model.normalised(_tensor(model, pixels))
        found = projections(features, x, layer.name, unit, best).cpu()
        patches, shown = [], []
        for picture, projection, place in zip(pixels, found, best, strict=True):
            part = window(features, layer.name, place, picture.shape[0])
            cut = part.cut(torch.from_numpy(picture).permute(2, 0, 1).float())
            patches.append(np.repeat(cut.permute(1, 2, 0).numpy().astype(np.uint8), 4 - cut.size(0), 2)[..., :3])
            shown.append(signed(part.cut(projection)))
        rows.append((f"unit {unit}", patches, shown))
    return patch_rows(rows)


def _tensor(model: TrainedImages, pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(model.device)
