"""Check the arguments of `unrolled.scan` and convert those that are not tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ..cells import BuiltinCell, Cell, GatedCell, Noise, State
from ..cells.base import start
from ..checks import plain, refuse_unknown
from ..errors import ArgumentError, ShapeError
from . import operators

SPACE = ("depth", "height", "width")  # the sizes of maps by name; signals have a width only

# T steps, B lanes (rows of the batch, each with its own state), I input_size


def check_options(unknown: Mapping[str, Any], reverse: object, function: Callable[..., Any]) -> None:
    """Raise `ArgumentError` if there are ``unknown`` keywords of ``function``, or ``reverse`` is not a flag."""
    refuse_unknown(unknown, [name for name in inspect.signature(function).parameters if name != "unknown"])
    reverse = plain(reverse)
    if not isinstance(reverse, bool | int) or reverse not in (0, 1):
        raise ArgumentError("reverse", "True or False", reverse)


def refuse_inputs(cell: Cell, inputs: object) -> NoReturn:
    """Raise `ShapeError` for inputs that are not a tensor."""
    expected = f"a tensor {shape_of_inputs(cell)}" + ("" if cell.space_dims else ", or token ids (T, B)")
    remedy = "a list of tensors: torch.stack(inputs); an array or list of numbers: torch.as_tensor(inputs)"
    raise ShapeError(f"inputs must be {expected}, got {_kind(inputs)}; {remedy}")


def as_lengths(lengths: Any, inputs: Tensor) -> Tensor:
    """Convert a sequence or array of integers to a tensor on the device of ``inputs``.

    Raises:
        ShapeError: it is something else.
    """
    try:
        numbers = [plain(number) for number in lengths]
    except TypeError:
        numbers = [None]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        B = inputs.size(1) if inputs.dim() > 1 else "B"
        received = repr(lengths) if isinstance(lengths, int | float | str | list | tuple) else _kind(lengths)
        raise ShapeError(f"lengths must be a tensor ({B},) int64 or a list of integers, got {received[:80]}")
    return torch.tensor(numbers, dtype=torch.int64, device=inputs.device)


def _kind(value: object) -> str:
    """Return the type of a value, and its dtype and shape if it has them, to complete "got …"."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    name = type(value).__name__
    described = f"{'an' if name[0].lower() in 'aeiou' or name.startswith('nd') else 'a'} {name}"
    return described if dtype is None or shape is None else f"{described} {dtype} {tuple(shape)}"


def check(
    cell: Cell,
    inputs: Tensor,
    state: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: State | None,
) -> State:
    """Check all shapes, dtypes and devices; return the state before the first step.

    Raises:
        ShapeError: something does not fit.
    """
    _check_inputs(cell, inputs)
    T, B = inputs.shape[:2]
    if resets is not None:
        _check_resets(resets, T, B)
    if lengths is not None:
        _check_lengths(lengths, T, B)
    for leaf in () if noise is None else tree_leaves(noise):
        if leaf is not None and (leaf.dim() == 0 or leaf.size(0) != T):
            raise ShapeError(f"every leaf of the noise must have time {T} in dimension 0, got {tuple(leaf.shape)}")
    if isinstance(cell, BuiltinCell):
        _check_kind(cell, inputs)
    if isinstance(cell, GatedCell):
        _check_noise(cell, inputs, noise)
    if state is None:
        return start(cell, B, inputs.shape[3:])
    if not (isinstance(cell, BuiltinCell) and _fits(cell, state, inputs)):
        _check_state(cell, state, inputs)
    return state


def _check_inputs(cell: Cell, inputs: Tensor) -> None:
    """Raise `ShapeError` unless the inputs are ``(T, B, I)``, or ``(T, B, I, *space)`` for a cell over maps."""
    if inputs.dim() == 3 + cell.space_dims and inputs.size(2) == cell.input_size:
        return
    message = f"inputs must be {shape_of_inputs(cell)}, got {tuple(inputs.shape)}"
    if inputs.dim() == 2 and not inputs.is_floating_point() and inputs.dtype != torch.bool:
        raise ShapeError(f"token ids in inputs must be torch.int64, got {inputs.dtype}; convert them: inputs.long()")
    raise ShapeError(message)


def shape_of_inputs(cell: Cell, first: str = "T, B") -> str:
    """Return the shape of a cell's inputs for a message, such as ``(T, B, 3, height, width)``."""
    return f"({', '.join([first, str(cell.input_size), *SPACE[len(SPACE) - cell.space_dims :]])})"


def _check_resets(resets: Any, T: int, B: int) -> None:
    """Raise `ShapeError` unless the resets are ``(T, B)`` bool."""
    if not isinstance(resets, Tensor):
        remedy = "convert it: torch.as_tensor(resets, dtype=torch.bool)"
        raise ShapeError(f"resets must be a tensor bool ({T}, {B}), got {_kind(resets)}; {remedy}")
    if tuple(resets.shape) != (T, B) or resets.dtype != torch.bool:
        remedy = "" if resets.dtype == torch.bool else "; convert it: resets.bool()"
        raise ShapeError(f"resets must be bool ({T}, {B}), got {resets.dtype} {tuple(resets.shape)}{remedy}")


def _check_lengths(lengths: Tensor, T: int, B: int) -> None:
    """Raise `ShapeError` unless the lengths are ``(B,)`` int64 in 0..T."""
    if tuple(lengths.shape) != (B,) or lengths.dtype != torch.int64:
        remedy = "; convert them: lengths.long()" if lengths.dtype != torch.int64 else ", one length for each sequence"
        raise ShapeError(f"lengths must be int64 ({B},), got {lengths.dtype} {tuple(lengths.shape)}{remedy}")
    operators.check_range("lengths", lengths, 0, T, f"the inputs have {T} steps")


def _check_state(cell: Cell, state: State, inputs: Tensor) -> None:
    """Raise `ShapeError` unless every leaf of the state fits the cell and the inputs."""
    B = inputs.size(1)
    if isinstance(cell, BuiltinCell) and not all(hasattr(state, leaf) for leaf in cell.state_leaves):
        kind, leaves = type(start(cell, B, inputs.shape[3:])).__name__, ", ".join(cell.state_leaves)
        shapes = _leaf_shapes(cell, inputs)
        received = _kind(state)
        if isinstance(state, tuple | list):
            received = f"{type(state).__name__} {tree_map(_described, state)}"
        remedy = f"pass unrolled.cells.{kind}({leaves})"
        raise ShapeError(f"the state of {type(cell).__name__} must have {shapes}, got {received}; {remedy}")
    for leaf in tree_leaves(state):
        if not isinstance(leaf, Tensor):
            raise ShapeError(f"every leaf of the state must be a tensor ({B}, …), got {_kind(leaf)}")
        if leaf.dim() == 0 or leaf.size(0) != B:
            raise ShapeError(f"every leaf of the state must have batch {B} in dimension 0, got {tuple(leaf.shape)}")
    if isinstance(cell, BuiltinCell):  # a leaf of width 1 would broadcast
        expected = _leaf_shapes(cell, inputs)
        shaped = {leaf: tuple(getattr(state, leaf).shape) for leaf in cell.state_leaves}
        if expected != shaped:
            description = f"{type(state).__name__} with {shaped}"
            raise ShapeError(f"the state of {type(cell).__name__} must have {expected}, got {description}")
        for name in cell.state_leaves:
            _check_like("state." + name, getattr(state, name), inputs)


def _leaf_shapes(cell: BuiltinCell, inputs: Tensor) -> dict[str, tuple[int, ...]]:
    space = cell.output_space(inputs.shape[3:])
    return {leaf: (inputs.size(1), cell.leaf_width(leaf), *space) for leaf in cell.state_leaves}


def _described(leaf: object) -> object:
    return tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__


def _fits(cell: BuiltinCell, state: State, inputs: Tensor) -> bool:
    """A quick test that covers the usual case: the state has the cell's type, and every leaf fits."""
    B, dtype, device = inputs.size(1), inputs.dtype, inputs.device
    space = cell.output_space(inputs.shape[3:])
    return (
        isinstance(state, tuple)
        and getattr(state, "_fields", None) == cell.state_leaves
        and all(isinstance(leaf, Tensor) and leaf.dtype == dtype and leaf.device == device for leaf in state)
        and all(state[i].shape == (B, cell.leaf_width(name), *space) for i, name in enumerate(cell.state_leaves))
    )


def _check_kind(cell: BuiltinCell, inputs: Tensor) -> None:
    """Raise `ShapeError` unless inputs and weights share a device and, without autocast, a dtype."""
    weight, device = cell.weight_ih, inputs.device
    if weight.device == device and (weight.dtype == inputs.dtype or torch.is_autocast_enabled(device.type)):
        return
    expected, received = f"{weight.dtype} on {weight.device}", f"{inputs.dtype} on {device}"
    raise ShapeError(f"inputs must be {expected} as the cell is, got {received}; convert one with .to()")


def _check_noise(cell: GatedCell, inputs: Tensor, noise: State | None) -> None:
    """Raise `ShapeError` unless every mask can be broadcast to the tensor it multiplies."""
    if not isinstance(noise, Noise):
        return
    T, B = inputs.shape[:2]
    recurrent = cell.weight_hh.size(1)
    shapes = {"recurrent": (T, B, recurrent), "zoneout_h": (T, B, recurrent), "zoneout_c": (T, B, cell.hidden_size),
              "weight_hh": (T, *cell.weight_hh.shape)}  # fmt: skip
    for name, shape in shapes.items():
        mask: Tensor | None = getattr(noise, name)
        if mask is None:
            continue
        if mask.dim() != 3 or any(size not in (1, full) for size, full in zip(mask.shape, shape, strict=True)):
            raise ShapeError(f"noise.{name} must be {shape}, got {tuple(mask.shape)}")
        _check_like("noise." + name, mask, inputs)


def _check_like(name: str, tensor: Tensor, inputs: Tensor) -> None:
    """Raise `ShapeError` unless the tensor has the device and, without autocast, the dtype of the inputs."""
    device = inputs.device
    if tensor.device == device and (tensor.dtype == inputs.dtype or torch.is_autocast_enabled(device.type)):
        return
    raise ShapeError(
        f"{name} must be {inputs.dtype} on {device} as the inputs are, got {tensor.dtype} on {tensor.device}; "
        "convert one with .to()"
    )
