"""The table in docs/conformance.md: what every built-in cell, with each of its options, can and cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ..cells import CELLS, Cell, ParallelCell
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
GATED = ("layer_norm", "recurrent_dropout", "zoneout", "weight_drop")  # of these, what a parallel cell does not have
OWN: dict[str, dict[str, dict[str, Any]]] = {
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
    """Every built-in cell with each of its options, small, the weights drawn from a fixed seed."""
    cells: dict[str, Cell] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for kind, cls in CELLS.items():
            for label, options in {**SHARED, **OWN[kind]}.items():
                if label in GATED and issubclass(cls, ParallelCell):
                    continue
                cell = cls(2, 3, **options)
                with torch.no_grad():  # a learned state and the norms start at values that hide mistakes
                    for parameter in cell.parameters():
                        parameter.add_(0.2 * torch.randn_like(parameter))
                cells[f"{kind}, {label}".rstrip(", ")] = cell
    return cells


@checked
def conformance_table(cells: Mapping[str, Cell], backends: Iterable[str] = ("reference", "native", "torch")) -> str:
    """A markdown table, cell × check, for each backend, with the reason of everything that cannot be done.

    Raises:
        ConformanceError: a cell failed a check.
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


_HEAD = """# What each cell can do

`python -m unrolled.testing` writes this page by running `unrolled.testing.check_cell` on every built-in cell.
✓: passes. –: nothing to check (a cell without noise). no: the backend refuses, for the reason given below the
table; `backend="auto"` then takes the next of native, torch and the reference loop, which does everything. The
drop-in layers of `unrolled.nn` add torch's interface, unbatched input included; their tests compare them with
`torch.nn`.
"""
