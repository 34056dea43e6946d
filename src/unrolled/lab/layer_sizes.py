"""The sizes of the layers of a convolutional network, their weights, and their receptive fields.

    n' = ⌊(n + 2p − f) / k⌋ + 1          output size of f × f filters with stride k and padding p
    r' = r + (f − 1) j,  j' = j k        receptive field r and distance j of neighbours, in pixels; r = j = 1 for the
                                         picture

A layer with F filters of f × f over C channels has f · f · C · F weights and F biases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from ..errors import ArgumentError
from ..layers.convolution import Block, Convolutions
from .convolution import output_size, unread

MOST_SIDE = 100_000  # pixels of a side


@dataclass(frozen=True)
class Step:
    """A layer of a network: a convolution with ``filters`` filters, or a max-pooling if there are none."""

    size: int
    stride: int = 1
    padding: int = 0
    filters: int = 0
    channels: int = 0
    """channels of its input, as far as given; 0: those that the layer before has"""

    @property
    def name(self) -> str:
        """The layer in the notation of `parse_layers`."""
        more = f" stride {self.stride}" * (self.stride != (1 if self.filters else self.size))
        more += f" padding {self.padding}" * bool(self.padding)
        return f"{self.size}x{self.size}x{self.filters}{more}" if self.filters else f"pool {self.size}{more}"


class Sized(NamedTuple):
    """A layer with the sizes that follow.

    step        the layer
    channels    of its input
    height, width, maps    of its output
    weights, biases        numbers that it learns
    field       receptive field: pixels of a side of the picture that one output depends on
    jump        pixels of the picture between neighbouring outputs
    unread      whether rows or columns at the end are not read, because the stride does not fit
    """

    step: Step
    channels: int
    height: int
    width: int
    maps: int
    weights: int
    biases: int
    field: int
    jump: int
    unread: bool


def sizes(steps: Sequence[Step], height: int, width: int, channels: int, *, bias: bool = True) -> list[Sized]:
    """Return the sizes of each layer of a network for pictures of this size: see the module.

    Raises:
        ArgumentError: a filter is larger than its input, or a layer has other channels than the one before it.
    """
    found, field, jump = list[Sized](), 1, 1
    for number, step in enumerate(steps, 1):
        if step.channels and step.channels != channels:
            raise ArgumentError(
                "layers", f"written with {channels} channels in layer {number}, as many as its input has", step.channels
            )
        left = any(unread(n, step.size, step.stride, step.padding) for n in (height, width))
        height, width = (output_size(n, step.size, step.stride, step.padding, name="layers") for n in (height, width))
        field, jump = field + (step.size - 1) * jump, jump * step.stride
        maps = step.filters or channels
        weights = step.size * step.size * channels * step.filters
        biases = step.filters if bias else 0
        found.append(Sized(step, channels, height, width, maps, weights, biases, field, jump, left))
        channels = maps
    return found


_CONVOLUTION = re.compile(r"(\d+)x(\d+)(?:x(\d+))?x(\d+)")
_OPTION = re.compile(r"\s+(stride|padding)\s+(\d+|same)")


def parse_layers(text: str) -> list[Step]:
    """Return the layers of a text such as ``"5x5x3x10, pool 2, 3x3x20 stride 2 padding 1"``.

    ``5x5x3x10``: ten filters of 5 × 5 over 3 channels, which may be omitted; ``pool 2``: 2 × 2 max-pooling; ``padding
    same``: (f − 1)/2, which keeps the size with stride 1.

    Raises:
        ArgumentError: the text has another form.
    """
    return [_step(part.strip().lower().replace("×", "x").replace("*", "x")) for part in text.split(",")]


def _step(text: str) -> Step:
    example = "5x5x3x10, 3x3x20 stride 2 padding 1, or pool 2"
    options = dict(_OPTION.findall(text))
    head = re.sub(r"\s+", "", _OPTION.sub("", text))
    if match := re.fullmatch(r"(?:max)?pool(?:ing)?(\d+)(?:x(\d+))?", head):
        size = int(match[1])
        if match[2] not in (None, match[1]):
            raise ArgumentError("layers", "square windows", text, f"such as pool {size}")
        filters = channels = 0
    elif match := _CONVOLUTION.fullmatch(head):
        if match[1] != match[2]:
            raise ArgumentError("layers", "square filters", text, f"such as {example}")
        size, channels, filters = int(match[1]), int(match[3] or 0), int(match[4])
        if not filters:
            raise ArgumentError("layers", "at least one filter in a convolution", text)
    else:
        raise ArgumentError("layers", f"layers such as {example}, separated by commas", text)
    padding = options.get("padding", "0")
    stride = int(options.get("stride", 1 if filters else size))
    step = Step(size, stride, (size - 1) // 2 if padding == "same" else int(padding), filters, channels)
    if not (1 <= step.size <= MOST_SIDE and 1 <= step.stride <= MOST_SIDE and step.padding <= MOST_SIDE):
        raise ArgumentError("layers", f"sizes and strides from 1 to {MOST_SIDE:,}", text)
    return step


def layers_of(network: Convolutions) -> list[Step]:
    """Return the layers of a convolutional network."""
    steps = []
    for block in network.blocks:
        assert isinstance(block, Block)
        for layer in block.convolutions:
            assert isinstance(layer, nn.Conv2d)
            assert isinstance(layer.padding, tuple)
            steps.append(Step(layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.out_channels))
        steps.append(Step(2, 2))
    return steps
