"""Recurrent sequence models, from the recurrence on the blackboard to a trained and inspected model.

    import unrolled
    model = unrolled.train("lm", data="texts/", time="5m")
    print(model.generate("Once upon", temperature=0.8))

Names are loaded on first use, so importing the package is quick.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

TYPE_CHECKING = False  # importing `typing` would dominate this import, during which Ctrl-C shows a traceback

__version__ = "0.1.0"

_MODULE_OF = {
    "train": "api",
    "resume": "api",
    "load": "api",
    "cross_validate": "cross_validation",
    "scan": "scan",
    "scan_traced": "scan",
    "Cell": "cells",
    "RNNCell": "cells",
    "GRUCell": "cells",
    "LSTMCell": "cells",
}
_MODULES = ("cells", "data", "decoding", "errors", "inspector", "lab", "layers", "nn", "testing")

__all__ = [
    "Cell",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "cells",
    "cross_validate",
    "data",
    "decoding",
    "errors",
    "inspector",
    "lab",
    "layers",
    "load",
    "nn",
    "resume",
    "scan",
    "scan_traced",
    "testing",
    "train",
]

if TYPE_CHECKING:
    from typing import Any

    from . import cells, data, decoding, errors, inspector, lab, layers, nn, testing
    from .api import load, resume, train
    from .cells import Cell, GRUCell, LSTMCell, RNNCell
    from .cross_validation import cross_validate
    from .scan import scan, scan_traced


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keep ``unrolled.scan`` the function when the module of that name is imported, as most other modules do."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.scan if name == "scan" and isinstance(value, ModuleType) else value)


sys.modules[__name__].__class__ = _Package
