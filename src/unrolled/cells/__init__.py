"""One step of a recurrence: the built-in cells, and how a cell is made from its name."""

from __future__ import annotations

import importlib
import re
from typing import Any

from ..checks import checked
from ..errors import ArgumentError, did_you_mean
from .base import BuiltinCell, Cell, GatedCell, Noise, Trace, check_rate, check_size
from .gru import GRUCell
from .init import INITIALISERS
from .lstm import LSTMCell
from .mingru import MinGRUCell
from .minlstm import MinLSTMCell
from .parallel import ParallelCell
from .qrnn import QRNNCell
from .rglru import RGLRUCell
from .rnn import RNNCell
from .state import GRUState, LSTMState, QRNNState, RNNState, State

CELLS: dict[str, type[BuiltinCell]] = {
    "rnn": RNNCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "mingru": MinGRUCell,
    "minlstm": MinLSTMCell,
    "rglru": RGLRUCell,
    "qrnn": QRNNCell,
}

__all__ = [
    "CELLS",
    "INITIALISERS",
    "BuiltinCell",
    "Cell",
    "GRUCell",
    "GRUState",
    "GatedCell",
    "LSTMCell",
    "LSTMState",
    "MinGRUCell",
    "MinLSTMCell",
    "Noise",
    "ParallelCell",
    "QRNNCell",
    "QRNNState",
    "RGLRUCell",
    "RNNCell",
    "RNNState",
    "State",
    "Trace",
    "cell_class",
    "check_cell_name",
    "check_rate",
    "check_size",
    "make_cell",
]


@checked
def check_cell_name(name: str) -> None:
    """Raise `ArgumentError` unless ``name`` is a built-in cell's or has the form module:Class. Imports nothing."""
    if name not in CELLS and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        expected = f"one of {', '.join(CELLS)} or module:Class"
        raise ArgumentError("cell", expected, name, did_you_mean(name, CELLS).lstrip("; "))


@checked
def cell_class(name: str) -> type[Cell]:
    """The class a name stands for: one of `CELLS`, or ``module:Class`` for one of the user's own.

    Raises:
        ArgumentError: no such cell, the module cannot be imported, or its class is not a `Cell`.
    """
    if name in CELLS:
        return CELLS[name]
    check_cell_name(name)
    module_name, class_name = name.split(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module of the user's own may raise anything
        said = f"importing it says: {type(error).__name__}: {error}"
        raise ArgumentError("cell", "an importable module:Class", name, said) from error
    found = getattr(module, class_name, None)
    if found is None:
        near = did_you_mean(class_name, vars(module))
        raise ArgumentError("cell", "module:Class", name, f"{module_name} has no class {class_name}{near}")
    if not (isinstance(found, type) and issubclass(found, Cell)):
        raise ArgumentError("cell", "a class derived from unrolled.Cell", name)
    return found


@checked
def make_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> Cell:
    """A cell by name, built as ``Class(input_size, hidden_size, **options)``.

    A cell of the user's own gets no options: it is built from the two sizes alone.
    """
    cls = cell_class(name)
    return cls(input_size, hidden_size, **options) if name in CELLS else cls(input_size, hidden_size)
