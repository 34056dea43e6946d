"""Load a custom cell ``module:Class``: import it, build it, and check it with two steps at a few batch sizes.

Every exception of the user's code, and every result that violates the contract of cells, becomes an `ArgumentError`
before training begins. The message names the line of the user's file.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator

import torch

from ..errors import ArgumentError, clause, did_you_mean, origin
from .base import Cell
from .contract import check_steps

BATCH_SIZES = (2, 1, 3)  # several, to detect a cell that works for a single batch size only


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
    if cell.space_dims:
        raise ArgumentError("cell", "a class of cells over vectors", name, "it is over maps; use it with unrolled.scan")
    with torch.random.fork_rng(devices=[]):
        for B in BATCH_SIZES:
            check_steps(cell, name, torch.zeros(B, input_size), _argument_errors)  # like the embeddings of a task
    return cell


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
