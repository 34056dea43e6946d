"""Results of the conformance suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ConformanceError
from ..results.markup import Shown, preformatted

Outcome = Literal["ok", "none", "exempt", "cannot", "failed", "not run"]


class Failure(Exception):
    """Raised by a check that fails, with what was expected, what happened, and a remedy."""

    def __init__(self, expected: str, happened: str, remedy: str) -> None:
        super().__init__(expected, happened, remedy)
        self.expected, self.happened, self.remedy = expected, happened, remedy


@dataclass(frozen=True)
class Result:
    """The result of one check: its name, the outcome and, unless that is ``ok``, the reason.

    ok       passed                              none     not applicable (such as noise for a cell without noise)
    exempt   skipped by the caller               cannot   not supported by the requested backend
    failed   the cell violates the contract      not run  skipped because a more basic check failed
    """

    check: str
    outcome: Outcome
    detail: str = ""
    raised: bool = False
    """whether the cell's code raised an exception"""


@dataclass(frozen=True)
class Report(Shown):
    """The results of one cell with one backend; ``str(report)`` is a table."""

    cell: str
    backend: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each check, by name."""
        return {result.check: result.outcome for result in self.results}

    def plain(self) -> str:
        """Return the table as text."""
        width = max((len(result.check) for result in self.results), default=0)
        lines = [f"{self.cell}, backend {self.backend}"]
        lines += [f"  {r.check:{width}}  {r.outcome:7}  {r.detail}".rstrip() for r in self.results]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return preformatted(self.plain())

    def raise_if_failed(self) -> None:
        """Raise `ConformanceError` with a list of the failed checks, if there are any."""
        if not self.failed:
            return
        lines = [f"{self.cell} (backend {self.backend}) fails {len(self.failed)} of {len(self.results)} checks"]
        lines += [f"- {result.check}: {result.detail}" for result in self.failed]
        raise ConformanceError("\n".join(lines))
