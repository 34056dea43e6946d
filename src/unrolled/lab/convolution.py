"""The arithmetic of convolutional layers: a filter slides over a picture, and the sizes that follow from it.

    (1) o_ij = b + Σ_c Σ_u Σ_v w_cuv x_c,(ki+u),(kj+v)      f × f filter w over all channels c, with stride k
    (2) n' = ⌊(n + 2p − f) / k⌋ + 1                         output size; with k = 1, p = 0: n − f + 1
    (3) p = (f − 1) / 2                                     padding that keeps the size with stride 1
    (4) z_ij = max of o over rows ki … ki + f − 1 and columns kj … kj + f − 1      max-pooling, f × f with stride k
    (5) r' = r + (f − 1) j,  j' = j k                       receptive field r and distance j of neighbours, in pixels;
                                                            r = j = 1 for the picture

A layer with F filters of f × f over C channels has f · f · C · F weights and F biases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..layers.convolution import Block, Convolutions

Array = npt.NDArray[np.float64]

MOST_SIDE = 100_000  # pixels of a side, for sizes
MOST_NUMBERS = 1 << 20  # of an input to convolve

TWO_CHANNELS = np.array(
    [
        [[1, -2, 0, 5], [7, 0, 1, -3], [2, -2, 2, -2], [-5, -4, 3, 1]],
        [[0, -1, 2, 0], [-4, 9, 6, 5], [3, 2, 1, 0], [0, 1, 3, -3]],
    ],
    dtype=np.float64,
)
"""the worked example of two channels, of which `TWO_BY_TWO` is the filter"""
TWO_BY_TWO = np.array([[[1, -2], [3, 1]]] * 2, dtype=np.float64)


def _placed(cells: Sequence[tuple[int, int, float]]) -> Array:
    field = np.zeros((1, 8, 8))
    for row, column, value in cells:
        field[0, row - 1, column - 1] = value
    return field


CURVE = _placed(
    [(1, 8, 30), (2, 5, 50), (2, 6, 50), (2, 7, 50), (3, 4, 20), (3, 5, 50)]
    + [(row, column, 50) for row in range(4, 9) for column in (4, 5)]
)
"""the field of a picture that has the curve"""
NO_CURVE = _placed([(row, 2, 40) for row in range(2, 8)] + [(8, column, 40) for column in range(3, 8)])
"""a field of the same picture without it"""
CURVE_FILTER = _placed([(1, 7, 30), (2, 5, 30), *((row, 4, 30) for row in range(3, 7))])
"""the filter that detects the curve"""


class Place(NamedTuple):
    """One position of the filter.

    row, column  of the output, from 0
    window       the part of the padded input below the filter ``(C, f, f)``
    products     window times filter ``(C, f, f)``
    value        their sum and the bias: o_ij
    """

    row: int
    column: int
    window: Array
    products: Array
    value: float


def places(x: Array, w: Array, bias: float = 0.0, stride: int = 1, padding: int = 0) -> Iterator[Place]:
    """Yield every position of a filter ``w (C, f, f)`` over a picture ``x (C, n, m)``, row by row: equation (1).

    Raises:
        ArgumentError: channels differ, or the filter does not fit into the picture.
    """
    if x.shape[0] != w.shape[0]:
        raise ArgumentError("filter", f"of {x.shape[0]} channels, as many as the input", w.shape[0])
    h, v = (output_size(n, f, stride, padding) for n, f in zip(x.shape[1:], w.shape[1:], strict=True))
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    for i in range(h):
        for j in range(v):
            top, left = i * stride, j * stride
            window = around[:, top : top + w.shape[1], left : left + w.shape[2]]
            yield Place(i, j, window, window * w, float((window * w).sum() + bias))


def convolve(x: Array, w: Array, bias: float = 0.0, stride: int = 1, padding: int = 0) -> Array:
    """Return the output ``(n', m')`` of one filter: equation (1), at once; the arguments are those of `places`."""
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(around, w.shape[1:], (1, 2))[:, ::stride, ::stride]
    found: Array = np.einsum("cijuv,cuv->ij", windows, w) + bias
    return found


def max_pool(o: Array, size: int = 2, stride: int | None = None) -> Array:
    """Return the max-pooled ``o (n, m)``: equation (4); the stride is the size unless given."""
    stride = stride or size
    for n in o.shape:
        output_size(n, size, stride, 0)
    found: Array = np.lib.stride_tricks.sliding_window_view(o, (size, size))[::stride, ::stride].max((2, 3))
    return found


def output_size(n: int, size: int, stride: int = 1, padding: int = 0) -> int:
    """Return n' of equation (2).

    >>> output_size(32, 5), output_size(7, 3, stride=2), output_size(32, 5, padding=2)
    (28, 3, 32)

    Raises:
        ArgumentError: the filter is larger than the padded input.
    """
    if n + 2 * padding < size:
        expected = f"at most {n + 2 * padding}, the side of its input{' with padding' * bool(padding)}"
        raise ArgumentError("filter", expected, size, "larger pictures, more padding, or fewer layers")
    return (n + 2 * padding - size) // stride + 1


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
    """Return the sizes of each layer of a network for pictures of this size: equations (2) and (5).

    Raises:
        ArgumentError: a filter is larger than its input, or a layer has other channels than the one before it.
    """
    found, field, jump = list[Sized](), 1, 1
    for number, step in enumerate(steps, 1):
        if step.channels and step.channels != channels:
            raise ArgumentError("layers", f"of {channels} channels in layer {number}, as its input has", step.channels)
        unread = any((n + 2 * step.padding - step.size) % step.stride for n in (height, width))
        height, width = (output_size(n, step.size, step.stride, step.padding) for n in (height, width))
        field, jump = field + (step.size - 1) * jump, jump * step.stride
        maps = step.filters or channels
        weights = step.size * step.size * channels * step.filters
        biases = step.filters if bias else 0
        found.append(Sized(step, channels, height, width, maps, weights, biases, field, jump, unread))
        channels = maps
    return found


_CONVOLUTION = re.compile(r"(\d+)x(\d+)(?:x(\d+))?x(\d+)")
_OPTION = re.compile(r"\s+(stride|padding)\s+(\d+|same)")


def parse_layers(text: str) -> list[Step]:
    """Return the layers of a text such as ``"5x5x3x10, pool 2, 3x3x20 stride 2 padding 1"``.

    ``5x5x3x10``: ten filters of 5 × 5 over 3 channels, which may be omitted; ``pool 2``: 2 × 2 max-pooling; ``padding
    same``: equation (3).

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
            steps.append(Step(layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.out_channels))
        steps.append(Step(2, 2))
    return steps


def parse_matrices(name: str, text: str) -> Array:
    """Return the channels of a text: numbers separated by commas, rows by semicolons, channels by vertical bars.

    >>> parse_matrices("input", "1,2; 3,4 | 5,6; 7,8").shape
    (2, 2, 2)

    Raises:
        ArgumentError: a number is missing, or rows and channels have different sizes.
    """
    try:
        rows = [[[float(n) for n in row.split(",")] for row in part.split(";")] for part in text.split("|")]
        found = np.array(rows, dtype=np.float64)
    except ValueError:
        found = np.array([np.nan])
    if found.ndim != 3 or not np.isfinite(found).all() or found.size > MOST_NUMBERS:
        expected = "finite numbers separated by commas, rows of equal length by semicolons, channels by |"
        raise ArgumentError(name, expected, text)
    return found
