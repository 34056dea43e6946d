"""What a run of the conformance suite found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ConformanceError
from ..results.markup import Shown, preformatted

Outcome = Literal["ok", "none", "exempt", "cannot", "failed", "not run"]


class Failure(Exception):
    """Raised by a check: what was expected, what happened, what to do."""

    def __init__(self, expected: str, happened: str, remedy: str) -> None:
        super().__init__(expected, happened, remedy)
        self.expected, self.happened, self.remedy = expected, happened, remedy


@dataclass(frozen=True)
class Result:
    """One check: its name, the outcome and, unless that is ``ok``, the reason.

    ok       the cell does it                    none     there is nothing to check (a cell without noise)
    exempt   the caller asked to skip it         cannot   the backend asked for says that it cannot
    failed   the cell does not do it             not run  a more basic check failed
    """

    check: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Report(Shown):
    """The results of one cell on one backend; printing it gives a table."""

    cell: str
    backend: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def outcomes(self) -> dict[str, str]:
        """Check → outcome."""
        return {result.check: result.outcome for result in self.results}

    def plain(self) -> str:
        """As text."""
        wide = max((len(result.check) for result in self.results), default=0)
        lines = [f"{self.cell}, backend {self.backend}"]
        lines += [f"  {one.check:{wide}}  {one.outcome:7}  {one.detail}".rstrip() for one in self.results]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return preformatted(self.plain())

    def raise_if_failed(self) -> None:
        """Raise `ConformanceError` that lists every failed check; nothing if there is none."""
        if not self.failed:
            return
        lines = [f"{self.cell} (backend {self.backend}) fails {len(self.failed)} of {len(self.results)} checks"]
        lines += [f"- {result.check}: {result.detail}" for result in self.failed]
        raise ConformanceError("\n".join(lines))
