"""Checks of one step: shapes, dtypes, purity, lanes, traces, noise, saving."""

from __future__ import annotations

import copy
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

from ..cells import Cell, State
from ..cells.contract import ADD_NOISE, takes_noise
from ..cells.state import select
from .observed import random_numbers
from .subject import Subject, copy_of, real_leaves, require, require_close


def shapes(subject: Subject) -> None:
    """``step`` returns ``(output (B, O), state)``; every leaf has the batch in dimension 0 and keeps its shape."""
    cell = subject.cell
    given = "its arguments are different"
    require(takes_noise(cell), "step(x, state, noise) to be a valid call", given, ADD_NOISE)
    for B in (3, 2, 1):
        state = subject.initial_state(B)
        _batched(state, B, "initial_state(B)")
        output, after = _stepped(cell, subject.inputs(1, B)[0], state)
        shape = (B, *subject.output_shape)
        require(
            tuple(output.shape) == shape,
            f"an output of shape (B, output_size{', …' if subject.space else ''}) = {shape}",
            f"it is {tuple(output.shape)}",
            "define output_size as the width of the output of step, and put the batch first",
        )
        _batched(after, B, "step")
        before_leaves, before_structure = tree_flatten(state)
        after_leaves, after_structure = tree_flatten(after)
        names = type(state).__name__, type(after).__name__
        require(
            before_structure == after_structure,
            "a state of the same structure before and after a step",
            f"{names[0]} became {names[1]}" if names[0] != names[1] else f"a {names[0]} has other parts after a step",
            f"return the state as initial_state does: {names[0]}(…)",
        )
        shapes = [[tuple(leaf.shape) for leaf in leaves] for leaves in (before_leaves, after_leaves)]
        require(
            shapes[0] == shapes[1],
            "a state of the same shapes before and after a step",
            f"{shapes[0]} became {shapes[1]}",
            "return leaves of the same shapes as initial_state does",
        )


def _batched(state: Any, B: int, source: str) -> None:
    for leaf in tree_leaves(state):
        require(
            isinstance(leaf, Tensor) and leaf.dim() > 0 and leaf.size(0) == B,
            f"every leaf of the state from {source} to have the batch ({B}) in dimension 0",
            f"a leaf is {tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__}",
            "make every leaf a tensor (B, ...)",
        )


def dtypes(subject: Subject) -> None:
    """Output and state have the dtype of the weights, in float32 and float64."""
    for dtype in (torch.float32, torch.float64):
        cell = copy.deepcopy(subject.cell).to(dtype)
        state = subject.initial_state(2, cell)
        _typed("initial_state", state, dtype)
        output, after = _stepped(cell, subject.inputs(1, 2)[0].to(dtype), state)
        _typed("output", output, dtype)
        _typed("state", after, dtype)


def _typed(name: str, tree: Any, dtype: torch.dtype) -> None:
    for leaf in real_leaves(tree):
        require(
            leaf.dtype == dtype,
            f"the {name} of a {dtype} cell to be {dtype}",
            f"it is {leaf.dtype}",
            "build tensors from a parameter or the input: weight.new_zeros(...), x.new_zeros(...)",
        )


def _stepped(cell: Cell, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
    """Return output and state of a step; raise `Failure` unless they are a pair that begins with a tensor."""
    result: Any = cell.step(x, state, noise)
    pair = isinstance(result, tuple) and len(result) == 2
    happened = f"{len(result)} values" if isinstance(result, tuple) else f"a {type(result).__name__}"
    if pair and not isinstance(result[0], Tensor):
        happened = f"a pair that begins with a {type(result[0]).__name__}"
    require(
        pair and isinstance(result[0], Tensor),
        "step to return a pair (output, state), the output a tensor",
        f"it returns {happened}",
        "end step with: return output, state",
    )
    return result


def purity(subject: Subject) -> None:
    """``step`` modifies neither its arguments nor the cell; called twice it gives the same result."""
    cell = subject.cell
    x, state, noise = subject.inputs(1, 2)[0], subject.state(2), cell.draw_noise(1, 2)
    noise = tree_map(lambda leaf: None if leaf is None else leaf[0], noise)
    given = {"x": x, "state": state, "noise": noise, "cell": cell.state_dict()}
    before = {name: copy_of(tree) for name, tree in given.items()}
    start = copy_of(subject.initial_state(2))
    attributes = _attributes(cell)
    first = copy_of(_stepped(cell, x, state, noise))
    for name, tree in given.items():
        for old, new in zip(tree_leaves(before[name]), tree_leaves(tree), strict=True):
            require(
                old is None or torch.equal(old, new),
                f"step not to modify its {name}",
                f"the {name} changed in place",
                "compute new tensors instead of writing to the old ones (no add_, no x[...] = ...)",
            )
    remedy = "keep everything that later steps need in the returned state, nothing on self"
    after = _attributes(cell)
    changed = [name for name in {**attributes, **after} if not _same(attributes.get(name), after.get(name))]
    happened = f"self.{changed[0]} changed" if changed else ""
    require(not changed, "step not to modify the attributes of its cell", happened, remedy)
    drawn = "draw no random numbers in step: draw masks in draw_noise, and step gets them as noise"
    twice = "the same step twice to give the same result"
    require_close(cell.step(x, state, noise), first, twice, drawn if random_numbers(subject) else remedy, rtol=0)
    same = "initial_state(B) to give the same result in evaluation mode whatever ran before"
    require_close(subject.initial_state(2), start, same, remedy, rtol=0)


def _attributes(cell: Cell) -> dict[str, Any]:
    """Return the attributes of a cell and its modules, except parameters, buffers and those of torch."""
    found = {}
    for path, module in cell.named_modules():
        for name, value in vars(module).items():
            if not name.startswith("_") or name not in vars(nn.Module()):
                found[f"{path}.{name}" if path else name] = copy.copy(value)
    return found


def _same(before: Any, after: Any) -> bool:
    """Whether an attribute has kept its value; values that cannot be compared count as the same."""
    if isinstance(before, Tensor) or isinstance(after, Tensor):
        return type(before) is type(after) and before.shape == after.shape and torch.equal(before, after)
    try:
        return bool(before == after)
    except Exception:
        return True


def lanes(subject: Subject) -> None:
    """A lane gives the same alone, as a batch of one, and in a larger batch."""
    inputs, state = subject.inputs(4, 3), subject.state(3)
    outputs, after = subject.scan(inputs, state)
    for b in range(3):
        lane = torch.tensor([b])
        alone = subject.scan(inputs[:, b : b + 1], select(state, lane))
        require_close(
            alone,
            (outputs[:, b : b + 1], select(after, lane)),
            "a sequence to give the same alone as in a batch",
            "let no operation mix the rows of dimension 0",
        )


def trace(subject: Subject) -> str | None:
    """``step_traced`` computes what ``step`` does, and returns gates of shape ``(B, ·)``."""
    x, state = subject.inputs(1, 2)[0], subject.state(2)
    output, after, gates = subject.cell.step_traced(x, state)
    agrees = "step_traced to give the output and state of step"
    require_close((output, after), subject.cell.step(x, state), agrees, "compute both in one method")
    for name, gate in gates.items():
        require(
            gate.dim() >= 2 and gate.size(0) == 2,
            f"gate {name!r} to be (B, ·)",
            f"it is {tuple(gate.shape)}",
            "trace gates with the batch in dimension 0",
        )
    return None if gates else "the cell names no gates"


def noise(subject: Subject) -> str | None:
    """Noise has time in dimension 0, depends on the generator alone, and is the same on every backend."""
    T, B = 5, 2
    drawn = subject.cell.draw_noise(T, B, torch.Generator().manual_seed(1))
    masks = [leaf for leaf in tree_leaves(drawn) if leaf is not None]
    for leaf in masks:
        require(
            leaf.dim() > 0 and leaf.size(0) == T,
            f"every leaf of draw_noise(T={T}, B={B}) to have time in dimension 0",
            f"a leaf is {tuple(leaf.shape)}",
            "draw (T, ...) masks; expand a mask that all steps share: mask.expand(T, *mask.shape)",
        )
    inputs, state = subject.inputs(T, B), subject.state(B)
    deterministic = "without noise the same result every time"
    mean = "noise=None means evaluation: replace the mask by its mean"
    require_close(subject.scan(inputs, state), subject.scan(inputs, state), deterministic, mean, rtol=0)
    if not masks:
        return "the cell has no noise"
    again = subject.cell.draw_noise(T, B, torch.Generator().manual_seed(1))
    same = "draw_noise to give the same noise for generators of the same seed"
    require_close([leaf for leaf in tree_leaves(again) if leaf is not None], masks, same, "draw from the generator")
    agrees = "the same noise to give the same result with this backend as in the loop over step"
    remedy = "draw no random numbers in step; draw all of them in draw_noise"
    expected = subject.reference(inputs, state, noise=drawn)
    require_close(subject.scan(inputs, state, noise=drawn), expected, agrees, remedy)
    return None


def saving(subject: Subject) -> str | None:
    """Saved to and loaded from safetensors, the cell computes bitwise the same."""
    weights = subject.cell.state_dict()
    if not weights:
        return "the cell has no parameters"
    loaded = copy.deepcopy(subject.cell)
    with torch.no_grad():
        for tensor in loaded.state_dict().values():
            tensor.zero_()
    loaded.load_state_dict(load(save({name: tensor.contiguous() for name, tensor in weights.items()})))
    x, state = subject.inputs(1, 2)[0], subject.state(2)
    remedy = "register everything that step needs as a parameter or buffer"
    expected = subject.cell.step(x, state)
    require_close(loaded.step(x, state), expected, "the loaded cell to compute the same", remedy, rtol=0)
    return None
