"""A cell of the user's own, named ``module:Class``: imported, built and tried with two steps of a few batches.

Code that is not ours may do anything. Whatever it raises, and whatever it gives that is no cell's, becomes one
`ArgumentError` before training begins, with the line of their file.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

from ..errors import ArgumentError, clause, did_you_mean, origin
from .base import Cell

SIZES = (2, 1, 3)  # sequences of each trial: one that is right for a single batch size is found out
STEPS = ("first", "second")


def own_class(name: str) -> type[Cell]:
    """The class that ``module:Class`` names.

    Raises:
        ArgumentError: the module cannot be imported, or what it has of that name is no class of cells.
    """
    module_name, class_name = name.split(":")
    with _refused(name, "an importable module:Class", "importing it"):
        module = importlib.import_module(module_name)
    found = getattr(module, class_name, None)
    if found is None:
        near = clause(did_you_mean(class_name, vars(module)))
        raise ArgumentError("cell", "module:Class", name, f"{module_name} has no class {class_name}{near}")
    if not (isinstance(found, type) and issubclass(found, Cell)):
        raise ArgumentError("cell", "a class derived from unrolled.Cell", name)
    if inspect.isabstract(found):
        lacks = " and ".join(sorted(found.__abstractmethods__))
        raise ArgumentError("cell", "a class with all methods of a cell", name, f"define {lacks} in it")
    return found


def own_cell(name: str, input_size: int, hidden_size: int) -> Cell:
    """``Class(input_size, hidden_size)``, after a trial in the dtype of training; no random number is used up.

    Raises:
        ArgumentError: it cannot be built, its methods raise, or what they give has another form than a cell's.
    """
    cls = own_class(name)
    with _refused(name, "a class that is built as Class(input_size, hidden_size)", "building it"):
        cell = cls(input_size, hidden_size)
    with torch.random.fork_rng(devices=[]):
        for B in SIZES:
            _try(cell, name, input_size, B)
    return cell


def _try(cell: Cell, name: str, input_size: int, B: int) -> None:
    def expect(fits: bool, what: str, got: object) -> None:
        if not fits:
            remedy = "unrolled.testing.check_cell tells all that is asked of a cell"
            raise ArgumentError("cell", f"a class {what}", name, f"it gives {got}; {remedy}")

    with _refused(name, "a class whose methods run", f"initial_state({B})"):
        widths = [getattr(cell, width, None) for width in ("input_size", "hidden_size", "output_size")]
        sized = all(isinstance(width, int) for width in widths) and widths[0] == input_size
        expect(sized, f"that sets input_size and hidden_size, {input_size} and a number here", widths[:2])
        state = cell.initial_state(B)
        leaves, form = tree_flatten(state)
        batched = all(isinstance(leaf, Tensor) and leaf.dim() and leaf.size(0) == B for leaf in leaves)
        expect(batched, f"whose initial_state({B}) gives tensors ({B}, …)", _shapes(state))
        noise = cell.draw_noise(len(STEPS), B)
    for number, step in enumerate(STEPS):
        with _refused(name, "a class whose methods run", f"the {step} step of {B} sequences"):
            x = torch.zeros(B, input_size)  # as a task's embedding gives it
            now = tree_map(lambda leaf, t=number: None if leaf is None else leaf[t], noise)
            result: Any = cell.step(x, state, now)
            pair = isinstance(result, tuple) and len(result) == 2
            expect(pair, "whose step gives a pair (output, state)", _shapes(result))
            output, after = result
            wide = isinstance(output, Tensor) and output.shape == (B, cell.output_size)
            expect(wide, f"whose step gives an output (B, output_size), here {(B, cell.output_size)}", _shapes(output))
            expect(output.dtype == x.dtype, f"whose step gives {x.dtype} for {x.dtype}", output.dtype)
            again, same = tree_flatten(after)
            kept = same == form and [getattr(leaf, "shape", None) for leaf in again] == [leaf.shape for leaf in leaves]
            expect(kept, f"whose step gives a state like the one before, {_shapes(state)}", _shapes(after))
            dtypes = [[leaf.dtype for leaf in tree] for tree in (leaves, again)]
            expect(dtypes[0] == dtypes[1], f"whose step keeps the state's dtypes, {dtypes[0]}", dtypes[1])
            state = after


@contextlib.contextmanager
def _refused(name: str, expected: str, doing: str) -> Iterator[None]:
    """Within it what code of the user's own raises is an `ArgumentError`."""
    try:
        yield
    except ArgumentError as error:
        if error.name == "cell":
            raise
        raise ArgumentError("cell", expected, name, f"{doing} says: {_told(error)}") from error
    except (Exception, SystemExit) as error:
        raise ArgumentError("cell", expected, name, f"{doing} says: {_told(error)}") from error


def _told(error: BaseException) -> str:
    """An error's kind, message and place in code outside this package, if it comes from there."""
    place = origin(error)
    return f"{type(error).__name__}: {error}{f' ({place})' if place else ''}"


def _shapes(tree: Any) -> object:
    """A pytree with the shapes of its tensors in their place, and the types of anything else."""
    return tree_map(lambda leaf: tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__, tree)
