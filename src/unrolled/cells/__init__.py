"""Cells, each one step of a recurrence: the built-in cells, and factories that build a cell by name."""

from __future__ import annotations

import re
from typing import Any

from ..checks import checked
from ..errors import ArgumentError, did_you_mean
from .arguments import check_rate, check_size
from .base import BuiltinCell, Cell, GatedCell, Noise, Trace
from .conv_gru import ConvGRUCell
from .conv_lstm import ConvLSTMCell
from .convolutional import ConvolutionalCell
from .gru import GRUCell
from .init import INITIALISERS
from .lstm import LSTMCell
from .mingru import MinGRUCell
from .minlstm import MinLSTMCell
from .own import own_cell, own_class
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
"""The built-in cells over vectors by name."""
OVER_MAPS: dict[str, type[ConvolutionalCell]] = {"convgru": ConvGRUCell, "convlstm": ConvLSTMCell}
"""The built-in cells over maps by name."""

__all__ = [
    "CELLS",
    "INITIALISERS",
    "OVER_MAPS",
    "BuiltinCell",
    "Cell",
    "ConvGRUCell",
    "ConvLSTMCell",
    "ConvolutionalCell",
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
    """Raise `ArgumentError` unless ``name`` is a built-in cell or has the form ``module:Class``. Imports nothing."""
    if name not in CELLS and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name):
        expected = f"one of {', '.join(CELLS)} or module:Class"
        raise ArgumentError("cell", expected, name, did_you_mean(name, CELLS))


def cell_name(cell: Any) -> Any:
    """Return the name of a class of cells, a key of `CELLS` or ``module:Class``; names are returned unchanged.

    Raises:
        ArgumentError: no module defines the class under its name, or ``cell`` is no class of cells.
    """
    if isinstance(cell, Cell):
        remedy = f"pass the class {type(cell).__name__}: each layer builds its own"
        raise ArgumentError("cell", "a class derived from unrolled.Cell, or its name", type(cell).__name__, remedy)
    if cell is None or isinstance(cell, str):
        return cell
    if not isinstance(cell, type) or not issubclass(cell, Cell):
        kind = getattr(cell, "__name__", type(cell).__name__).lower().removesuffix("cell")
        remedy = f"for a built-in cell write cell={kind!r}" if kind in CELLS else "derive the class from unrolled.Cell"
        raise ArgumentError("cell", "a class derived from unrolled.Cell, or its name", cell, remedy)
    for name, builtin in CELLS.items():
        if cell is builtin:
            return name
    name = f"{cell.__module__}:{cell.__qualname__}"
    if "." in cell.__qualname__:
        remedy = f"move it to a file, such as my_cells.py, and pass cell='my_cells:{cell.__name__}'"
        raise ArgumentError("cell", "a class at the top level of a module that can be imported", name, remedy)
    return name


@checked
def cell_class(name: str) -> type[Cell]:
    """Return the class of a cell by name: a key of `CELLS`, or ``module:Class`` for a custom cell.

    Raises:
        ArgumentError: the name is unknown, the module cannot be imported, or its class is not a `Cell`.
    """
    if name in CELLS:
        return CELLS[name]
    check_cell_name(name)
    return own_class(name)


@checked
def make_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> Cell:
    """Build a cell by name as ``Class(input_size, hidden_size, **options)``.

    A custom cell ``module:Class`` is built from the two sizes without options, and checked with two steps.

    Raises:
        ArgumentError: a size or an option is invalid, or the custom class is not a working cell.

    >>> make_cell("gru", 8, 16, layer_norm=True).output_size
    16
    """
    if name in CELLS:
        return CELLS[name](input_size, hidden_size, **options)
    check_cell_name(name)
    return own_cell(name, input_size, hidden_size)
