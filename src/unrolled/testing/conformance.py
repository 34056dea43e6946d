"""`check_cell` runs every check of the conformance suite on one cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated

import torch

from ..cells import Cell
from ..cells.contract import check_sizes_set
from ..checks import UNCHECKED, checked
from ..errors import ArgumentError, BackendError, did_you_mean, origin
from ..scan import BACKENDS
from . import derivative, gradient, observed, sequence, step, transform
from .report import Failure, Report, Result
from .subject import Subject

Check = Callable[[Subject], str | None]

# If one of these fails, the results of the other checks mean nothing; only the cause is reported. So too for DECISIVE.
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
DECISIVE = ("lanes", "gradients", "compile")  # compile only if a line of the cell's code is the cause


@checked
def check_cell(
    cell: Annotated[Cell, UNCHECKED],
    *,
    backend: str = "auto",
    exempt: Iterable[str] | Mapping[str, str] = (),
    name: str = "",
    space: Sequence[int] = (),
) -> Report:
    """Check that a cell keeps the contract of `unrolled.Cell`. The cell itself is not modified.

    Args:
        cell: the cell, of any (small) sizes; the checks run on a float64 copy on the CPU.
        backend: the backend for checks of whole sequences, see `scan`.
        exempt: names of checks (keys of `CHECKS`) to skip, or a mapping of names to reasons.
        name: name of the cell in the report; by default that of its class.
        space: sizes of the input maps for a cell over maps; by default the first of 4, 3, 2.

    Returns:
        A `Report`, which prints as a table.

    Raises:
        ConformanceError: checks failed; the message lists for each what was expected, what happened and a remedy.
        ArgumentError: ``cell`` is not a `Cell` or does not set its sizes, or a backend or check is unknown.

    >>> from unrolled import GRUCell
    >>> report = check_cell(GRUCell(2, 3), exempt=set(CHECKS) - {"shapes", "gradients"})  # two of the checks
    >>> report.outcomes["gradients"], report.failed
    ('ok', ())
    """
    if not isinstance(cell, Cell):
        remedy = "derive from unrolled.Cell and define step and initial_state"
        if isinstance(cell, type) and issubclass(cell, Cell):
            remedy = f"pass an instance: check_cell({cell.__name__}(8, 16))"
        raise ArgumentError("cell", "an instance of a class derived from unrolled.Cell", cell, remedy)
    check_sizes_set(cell)
    if backend not in BACKENDS:
        raise ArgumentError("backend", f"one of {', '.join(BACKENDS)}", backend)
    reasons = dict(exempt) if isinstance(exempt, Mapping) else dict.fromkeys(exempt, "requested")
    for unknown in reasons.keys() - CHECKS.keys():
        raise ArgumentError("exempt", f"among {', '.join(CHECKS)}", unknown, did_you_mean(unknown, CHECKS))
    with torch.random.fork_rng(devices=[]):
        results = tuple(_run_all(Subject.of(cell, backend, space), reasons))
    report = Report(name or type(cell).__name__, backend, results)
    report.raise_if_failed()
    return report


def _run_all(subject: Subject, exempt: Mapping[str, str]) -> Iterable[Result]:
    """Run all checks except the exempt ones; if basic or decisive ones fail, report only the cause."""
    done = {name: _run(name, check, subject) for name, check in BASIC.items() if name not in exempt}
    failed = [result for result in done.values() if result.outcome == "failed"]
    # an exception of the cell's code may be the consequence of what another check expects
    cause = next((result for result in failed if not result.raised), failed[0] if failed else None)
    for name in DECISIVE:
        if cause is None and name not in exempt:
            done[name] = _run(name, CHECKS[name], subject)
            if done[name].outcome == "failed":
                done[name], found = _explained(done[name], subject)
                cause = done[name] if found or name != "compile" else None
    for name, check in CHECKS.items():
        if name in exempt:
            yield Result(name, "exempt", exempt[name])
        elif cause is not None and name != cause.check and (name not in done or done[name].outcome == "failed"):
            yield Result(name, "not run", f"{cause.check} failed")
        else:
            yield done[name] if name in done else _run(name, check, subject)


def _explained(result: Result, subject: Subject) -> tuple[Result, bool]:
    """Return a failed result with the line of the cell's code that causes it, and whether there is one."""
    found = observed.cause(subject)
    if found is None:
        return result, False
    expected, happened, remedy = found
    return Result(result.check, "failed", f"expected {expected}; {happened}; {remedy}", result.raised), True


def _reason(error: BackendError) -> str:
    """Return the reason without the name of the cell and the remedy, so that equal reasons are equal strings."""
    return re.sub(r"backend '\w+' cannot run this \w+: |; use (backend='auto'|torch.export)", "", str(error))


def _run(name: str, check: Check, subject: Subject) -> Result:
    """Run one check; a check returns a string if there is nothing to check."""
    torch.manual_seed(0)
    try:
        not_applicable = check(subject)
    except Failure as error:
        return Result(name, "failed", f"expected {error.expected}; {error.happened}; {error.remedy}")
    except BackendError as error:  # only a requested backend raises it
        return Result(name, "cannot", _reason(error))
    except Exception as error:  # an exception of the user's code is a failure of the check
        expected = (check.__doc__ or name).strip().rstrip(".").replace("``", "")
        place = origin(error)
        text = " ".join(str(error).split())[:300] + (f" ({place})" if place else "")
        remedy = "make step and initial_state run in this situation"
        return Result(name, "failed", f"expected: {expected}; it raised {type(error).__name__}: {text}; {remedy}", True)
    return Result(name, "ok") if not_applicable is None else Result(name, "none", not_applicable)
