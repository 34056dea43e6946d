"""unrolled lab convolution: a filter slides over a picture, number by number; sizes and receptive fields of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ... import api
from ...cells import check_size
from ...data.pictures import fitted, open_picture
from ...errors import ArgumentError, RunError
from ...lab.convolution import (
    CURVE,
    CURVE_FILTER,
    MOST_SIDE,
    NO_CURVE,
    TWO_BY_TWO,
    TWO_CHANNELS,
    Array,
    Place,
    Sized,
    convolve,
    layers_of,
    max_pool,
    parse_layers,
    parse_matrices,
    places,
    sizes,
)
from ...lab.convolution_picture import SHOWN, number, png, sum_line, svg, terms
from ...layers import Convolutions
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.look import show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab convolution"
ABOUT = (
    "A filter slides over a picture: every product and sum, the output, and its max-pooling. Without options: a worked "
    "example of two channels; --example curve: a curve detector; with --input or --image: your own numbers or picture. "
    "With --layers or --run: the sizes, the numbers of weights and the receptive fields of a network's layers.\n\n"
    'unrolled lab convolution --input "1,2,0; 0,1,3; 2,1,1" --filter "1,0; 0,-1"'
)
PICTURE = 96  # pixels of a side of --image
MOST_SHOWN = 12  # numbers of a side that are drawn as SVG
MOST_LINES = 16  # positions on the terminal
HEADER = ("layer", "input", "weights", "biases", "output", "receptive field", "step")


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """The picture and the filter, or the layers."""

    example: Literal["channels", "curve"] = "channels"
    """worked example: a filter over two channels, or a curve detector"""
    input: str | None = None
    """your numbers: by commas, rows by semicolons, channels by |"""
    image: str | None = None
    """a picture file instead, read in grey"""
    filter: str | None = None
    """the filter, in the form of --input"""
    bias: float = 0.0
    """the bias"""
    stride: int = 1
    """the stride"""
    padding: int = 0
    """zeros around the input"""
    pool: int = 2
    """side of the max-pooling after it"""
    layers: str | None = None
    """a network's layers, such as "5x5x3x10, pool 2, 3x3x20 stride 2\""""
    run: str | None = None
    """the layers of a trained model"""
    size: str = "32"
    """with --layers: pixels of a side, or HEIGHTxWIDTH"""
    channels: int | None = None
    """with --layers: channels of the pictures (default: as the first layer says, else 3)"""
    out: str | None = None
    """output folder (default: lab/convolution)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name, least in (("stride", 1), ("padding", 0), ("pool", 1)):
            check_size(name, getattr(self, name), least)
        if self.input is not None and self.image is not None:
            raise ArgumentError("image", "omitted with --input", self.image)
        own = self.input is not None or self.image is not None
        if own != (self.filter is not None):
            name = "filter" if own else "input"
            raise ArgumentError(name, "given too: --filter belongs to --input or --image", getattr(self, name))
        if self.layers is not None and self.run is not None:
            raise ArgumentError("run", "omitted with --layers", self.run)
        if (self.layers is not None or self.run is not None) and own:
            raise ArgumentError("layers", "omitted with --input or --image", self.layers or self.run)


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Convolution, argv, PROG, ABOUT)
    with Schema(Convolution, PROG).names():
        if options.layers is not None or options.run is not None:
            return _network(options)
        return _filter(options, argv)


def _filter(options: Convolution, argv: list[str]) -> int:
    w = CURVE_FILTER if options.example == "curve" else TWO_BY_TWO
    inputs = [("input", TWO_CHANNELS)] if options.example == "channels" else [("curve", CURVE), ("no curve", NO_CURVE)]
    if options.filter is not None:
        w, inputs = parse_matrices("filter", options.filter), [("input", _own_input(options))]
    settings = (options.bias, options.stride, options.padding)
    folder = ExperimentFolder("convolution", argv, options.out)
    found = []
    for title, x in inputs:
        if x.shape[1] * x.shape[2] <= MOST_SHOWN**2:
            all_places = list(places(x, w, *settings))
        else:
            all_places = [place for place, _ in zip(places(x, w, *settings), range(MOST_LINES), strict=False)]
        found.append((title, x, all_places, convolve(x, w, *settings)))
    title, x, shown, output = found[0]
    if max(x.shape[1:]) + 2 * options.padding <= MOST_SHOWN:
        text = svg(x, w, shown[:SHOWN], output, options.bias, options.stride, options.padding)
        folder.picture(lambda path: write_atomically(path, text.encode()), "svg")
    pooled = max_pool(output, options.pool) if min(output.shape) >= options.pool else None
    panels = [(title, x.mean(0)), ("filter", w.mean(0)), ("output", output), ("ReLU", np.maximum(output, 0))]
    panels += [] if pooled is None else [(f"{options.pool} x {options.pool} max-pooling", pooled)]
    path = folder.folder / "convolution.png"
    write_atomically(path, png(panels))
    folder.summary.append(("picture", str(path)))
    folder.table(("input", "row", "column", "output"), _rows(found))
    if options.json:
        results = {name: values.tolist() for name, _, _, values in found}
        more = {} if pooled is None else {"pooled": pooled.tolist()}
        emit("convolution", outputs=results, **more, files=dict(folder.summary))
        return 0
    for title, x, shown, output in found:
        show("\n".join(_lines(title, x, w, shown, output, options)) + "\n\n")
    if pooled is not None:
        show(f"{options.pool} × {options.pool} max-pooling of the output:\n{_matrix(pooled)}\n\n")
    show_pairs(folder.summary)
    return 0


def _own_input(options: Convolution) -> Array:
    if options.input is not None:
        return parse_matrices("input", options.input)
    picture = open_picture(Path(options.image or "").expanduser())
    picture.thumbnail((PICTURE, PICTURE))
    return np.asarray(fitted(picture, (picture.height, picture.width), 1), np.float64)[..., 0][None]


def _lines(title: str, x: Array, w: Array, shown: list[Place], output: Array, options: Convolution) -> Iterator[str]:
    (_, n, m), (channels, f, g), (height, width) = x.shape, w.shape, output.shape
    padded = f" + 2·{options.padding}" if options.padding else ""
    divided = f"/{options.stride}" if options.stride > 1 else ""
    yield f"{title}: {n} × {m}, {channels} channel{'s' * (channels > 1)}; filter {f} × {g}, stride {options.stride}"
    yield f"output: ({n}{padded} − {f}){divided} + 1 = {height}, ({m}{padded} − {g}){divided} + 1 = {width}"
    for place in shown[:MOST_LINES]:
        sums = [number(float(part.sum())) for part in place.products]
        sums += [number(options.bias)] if options.bias else []
        parts = sum_line(sums) if len(sums) > 1 else terms(place)
        yield f"row {place.row + 1}, column {place.column + 1}: {parts} = {number(place.value)}"
    if output.size > len(shown[:MOST_LINES]):
        yield f"… and {output.size - MOST_LINES:,} more positions"
    if max(output.shape) <= MOST_SHOWN and output.size > 1:
        yield _matrix(output)


def _matrix(values: Array) -> str:
    cells = [[number(float(value)) for value in row] for row in values]
    width = max(len(cell) for row in cells for cell in row)
    return "\n".join("  ".join(f"{cell:>{width}}" for cell in row) for row in cells)


def _rows(found: list[tuple[str, Array, list[Place], Array]]) -> Iterator[tuple[object, ...]]:
    for title, _, _, output in found:
        for (row, column), value in np.ndenumerate(output):
            yield title, row + 1, column + 1, float(value)


def _network(options: Convolution) -> int:
    """Show the sizes of the layers of a network."""
    if options.run is not None:
        model = api.load(options.run)
        networks = [part for part in model.model.modules() if isinstance(part, Convolutions)]
        if not networks:
            raise RunError(f"{options.run} has no convolutional layers for pictures; give a run of the task image")
        steps, data = layers_of(networks[0]), model.config.data
        height = width = getattr(data, "size", None) or _size(options.size)[0]
        weight = next(networks[0].parameters())  # (F, C, f, f)
        bias = any(name.endswith("convolutions.0.bias") for name, _ in networks[0].named_parameters())
        found = sizes(steps, height, width, weight.size(1), bias=bias)
    else:
        steps = parse_layers(options.layers or "")
        height, width = _size(options.size)
        channels = options.channels or steps[0].channels or 3
        found = sizes(steps, height, width, channels)
    total = sum(layer.weights + layer.biases for layer in found)
    if options.json:
        emit("layers", layers=[_object(layer) for layer in found], parameters=total)
        return 0
    show(f"pictures of {height} × {width} pixels\n\n")
    show_table(HEADER, [_row(layer) for layer in found], right=HEADER[2:])
    show(f"\n{total:,} weights and biases\n")
    if unread := [layer.step.name for layer in found if layer.unread]:
        show(f"rows or columns at the end are not read, because the stride does not fit: {', '.join(unread)}\n")
    return 0


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().replace("×", "x").split("x")
    if not 1 <= len(parts) <= 2 or not all(part.strip().isdecimal() and len(part) < 7 for part in parts):
        raise ArgumentError("size", "pixels of a side, or HEIGHTxWIDTH", text)
    height, width = int(parts[0]), int(parts[-1])
    if not 1 <= min(height, width) <= max(height, width) <= MOST_SIDE:
        raise ArgumentError("size", f"from 1 to {MOST_SIDE:,} pixels", text)
    return height, width


def _row(layer: Sized) -> tuple[str, ...]:
    f, step = layer.step.size, layer.step
    weights = f"{f}·{f}·{layer.channels}·{step.filters} = {layer.weights:,}" if step.filters else ""
    output = f"{layer.height} × {layer.width} × {layer.maps}"
    return (
        step.name,
        f"{layer.channels} channels",
        weights,
        f"{layer.biases:,}" if layer.biases else "",
        output,
        f"{layer.field} × {layer.field}",
        f"{layer.jump}",
    )


def _object(layer: Sized) -> dict[str, object]:
    values = layer._asdict()
    values["step"] = layer.step.name
    return values
