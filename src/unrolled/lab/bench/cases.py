"""The cases to measure: our implementation, the peers, and the amount of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ... import nn as ours
from ...cells import GRUCell, LSTMCell
from ...kernels import extension
from ...scan import scan, scan_traced
from . import peers
from .measure import Work
from .writing import LENGTH, writing

GROUPS = ("layers", "variants", "writing")
SHAPES = ((50, 50, 128), (100, 64, 256), (100, 64, 512), (128, 32, 1024))  # T, B, I = H
ONE_STREAM, ONE_STEP = (64, 1, 256), (1, 1, 1024)
SMALL = (64, 4, 128)  # small enough that a Python loop is all overhead


@dataclass(frozen=True)
class Case:
    """A case. ``make`` returns the functions to time by name, ours first."""

    group: str
    name: str
    what: str
    shape: tuple[int, ...]
    make: Callable[[], dict[str, Work]]
    flops: float = 0.0
    """floating-point operations per call, to compare with the machine's matrix-product rate"""
    size: float = 0.0
    """bytes that a call must read, to compare with the machine's memory bandwidth …"""
    steps: int = 1
    """… in this many passes over the same bytes"""
    peers: tuple[str, ...] = field(default=("torch",))


def all_cases(groups: tuple[str, ...], quick: bool) -> Iterator[Case]:
    """Yield all cases of these groups; ``quick`` skips slow ones."""
    shapes = SHAPES[:2] if quick else SHAPES
    if "layers" in groups:
        yield from layers(shapes)
        yield from map(_frozen, peers.TORCH, ("float32",) * 3)
        yield from map(_frozen, peers.TORCH, ("int8",) * 3)
    if "variants" in groups:
        yield from variants(shapes[:2] if quick else shapes)
    if "writing" in groups:
        yield from map(_writing, ("float32", "bfloat16", "int8"))


def products(cell: str, T: int, B: int, H: int, train: bool) -> float:
    """Return the floating-point operations of a layer's matrix products; the backward pass has twice the forward's."""
    return 2.0 * T * B * peers.GATES[cell] * H * 2 * H * (3 if train else 1)


def layers(shapes: tuple[tuple[int, int, int], ...]) -> Iterator[Case]:
    """Yield our drop-in layers against torch.nn, onnxruntime and JAX, as far as installed."""
    for cell in peers.TORCH:
        for shape in (*shapes, ONE_STREAM, ONE_STEP):
            for train in (True, False):
                if shape == ONE_STEP and train:
                    continue
                for half in (False, True) if train and extension.bfloat16() and cell != "rnn" else (False,):
                    yield _layer(cell, shape, train, half)


def _layer(cell: str, shape: tuple[int, int, int], train: bool, half: bool) -> Case:
    T, B, H = shape
    others = [name for name in ("onnxruntime", "jax") if peers.installed(name) and not (train and name != "jax")]

    def make() -> dict[str, Work]:
        torch.manual_seed(0)
        theirs = peers.TORCH[cell](H, H)
        mine = {"rnn": ours.RNN, "gru": ours.GRU, "lstm": ours.LSTM}[cell](H, H)
        mine.load_state_dict(theirs.state_dict())
        x = torch.randn(T, B, H)
        timed = peers.training_step if train else peers.inference
        works = {"unrolled": timed(mine, x), "torch": timed(theirs, x)}
        if half:
            inner = works["unrolled"]

            def in_half() -> None:
                with torch.autocast("cpu", torch.bfloat16):
                    inner()

            works["unrolled"] = in_half
        if "onnxruntime" in others:
            works["onnxruntime"] = peers.onnxruntime_inference(cell, theirs, x)
        if "jax" in others:
            works["jax"] = peers.jax_step(cell, theirs, x, train)
        return works

    what = "training step" if train else "inference"
    size = 4.0 * peers.GATES[cell] * H * 2 * H if T == 1 else 0.0
    flops = products(cell, T, B, H, train)
    name = f"{cell.upper()} bfloat16" if half else cell.upper()
    return Case("layers", name, what, shape, make, flops, size, peers=("torch", *others))


def _frozen(cell: str, precision: Any) -> Case:
    """Return one step of a frozen layer, from a given state, against torch.nn and onnxruntime."""
    (T, B, H), name = ONE_STEP, cell.upper()
    others = ["torch"]
    if peers.installed("onnxruntime"):  # whose dynamic quantization leaves all cells but the LSTM in float32
        others.append("onnxruntime int8" if precision == "int8" and cell == "lstm" else "onnxruntime")

    def make() -> dict[str, Work]:
        torch.manual_seed(0)
        theirs = peers.TORCH[cell](H, H).eval()
        mine = {"rnn": ours.RNN, "gru": ours.GRU, "lstm": ours.LSTM}[cell](H, H)
        mine.load_state_dict(theirs.state_dict())
        x, state = torch.randn(T, B, H), tuple(torch.tanh(torch.randn(1, B, H)) for _ in mine.state_names)
        works = {
            "unrolled": peers.inference(mine.freeze(precision), x, state),
            "torch": peers.inference(theirs, x, state),
        }
        if len(others) > 1:
            int8 = others[1].endswith("int8")
            works[others[1]] = peers.onnxruntime_inference(cell, theirs, x, state, int8=int8)
        return works

    size = {"float32": 4.0, "int8": 1.0}[precision] * peers.GATES[cell] * H * 2 * H
    what = f"frozen, {precision}"
    return Case("layers", name, what, ONE_STEP, make, products(cell, T, B, H, False), size, peers=tuple(others))


def variants(shapes: tuple[tuple[int, int, int], ...]) -> Iterator[Case]:
    """Yield training of cell variants without a fused vendor kernel, against the plain cell and a Python loop."""
    kinds: dict[str, tuple[Any, dict[str, Any], str]] = {
        "LSTM layer norm": (LSTMCell, {"layer_norm": True}, ""),
        "LSTM zoneout": (LSTMCell, {"zoneout": 0.1}, ""),
        "LSTM peepholes": (LSTMCell, {"peepholes": True}, ""),
        "LSTM lengths": (LSTMCell, {}, "lengths"),
        "LSTM resets": (LSTMCell, {}, "resets"),
        "LSTM traced": (LSTMCell, {}, "traced"),
        "GRU reset before": (GRUCell, {"reset_after": False}, ""),
    }
    for name, (cell, options, what) in kinds.items():
        for shape in (*shapes, SMALL):
            yield _variant(name, cell, options, what, shape)


def _variant(name: str, build: Any, options: dict[str, Any], what: str, shape: tuple[int, int, int]) -> Case:
    T, B, H = shape

    def make() -> dict[str, Work]:
        torch.manual_seed(0)
        cell, plain = build(H, H, **options), build(H, H)
        arguments: dict[str, Any] = {"noise": cell.draw_noise(T, B)}  # drawn once, not measured
        if what == "lengths":
            arguments["lengths"] = torch.full((B,), T)  # the same work as without lengths
        if what == "resets":
            arguments["resets"] = torch.rand(T, B) < 0.02
        x, run = torch.randn(T, B, H), scan_traced if what == "traced" else scan
        return {
            "unrolled": peers.training_step(_Scan(run, cell, **arguments), x),
            "plain": peers.training_step(_Scan(scan, plain), x),
            "Python loop": peers.training_step(_Scan(run, cell, backend="reference", **arguments), x),
        }

    flops = products("gru" if build is GRUCell else "lstm", T, B, H, True)
    return Case("variants", name, "training step", shape, make, flops, peers=("plain", "Python loop"))


class _Scan(nn.Module):
    """A module that scans a cell over a sequence."""

    def __init__(self, run: Callable[..., Any], cell: nn.Module, **arguments: Any) -> None:
        super().__init__()
        self.run, self.cell, self.arguments = run, cell, arguments

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self.cell, x, **self.arguments)


def _writing(precision: str) -> Case:
    others = ("LSTMCell loop", *(["onnxruntime"] if peers.installed("onnxruntime") else []))
    others += ("onnxruntime int8",) if precision == "int8" and peers.installed("onnxruntime") else ()
    others += ("Transformer",) if precision == "float32" else ()
    make, size = writing(precision, others)
    return Case("writing", "LSTM 2×512", precision, (1, 1, 512), make, size=size, steps=LENGTH, peers=others)
