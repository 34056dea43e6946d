"""One step of a recurrence: the built-in cells, and how a cell is made from its name."""

from __future__ import annotations

import inspect
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
"""The built-in cells by name."""

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
        raise ArgumentError("cell", expected, name, did_you_mean(name, CELLS))


@checked
def cell_class(name: str) -> type[Cell]:
    """The class a name stands for: one of `CELLS`, or ``module:Class`` for one of the user's own.

    Raises:
        ArgumentError: no such cell, the module cannot be imported, or its class is not a `Cell`.
    """
    if name in CELLS:
        return CELLS[name]
    check_cell_name(name)
    return own_class(name)


@checked
def make_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> Cell:
    """A cell by name, built as ``Class(input_size, hidden_size, **options)``.

    A cell of the user's own gets no options: it is built from the two sizes alone, and tried.

    Raises:
        ArgumentError: a size or an option is wrong, or a cell of the user's own is none.
    """
    if name in CELLS:
        cls = CELLS[name]
        known = {
            key for one in cls.__mro__ if issubclass(one, Cell) for key in inspect.signature(one.__init__).parameters
        }
        for option in options:
            if option not in known - {"self", "options", "args", "kwargs"}:
                raise ArgumentError("option", f"one that {cls.__name__} has", option, did_you_mean(option, known))
        return cls(input_size, hidden_size, **options)
    check_cell_name(name)
    return own_cell(name, input_size, hidden_size)
