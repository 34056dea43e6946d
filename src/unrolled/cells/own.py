"""Load a custom cell ``module:Class``: import it, build it, and check it with two steps at a few batch sizes.

Every exception of the user's code, and every result that violates the contract of cells, becomes an `ArgumentError`
before training begins. The message names the line of the user's file.
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
from .base import Cell, check_sizes_set

BATCH_SIZES = (2, 1, 3)  # several, to detect a cell that works for a single batch size only
STEPS = ("first", "second")


def own_class(name: str) -> type[Cell]:
    """Import and return the class ``module:Class``.

    Raises:
        ArgumentError: the module cannot be imported, or does not define that class of cells.
    """
    module_name, class_name = name.split(":")
    with _argument_errors(name, "an importable module:Class", "importing it"):
        module = importlib.import_module(module_name)
    cls = getattr(module, class_name, None)
    if cls is None:
        suggestion = clause(did_you_mean(class_name, vars(module)))
        raise ArgumentError("cell", "module:Class", name, f"{module_name} has no class {class_name}{suggestion}")
    if not (isinstance(cls, type) and issubclass(cls, Cell)):
        raise ArgumentError("cell", "a class derived from unrolled.Cell", name)
    if inspect.isabstract(cls):
        missing = " and ".join(sorted(cls.__abstractmethods__))
        raise ArgumentError("cell", "a class with all methods of a cell", name, f"define {missing} in it")
    return cls


def own_cell(name: str, input_size: int, hidden_size: int) -> Cell:
    """Build ``Class(input_size, hidden_size)`` and check it in the dtype of training; the random state is kept.

    Raises:
        ArgumentError: it cannot be built, its methods raise, or their results violate the contract of cells.
    """
    cls = own_class(name)
    with _argument_errors(name, "a class that is built as Class(input_size, hidden_size)", "building it"):
        cell = cls(input_size, hidden_size)
    with torch.random.fork_rng(devices=[]):
        for B in BATCH_SIZES:
            _check(cell, name, input_size, B)
    return cell


def _check(cell: Cell, name: str, input_size: int, B: int) -> None:
    """Run the methods of the cell for B sequences and check their results."""

    def expect(condition: bool, expected: str, received: object) -> None:
        if not condition:
            remedy = "unrolled.testing.check_cell checks the whole contract of cells"
            raise ArgumentError("cell", f"a class {expected}", name, f"it returns {received}; {remedy}")

    with _argument_errors(name, "a class whose methods run", f"initial_state({B})"):
        check_sizes_set(cell)
        widths = [getattr(cell, width, None) for width in ("input_size", "hidden_size", "output_size")]
        sized = all(isinstance(width, int) for width in widths) and widths[0] == input_size
        expect(sized, f"that sets input_size and hidden_size, {input_size} and a number here", widths[:2])
        state = cell.initial_state(B)
        leaves, structure = tree_flatten(state)
        batched = all(isinstance(leaf, Tensor) and leaf.dim() and leaf.size(0) == B for leaf in leaves)
        expect(batched, f"whose initial_state({B}) returns tensors ({B}, …)", _shapes(state))
        noise = cell.draw_noise(len(STEPS), B)
    for number, step in enumerate(STEPS):
        with _argument_errors(name, "a class whose methods run", f"the {step} step of {B} sequences"):
            x = torch.zeros(B, input_size)  # like the embeddings of a task
            noise_t = tree_map(lambda leaf, t=number: None if leaf is None else leaf[t], noise)
            result: Any = cell.step(x, state, noise_t)
            pair = isinstance(result, tuple) and len(result) == 2
            expect(pair, "whose step returns a pair (output, state)", _shapes(result))
            output, after = result
            fits = isinstance(output, Tensor) and output.shape == (B, cell.output_size)
            expected = f"whose step returns an output (B, output_size), here {(B, cell.output_size)}"
            expect(fits, expected, _shapes(output))
            expect(output.dtype == x.dtype, f"whose step returns {x.dtype} for {x.dtype}", output.dtype)
            new_leaves, new_structure = tree_flatten(after)
            same_shapes = [getattr(leaf, "shape", None) for leaf in new_leaves] == [leaf.shape for leaf in leaves]
            expected = f"whose step returns a state of the same shapes, {_shapes(state)}"
            expect(new_structure == structure and same_shapes, expected, _shapes(after))
            dtypes = [[leaf.dtype for leaf in tree] for tree in (leaves, new_leaves)]
            expect(dtypes[0] == dtypes[1], f"whose step keeps the state's dtypes, {dtypes[0]}", dtypes[1])
            state = after


@contextlib.contextmanager
def _argument_errors(name: str, expected: str, action: str) -> Iterator[None]:
    """Turn every exception of the user's code within this context into an `ArgumentError`."""
    try:
        yield
    except ArgumentError as error:
        if error.name == "cell":
            raise
        raise ArgumentError("cell", expected, name, f"{action} raised {_describe(error)}") from error
    except (Exception, SystemExit) as error:
        raise ArgumentError("cell", expected, name, f"{action} raised {_describe(error)}") from error


def _describe(error: BaseException) -> str:
    """Return type and message of an error, and its line in user code if it comes from there."""
    place = origin(error)
    return f"{type(error).__name__}: {error}{f' ({place})' if place else ''}"


def _shapes(tree: Any) -> object:
    """Replace the tensors of a pytree by their shapes and other leaves by the names of their types."""
    return tree_map(lambda leaf: tuple(leaf.shape) if isinstance(leaf, Tensor) else type(leaf).__name__, tree)
