"""The contract of custom cells, checked by a few steps: sizes, shapes, the structure of the state, the noise."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from ..errors import ArgumentError
from .base import Cell, start

STEPS = ("first", "second")
ADD_NOISE = "add noise=None to its arguments: def step(self, x, state, noise=None)"

Errors = Callable[[str, str, str], contextlib.AbstractContextManager[None]]
"""``errors(name, expected, action)``: a context that converts the exceptions of a cell's code."""


def check_is_cell(cell: object, inputs: object = None) -> None:
    """Raise `ArgumentError` unless ``cell`` is a `Cell`; ``inputs`` is the next argument, which may be the cell."""
    if isinstance(cell, Cell):
        return
    name = type(cell).__name__
    remedy = "for a layer pass one of its cells, such as next(iter(layer.stack.cells))"
    if isinstance(cell, type):
        name = cell.__name__
        remedy = f"pass an instance: {name}(input_size, hidden_size)"
    elif isinstance(inputs, Cell):
        remedy = "the cell is the first argument, the inputs are the second"
    elif isinstance(cell, nn.RNNCellBase):
        remedy = f"use unrolled.{name}, which has the same arguments and state_dict"
    elif not isinstance(cell, nn.Module):
        remedy = "such as unrolled.LSTMCell(8, 16)"
    raise ArgumentError("cell", "a Cell", name, remedy)


def check_sizes_set(cell: Cell) -> None:
    """Raise `ArgumentError` if a cell has no ``input_size`` or no ``hidden_size``."""
    missing = [name for name in ("input_size", "hidden_size") if not hasattr(cell, name)]
    if missing:
        name = type(cell).__name__
        remedy = f"call super().__init__(input_size, hidden_size) in {name}.__init__"
        raise ArgumentError("cell", f"a cell that sets {' and '.join(missing)}", name, remedy)


def takes_noise(cell: Cell) -> bool:
    """Whether ``cell.step(x, state, noise)`` is a valid call."""
    try:
        inspect.signature(cell.step).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # a function without a signature
        return True
    return True


def contract_problem(cell: Cell, inputs: Tensor) -> ArgumentError | None:
    """Return how a custom cell violates the contract in two steps like ``inputs (T, B, I)``; `None` if it does not.

    Exceptions of the cell's own code are no answer; its author needs their traceback.
    """

    def errors(name: str, expected: str, action: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            x = torch.zeros(inputs.shape[1:], dtype=inputs.dtype, device=inputs.device)
            check_steps(cell, type(cell).__name__, x, errors)
    except ArgumentError as error:
        return error if error.name == "cell" else None
    except Exception:
        return None
    return None


def check_steps(cell: Cell, name: str, x: Tensor, errors: Errors) -> None:
    """Run the methods of the cell for B sequences with the input ``x (B, I, …)`` at each step; check their results.

    Raises:
        ArgumentError: a result violates the contract of cells; ``name`` is the received value in the message.
    """

    def expect(condition: bool, expected: str, received: object) -> None:
        if not condition:
            remedy = "unrolled.testing.check_cell checks the whole contract of cells"
            raise ArgumentError("cell", f"a class {expected}", name, f"it returns {received}; {remedy}")

    (B, input_size), space = x.shape[:2], x.shape[2:]
    with errors(name, "a class whose methods run", f"initial_state({B})"):
        check_sizes_set(cell)
        widths = [getattr(cell, width, None) for width in ("input_size", "hidden_size", "output_size")]
        sized = all(isinstance(width, int) for width in widths) and widths[0] == input_size
        expect(sized, f"that sets input_size and hidden_size, {input_size} and a number here", widths[:2])
        state = start(cell, B, space)
        leaves, structure = tree_flatten(state)
        batched = all(isinstance(leaf, Tensor) and leaf.dim() and leaf.size(0) == B for leaf in leaves)
        expect(batched, f"whose initial_state({B}) returns tensors ({B}, …)", _shapes(state))
        noise = cell.draw_noise(len(STEPS), B)
    if not takes_noise(cell):
        raise ArgumentError("cell", "a class whose step takes (x, state, noise)", name, ADD_NOISE)
    for number, step in enumerate(STEPS):
        with errors(name, "a class whose methods run", f"the {step} step of {B} sequences"):
            noise_t = tree_map(lambda leaf, t=number: None if leaf is None else leaf[t], noise)
            result: Any = cell.step(x, state, noise_t)
            pair = isinstance(result, tuple) and len(result) == 2
            expect(pair, "whose step returns a pair (output, state)", _shapes(result))
            output, after = result
            shape = (B, cell.output_size, *cell.output_space(space))
            fits = isinstance(output, Tensor) and output.shape == shape
            expected = f"whose step returns an output (B, output_size{', …' if space else ''}), here {shape}"
            expect(fits, expected, _shapes(output))
            expect(output.dtype == x.dtype, f"whose step returns {x.dtype} for {x.dtype}", output.dtype)
            plain = type(after) is tuple and isinstance(state, tuple) and type(state) is not tuple
            expect(not plain, f"whose step returns {type(state).__name__} as initial_state does", "a plain tuple")
            new_leaves, new_structure = tree_flatten(after)
            same_shapes = [getattr(leaf, "shape", None) for leaf in new_leaves] == [leaf.shape for leaf in leaves]
            expected = f"whose step returns a state of the same shapes, {_shapes(state)}"
            expect(new_structure == structure and same_shapes, expected, _shapes(after))
            dtypes = [[leaf.dtype for leaf in tree] for tree in (leaves, new_leaves)]
            expect(dtypes[0] == dtypes[1], f"whose step keeps the state's dtypes, {dtypes[0]}", dtypes[1])
            state = after


def _shapes(tree: Any) -> object:
    """Replace the tensors of a pytree by their shapes and other leaves by the names of their types."""
    return tree_map(lambda leaf: tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__, tree)
