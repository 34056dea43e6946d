"""unrolled lab convolution: a filter slides over a picture, number by number; sizes and receptive fields of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...cells import check_size
from ...data.pictures import fitted, open_picture
from ...errors import ArgumentError, UnrolledError
from ...lab.convolution import (
    CURVE,
    CURVE_FILTER,
    NO_CURVE,
    TWO_BY_TWO,
    TWO_CHANNELS,
    UNREAD,
    Array,
    Place,
    convolve,
    max_pool,
    parse_matrices,
    places,
    unread,
)
from ...lab.convolution_picture import SHOWN, Panel, Shown, number, png, sum_line, svg, terms
from ...training.files import write_atomically
from ..arguments import Schema, parse
from ..terminal.look import show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs
from .experiment_folder import ExperimentFolder
from .layer_sizes import show_sizes

PROG = "unrolled lab convolution"
ABOUT = (
    "A filter slides over a picture: every product that is not 0, every sum, the output, and its max-pooling. Without "
    "options: a worked "
    "example of two channels; --example curve: a curve detector; with --input or --image: your own numbers or picture. "
    "With --layers or --run: the sizes, the numbers of weights and the receptive fields of a network's layers.\n\n"
    'unrolled lab convolution --input "1,2,0; 0,1,3; 2,1,1" --filter "1,0; 0,-1"'
)
PICTURE = 96  # pixels of a side of --image
MOST_SHOWN = 12  # numbers of a side that are drawn as SVG
MOST_LINES = 16  # positions on the terminal
CHANNELS = 3  # of the input that are drawn


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
        if own and self.filter is None:
            raise UnrolledError(
                '--input and --image need a filter; give it with --filter, such as --filter "1,0; 0,-1"'
            )
        if self.filter is not None and not own:
            raise UnrolledError(
                "--filter needs the numbers below it; give them with --input, or a picture with --image"
            )
        if self.layers is not None and self.run is not None:
            raise ArgumentError("run", "omitted with --layers", self.run)
        if (self.layers is not None or self.run is not None) and own:
            raise ArgumentError("layers", "omitted with --input or --image", self.layers or self.run)


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Convolution, argv, PROG, ABOUT)
    with Schema(Convolution, PROG).names():
        if options.layers is not None or options.run is not None:
            return show_sizes(options.layers, options.run, options.size, options.channels, as_json=options.json)
        return _filter(options, argv)


def _filter(options: Convolution, argv: list[str]) -> int:
    w = CURVE_FILTER if options.example == "curve" else TWO_BY_TWO
    inputs = [("input", TWO_CHANNELS)] if options.example == "channels" else [("curve", CURVE), ("no curve", NO_CURVE)]
    if options.filter is not None:
        w, inputs = parse_matrices("filter", options.filter), [_own_input(options)]
    settings = (options.bias, options.stride, options.padding)
    folder = ExperimentFolder("convolution", argv, options.out)
    found = []
    for title, x in inputs:
        if x.shape[1] * x.shape[2] <= MOST_SHOWN**2:
            all_places = list(places(x, w, *settings))
        else:
            all_places = [place for place, _ in zip(places(x, w, *settings), range(MOST_LINES), strict=False)]
        found.append((title, x, all_places, convolve(x, w, *settings)))
    title, x, _, output = found[0]
    if max(x.shape[1:]) + 2 * options.padding <= MOST_SHOWN:
        drawn = [Shown(name, x, at, o) for name, x, at_all, o in found for at in at_all[:SHOWN]]
        folder.picture(lambda path: write_atomically(path, svg(drawn, w, *settings).encode()), "svg")
    pooled = max_pool(output, options.pool) if min(output.shape) >= options.pool else None
    names = [f"{title}, channel {c}" for c in range(1, len(x) + 1)] if len(x) > 1 else [title]
    panels = [Panel(*part, grey=options.image is not None) for part in zip(names[:CHANNELS], x, strict=False)]
    panels += [Panel("filter", w[0]), Panel("output", output), Panel("ReLU", np.maximum(output, 0))]
    panels += [] if pooled is None else [Panel(f"{options.pool} × {options.pool} max-pooling", pooled)]
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
        lines = [f"{options.pool} × {options.pool} max-pooling of the output: {pooled.shape[0]} × {pooled.shape[1]}"]
        lines += [UNREAD] if any(unread(n, options.pool, options.pool) for n in output.shape) else []
        lines += [_matrix(pooled)] if max(pooled.shape) <= MOST_SHOWN else []
        show("\n".join(lines) + "\n\n")
    show_pairs(folder.summary)
    return 0


def _own_input(options: Convolution) -> tuple[str, Array]:
    if options.input is not None:
        return "input", parse_matrices("input", options.input)
    picture = open_picture(Path(options.image or "").expanduser())
    width, height = picture.size
    picture.thumbnail((PICTURE, PICTURE))
    title = "input" if picture.size == (width, height) else f"input, the picture of {height} × {width} made smaller"
    return title, np.asarray(fitted(picture, (picture.height, picture.width), 1), np.float64)[..., 0][None]


def _lines(title: str, x: Array, w: Array, shown: list[Place], output: Array, options: Convolution) -> Iterator[str]:
    (_, n, m), (channels, f, g), (height, width) = x.shape, w.shape, output.shape
    padded = f" + 2·{options.padding}" if options.padding else ""
    divided = f"/{options.stride}" if options.stride > 1 else ""
    yield f"{title}: {n} × {m}, {channels} channel{'s' * (channels > 1)}; filter {f} × {g}, stride {options.stride}"
    yield f"output: ({n}{padded} − {f}){divided} + 1 = {height}, ({m}{padded} − {g}){divided} + 1 = {width}"
    for place in shown[:MOST_LINES]:
        sums = [number(float(part.sum())) for part in place.products]
        sums += [number(options.bias)] if options.bias else []
        products = [terms(place), *([sum_line(sums)] if len(sums) > 1 else []), number(place.value)]
        yield f"row {place.row + 1}, column {place.column + 1}: {' = '.join(products)}"
    if output.size > len(shown[:MOST_LINES]):
        yield f"… and {output.size - MOST_LINES:,} more positions"
    if any(unread(*sizes, options.stride, options.padding) for sizes in zip(x.shape[1:], w.shape[1:], strict=True)):
        yield UNREAD
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
