"""`check_cell` runs every check of the conformance suite on one cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import torch

from ..cells import Cell
from ..checks import checked
from ..errors import ArgumentError, BackendError, did_you_mean
from ..scan import BACKENDS
from . import derivative, gradient, sequence, step, transform
from .report import Failure, Report, Result
from .subject import Subject

Check = Callable[[Subject], str | None]

# If one of these fails, the results of the other checks are meaningless.
BASIC: dict[str, Check] = {"shapes": step.shapes, "dtypes": step.dtypes, "purity": step.purity}
CHECKS: dict[str, Check] = {
    **BASIC,
    "trace": step.trace,
    "noise": step.noise,
    "saving": step.saving,
    "lanes": step.lanes,
    "agreement": sequence.agreement,
    "carried state": sequence.carried,
    "lengths": sequence.lengths,
    "resets": sequence.resets,
    "reverse": sequence.reverse,
    "empty": sequence.empty,
    "gradients": gradient.gradients,
    "double backward": gradient.double_backward,
    "evaluation gradients": gradient.evaluation_gradients,
    "compile": transform.compiled,
    "export": transform.exported,
    "vmap": transform.vmapped,
    "jvp": derivative.of_scan(derivative.pushed_forward),
    "func.grad": derivative.of_scan(derivative.differentiated),
    "vjp": derivative.of_scan(derivative.pulled_back),
    "jacfwd": derivative.of_scan(derivative.jacobians(torch.func.jacfwd)),
    "jacrev": derivative.of_scan(derivative.jacobians(torch.func.jacrev)),
    "hessian": derivative.of_scan(derivative.curvature),
    "vmap of grad and jvp": derivative.vmapped,
    "batched gradients": derivative.of_scan(derivative.batched_gradients),
    "jit.trace": derivative.traced,
}
"""Every check by name, in the order of running."""


@checked
def check_cell(
    cell: Annotated[Cell, "an instance of a class derived from unrolled.Cell"],
    *,
    backend: str = "auto",
    exempt: Iterable[str] | Mapping[str, str] = (),
    name: str = "",
) -> Report:
    """Check that a cell keeps the contract of docs/architecture.md. The cell itself is not modified.

    Args:
        cell: the cell, of any (small) sizes; the checks run on a float64 copy on the CPU.
        backend: the backend for checks of whole sequences, see `scan`.
        exempt: names of checks (keys of `CHECKS`) to skip, or a mapping of names to reasons.
        name: name of the cell in the report; by default that of its class.

    Returns:
        A `Report`, which prints as a table.

    Raises:
        ConformanceError: checks failed; the message lists for each what was expected, what happened and a remedy.
        ArgumentError: ``cell`` is not a `Cell`, or a backend or check is unknown.

    >>> from unrolled import GRUCell
    >>> report = check_cell(GRUCell(2, 3), exempt=set(CHECKS) - {"shapes", "gradients"})  # two of the checks
    >>> report.outcomes["gradients"], report.failed
    ('ok', ())
    """
    if not isinstance(cell, Cell):
        remedy = "derive from unrolled.Cell and define step and initial_state"
        raise ArgumentError("cell", "an instance of a class derived from unrolled.Cell", cell, remedy)
    if backend not in BACKENDS:
        raise ArgumentError("backend", f"one of {', '.join(BACKENDS)}", backend)
    reasons = dict(exempt) if isinstance(exempt, Mapping) else dict.fromkeys(exempt, "requested")
    for unknown in reasons.keys() - CHECKS.keys():
        raise ArgumentError("exempt", f"among {', '.join(CHECKS)}", unknown, did_you_mean(unknown, CHECKS))
    with torch.random.fork_rng(devices=[]):
        results = tuple(_run_all(Subject.of(cell, backend), reasons))
    report = Report(name or type(cell).__name__, backend, results)
    report.raise_if_failed()
    return report


def _run_all(subject: Subject, exempt: Mapping[str, str]) -> Iterable[Result]:
    """Run all checks; skip the exempt ones, and the rest once a basic one has failed."""
    broken = ""
    for name, check in CHECKS.items():
        if name in exempt:
            yield Result(name, "exempt", exempt[name])
        elif broken and name not in BASIC:
            yield Result(name, "not run", f"{broken} failed")
        else:
            torch.manual_seed(0)
            result = _run(name, check, subject)
            if result.outcome == "failed" and name in BASIC:
                broken = broken or name
            yield result


def _reason(error: BackendError) -> str:
    """Return the reason without the name of the cell and the remedy, so that equal reasons are equal strings."""
    return re.sub(r"backend '\w+' cannot run this \w+: |; use (backend='auto'|torch.export)", "", str(error))


def _run(name: str, check: Check, subject: Subject) -> Result:
    """Run one check; a check returns a string if there is nothing to check."""
    try:
        not_applicable = check(subject)
    except Failure as error:
        return Result(name, "failed", f"expected {error.expected}; {error.happened}; {error.remedy}")
    except BackendError as error:  # only a requested backend raises it
        return Result(name, "cannot", _reason(error))
    except Exception as error:  # an exception of the user's code is a failure of the check
        expected = (check.__doc__ or name).strip().rstrip(".")
        text = " ".join(str(error).split())[:300]
        remedy = "make step and initial_state run in this situation"
        return Result(name, "failed", f"expected: {expected}; it raised {type(error).__name__}: {text}; {remedy}")
    return Result(name, "ok") if not_applicable is None else Result(name, "none", not_applicable)
