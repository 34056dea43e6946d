"""The table in docs/conformance.md: what every built-in cell supports, with each of its options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ..cells import CELLS, Cell, ConvGRUCell, ConvLSTMCell, ParallelCell
from ..checks import checked
from .conformance import CHECKS, check_cell
from .report import Report

SHARED: dict[str, dict[str, Any]] = {
    "": {},
    "bias=False": {"bias": False},
    "layer_norm": {"layer_norm": True},
    "recurrent_dropout": {"recurrent_dropout": 0.3},
    "zoneout": {"zoneout": 0.2},
    "weight_drop": {"weight_drop": 0.4},
    "learned initial": {"initial": "learned"},
    "random initial": {"initial": "random"},
}
GATED = ("layer_norm", "recurrent_dropout", "zoneout", "weight_drop")  # the shared options parallel cells do not have
SPECIFIC: dict[str, dict[str, dict[str, Any]]] = {
    "rnn": {"relu": {"nonlinearity": "relu"}},
    "gru": {
        "reset before": {"reset_after": False},
        "reset before, layer_norm": {"reset_after": False, "layer_norm": True},
    },
    "lstm": {
        "peepholes": {"peepholes": True},
        "proj_size": {"proj_size": 2},
        "everything": {
            "peepholes": True,
            "proj_size": 2,
            "layer_norm": True,
            "zoneout": (0.2, 0.3),
            "recurrent_dropout": 0.3,
            "weight_drop": 0.4,
            "initial": "learned",
            "forget_bias": 1.0,
        },
    },
    "mingru": {"linear": {"candidate": "linear"}},
    "minlstm": {"linear": {"candidate": "linear"}},
    "rglru": {},
    "qrnn": {"filter_width=1": {"filter_width": 1}, "filter_width=4": {"filter_width": 4}},
}
MARKS = {"ok": "✓", "none": "–", "exempt": "exempt", "failed": "FAILED", "not run": "?"}


def builtin_cells() -> dict[str, Cell]:
    """Build small instances of every built-in cell with each of its options, with weights from a fixed seed."""
    cells: dict[str, Cell] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for kind, cls in CELLS.items():
            for label, options in {**SHARED, **SPECIFIC[kind]}.items():
                if label in GATED and issubclass(cls, ParallelCell):
                    continue
                cells[f"{kind}, {label}".rstrip(", ")] = cls(2, 3, **options)
        cells["convgru, one dimension"] = ConvGRUCell(1, 2, 2, dims=1)
        cells["convlstm, one dimension, peepholes"] = ConvLSTMCell(1, 2, 2, dims=1, peepholes=True)
        with torch.no_grad():  # the initial values of a learned state and of norms would hide errors
            for cell in cells.values():
                for parameter in cell.parameters():
                    parameter.add_(0.2 * torch.randn_like(parameter))
    return cells


@checked
def conformance_table(cells: Mapping[str, Cell], backends: Iterable[str] = ("reference", "native", "torch")) -> str:
    """Return a markdown table, cell × check, for each backend, with the reasons for what it does not support.

    Raises:
        ConformanceError: a cell fails a check.
    """
    text = [_HEAD]
    for backend in backends:
        reports = [check_cell(cell, backend=backend, name=name) for name, cell in cells.items()]
        text.append(_section(backend, reports))
    return "\n".join(text)


def _section(backend: str, reports: list[Report]) -> str:
    notes: dict[str, int] = {}
    rows = []
    for report in reports:
        marks = []
        for result in report.results:
            if result.outcome == "cannot":
                marks.append(f"no ({notes.setdefault(result.detail, len(notes) + 1)})")
            else:
                marks.append(MARKS[result.outcome])
        rows.append(f"| {report.cell} | {' | '.join(marks)} |")
    head = [f"| cell | {' | '.join(CHECKS)} |", "|---" * (len(CHECKS) + 1) + "|"]
    reasons = [f"{number}. {reason}" for reason, number in notes.items()]
    return "\n".join([f"## Backend `{backend}`", "", *head, *rows, "", *reasons, *([""] if reasons else [])])


_HEAD = """# What each cell supports

`python -m unrolled.testing` writes this page by running `unrolled.testing.check_cell` on every built-in cell.
✓: passes. –: not applicable (such as noise for a cell without noise). no: not supported by the backend, for the reason
given below the table; `backend="auto"` then uses the next of native, torch and the reference loop, which supports
everything. The drop-in layers of `unrolled.nn` add torch's interface, unbatched input included; their tests compare
them with `torch.nn`.
"""
