"""What the units of a convolutional network respond to: the patches that excite them most, and their projections.

patches      for each feature map, the places of all pictures with its largest values, and the pixels that they see
projection   the maps of a layer, all 0 but the unit's value at one place, go back to the pixels: through
             max-pooling to the place of the maximum, through ReLU as ReLU, through a convolution by its transpose
             Zeiler and Fergus 2014, section 2.1 ("deconvnet")
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..layers.convolution import Block, Convolutions

# N pictures, B in a batch, C channels, h × w pixels, F feature maps of a layer


class Response(NamedTuple):
    """A unit's value at a place: number of the picture, row and column in the feature map, and the value."""

    picture: int
    row: int
    column: int
    value: float


@dataclass
class LayerResponses:
    """The largest responses of a layer's units.

    Attributes:
        name: the layer's name.
        best: for each unit, its largest responses, one per picture, largest first.
        mean: each unit's mean value over all places ``(F,)``.
    """

    name: str
    best: list[list[Response]]
    mean: Tensor

    def selective(self, count: int) -> list[int]:
        """Return the units whose largest responses exceed their mean most."""
        top = torch.tensor([sum(r.value for r in unit) / max(1, len(unit)) for unit in self.best])
        ratio = top / (self.mean + 1e-3 * top.max().clamp(min=1e-12))
        return [int(unit) for unit in ratio.argsort(descending=True)[:count] if top[unit] > 0]


@torch.no_grad()
def responses(
    network: Convolutions,
    batches: Callable[[], Iterator[Tensor]],
    count: int = 9,
    done: Callable[[int], None] = lambda pictures: None,
) -> list[LayerResponses]:
    """Return the largest responses of the units of every convolution.

    Args:
        network: the network.
        batches: yields the pictures as batches ``(B, C, h, w)``.
        count: responses of a unit.
        done: called with the number of pictures read so far.
    """
    names: list[str] = []
    values: list[list[Tensor]] = []
    places: list[list[Tensor]] = []
    widths: list[int] = []
    sums: list[Tensor] = []
    read = 0
    for x in batches():
        layers = [layer for layer in network.layers(x) if "convolution" in layer.name]
        if not names:
            names, widths = [layer.name for layer in layers], [layer.maps.size(3) for layer in layers]
            values, places = [[] for _ in layers], [[] for _ in layers]
            sums = [torch.zeros(layer.maps.size(1)) for layer in layers]
        for n, (_, maps) in enumerate(layers):
            top, at = maps.flatten(2).max(2)  # (B, F)
            values[n].append(top)
            places[n].append(at)
            sums[n] += maps.mean((2, 3)).sum(0)
        read += len(x)
        done(read)
    found = []
    for n, name in enumerate(names):
        all_values, all_places = torch.cat(values[n]), torch.cat(places[n])
        top, which = all_values.topk(min(count, len(all_values)), dim=0)
        best = [
            [
                Response(int(i), int(all_places[i, unit]) // widths[n], int(all_places[i, unit]) % widths[n], float(v))
                for i, v in zip(which[:, unit], top[:, unit], strict=True)
            ]
            for unit in range(all_values.size(1))
        ]
        found.append(LayerResponses(name, best, sums[n] / read))
    return found


class _Rectified(torch.autograd.Function):
    """ReLU forward, and ReLU of the signal backward, whatever the input was."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> Tensor:
        return signal.clamp(min=0)


def projections(network: Convolutions, x: Tensor, layer: str, unit: int, places: Sequence[Response]) -> Tensor:
    """Return the projections of a unit's responses to the pixels, ``(N, C, h, w)``.

    Args:
        network: the network.
        x: the pictures ``(N, C, h, w)``, one for each response.
        layer: the layer's name.
        unit: the number of the feature map.
        places: where the unit responds in each picture.
    """
    network = copy.deepcopy(network)
    for block in network.blocks:
        assert isinstance(block, Block)
        block.activation = _Rectified.apply
    with torch.enable_grad():
        pixels = x.clone().requires_grad_()
        maps = next(found.maps for found in network.layers(pixels) if found.name == layer)
        signal = torch.zeros_like(maps)
        for n, place in enumerate(places):
            signal[n, unit, place.row, place.column] = maps[n, unit, place.row, place.column].detach()
        (found,) = torch.autograd.grad(maps, pixels, signal)
    return found


class Window(NamedTuple):
    """A square part of a picture: its first row and column, which may be negative, and its side."""

    top: int
    left: int
    side: int

    def cut(self, picture: Tensor) -> Tensor:
        """Return the part of a picture ``(C, h, w)``; what is outside is 0."""
        h, w = picture.shape[1:]
        part = picture.new_zeros(len(picture), self.side, self.side)
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(h, self.top + self.side), min(w, self.left + self.side)
        rows, columns = slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)
        part[:, rows, columns] = picture[:, top:bottom, left:right]
        return part


def window(network: Convolutions, layer: str, place: Response, side: int) -> Window:
    """Return the pixels that a unit sees at a place, its receptive field, at most pictures of ``side`` pixels.

    With r, j and o the receptive field, the distance of neighbours and the first row of the field of row 0, a
    convolution with padding p has o' = o − p j, r' = r + (f − 1) j; a pooling r' = r + j, j' = 2 j.
    """
    field, jump, begin = 1, 1, 0
    for number, block in enumerate(network.blocks, 1):
        assert isinstance(block, Block)
        for n in range(len(block.convolutions)):
            kernel = block.kernel_size
            begin, field = begin - kernel // 2 * jump, field + (kernel - 1) * jump
            if layer == f"block {number} convolution {n + 1}":
                top, left = begin + place.row * jump, begin + place.column * jump
                if field <= side:
                    return Window(top, left, field)
                return Window(0, 0, side)
        field, jump = field + jump, 2 * jump
    raise KeyError(layer)
