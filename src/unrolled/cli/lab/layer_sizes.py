"""Sizes and receptive fields of a network's layers as a table, for unrolled lab convolution."""

from __future__ import annotations

from torch import nn

from ... import api
from ...errors import ArgumentError, RunError
from ...lab.convolution import UNREAD
from ...lab.layer_sizes import MOST_SIDE, Sized, layers_of, parse_layers, sizes
from ...layers import Convolutions
from ..terminal.look import show
from ..terminal.reporters import emit
from ..terminal.tables import show_table

HEADER = ("layer", "input", "weights", "biases", "output", "receptive field", "step")


def show_sizes(layers: str | None, run: str | None, size: str, channels: int | None, *, as_json: bool) -> int:
    """Show the sizes of the layers of a network; return the exit status.

    Args:
        layers: the layers, see `parse_layers`; `None`: those of ``run``.
        run: a run with a convolutional network.
        size: pixels of a side of the pictures, or HEIGHTxWIDTH.
        channels: of the pictures; `None`: as the first layer says, else 3.
        as_json: print one JSON object.
    """
    normalising = 0
    if run is not None:
        model = api.load(run)
        networks = [part for part in model.model.modules() if isinstance(part, Convolutions)]
        if not networks:
            raise RunError(f"{run} has no convolutional layers for pictures; give a run of the task image")
        steps, data = layers_of(networks[0]), model.config.data
        norms = [part for part in networks[0].modules() if isinstance(part, nn.BatchNorm2d)]
        normalising = sum(parameter.numel() for norm in norms for parameter in norm.parameters())
        height = width = getattr(data, "size", None) or _size(size)[0]
        weight = next(networks[0].parameters())  # (F, C, f, f)
        bias = any(name.endswith("convolutions.0.bias") for name, _ in networks[0].named_parameters())
        found = sizes(steps, height, width, weight.size(1), bias=bias)
    else:
        steps = parse_layers(layers or "")
        height, width = _size(size)
        found = sizes(steps, height, width, channels or steps[0].channels or 3)
    total = sum(layer.weights + layer.biases for layer in found)
    if as_json:
        emit("layers", layers=[_object(layer) for layer in found], parameters=total, normalisation=normalising)
        return 0
    show(f"pictures of {height} × {width} pixels\n\n")
    show_table(HEADER, [_row(layer) for layer in found], right=HEADER[2:])
    more = f", and {normalising:,} of batch normalisation" if normalising else ""
    show(f"\n{total:,} weights and biases of convolutions{more}\n")
    if unread := [layer.step.name for layer in found if layer.unread]:
        show(f"{UNREAD}: {', '.join(unread)}\n")
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
