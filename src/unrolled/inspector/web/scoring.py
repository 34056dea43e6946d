"""Scores of all units in the background: computed at the start, then compared with untrained twins.

scoring -> ready -> comparing -> compared
   |         ^----------|           |
   v                              comparing
 failed

Hypotheses come in batches: those of the start, and one batch for each expression that the user of the page adds.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...errors import ArgumentError, UnrolledError
from .. import saved_findings
from ..findings import Found, Scores, Unit
from ..hypotheses import Hypothesis, Labels, inside_matches, label
from ..judgement import short_text
from ..scores import Numbers
from ..unit_search import measure, search, work
from .background import ActiveRequests, Background, Stopped
from .inspected import Inspected
from .scored_rows import TOP, candidates, finite, of_unit, row

State = Literal["scoring", "ready", "comparing", "compared", "failed"]
OWN = 12  # expressions that may be added
AUTOMATIC = 600.0  # seconds: a comparison that is estimated to take longer waits for its button


@dataclass
class Batch:
    """Hypotheses that are scored together, and what is known about them so far."""

    labels: Labels
    scores: Scores | None = None
    found: Found | None = None
    failed: bool = False
    """whether its comparison failed, so that it is not tried again by itself"""


class Scoring:
    """The scores of all units, computed in the background; thread-safe."""

    def __init__(self, inspected: Inspected, requests: ActiveRequests) -> None:
        self._inspected, self._requests = inspected, requests
        self._lock = threading.Lock()
        self._automatic = inspected.automatic  # false after the user has stopped a comparison
        self.state: State = "scoring"
        self.error: str | None = None
        self._batches: list[Batch] = []  # the first has the hypotheses of the start
        self._done, self._work, self._begun = 0, 1, time.monotonic()
        self._background = Background(requests, self._score)  # scores at the start, later compares
        self._added: list[Background] = []  # each scores one added expression
        self._adding = ActiveRequests()  # a comparison waits for them

    def start(self) -> None:
        """Start scoring."""
        self._background.start()

    def compare(self) -> bool:
        """Start the comparison with twins; return false if there are no scores yet or one is running."""
        with self._lock:
            if self.state not in ("ready", "compared"):
                return False
            self.state, self.error = "comparing", None
            for batch in self._batches:
                batch.failed = batch.scores is not None and not batch.scores.seen.any()
            self._restart_clock(1)
            self._background = Background(self._requests, self._compare)
            self._background.start()
            return True

    def stop_comparing(self) -> State:
        """Stop a running comparison and return the new state."""
        with self._lock:
            if self.state == "comparing":
                self._automatic = False
                self._background.stop()
                self.state = "ready" if self._waiting() else "compared"
            return self.state

    def close(self) -> None:
        """Stop all work."""
        for background in (*self._added, self._background):
            background.stop()
        for background in (*self._added, self._background):
            background.stop(wait=1.0)

    def add(self, expression: str) -> str:
        """Add a hypothesis, true inside the matches of a regular expression, and score it in the background.

        Returns:
            Its name; an expression that was added before keeps its scores.

        Raises:
            ArgumentError: the expression does not compile, takes too long, or cannot be tested on the text.
        """
        name = f"/{expression}/"
        if name in self._names():
            return name
        hypothesis = Hypothesis(name, inside_matches(expression))
        labels = label(self._inspected.text, [hypothesis])
        if reason := labels.left_out.get(name):
            raise ArgumentError("expression", "one that can be tested on this text", expression, f"it is {reason}")
        with self._lock:
            if len(self._batches) > OWN:
                remedy = "restart the server to test others"
                raise ArgumentError("expression", f"one of at most {OWN}", expression, remedy)
            if name not in self._names():
                batch = Batch(labels)
                self._batches.append(batch)
                self._added.append(Background(self._requests, lambda background: self._score_added(batch, background)))
                self._added[-1].start()
        return name

    def labels_of(self, hypothesis: str) -> tuple[bool, Numbers]:
        """Return whether a hypothesis is binary, and its label of each character.

        Raises:
            KeyError: the hypothesis does not exist, or has no labels yet.
        """
        batch, j = self._place(hypothesis)
        return bool(batch.labels.binary[j]), batch.labels.values[j]

    def order(self, hypothesis: str, recurrence: str, gate: str) -> tuple[list[int], list[float | None], str]:
        """Return a gate's units by their score for a hypothesis, the scores, and the measure (``auc`` or ``r2``).

        Raises:
            KeyError: the hypothesis does not exist, or has not been scored yet.
        """
        batch, j = self._place(hypothesis)
        if batch.scores is None:
            raise KeyError(hypothesis)
        units = batch.scores.units
        rows = np.array([n for n, u in enumerate(units) if (u.recurrence, u.gate) == (recurrence, gate)])
        shown = batch.scores.score[j, rows]
        ranked = rows[np.argsort(-np.nan_to_num(shown, nan=-np.inf), kind="stable")]
        scores = [finite(batch.scores.score[j, row]) for row in ranked]
        return [units[row].index for row in ranked], scores, "auc" if batch.labels.binary[j] else "r2"

    def of_unit(self, unit: Unit) -> dict[str, Any]:
        """Return what a unit encodes, as `replies.OfUnit`: findings first, then the best; empty before the scores."""
        scored = [batch for batch in list(self._batches) if batch.scores is not None]
        if any(short_text(batch.scores.positions) for batch in scored if batch.scores):
            return {"rows": []}
        rows = [r for b in scored if b.scores for r in of_unit(unit, b.labels, b.scores, b.found)]
        return {"rows": sorted(rows, key=lambda r: (not r["found"], not r["explains"], -(r["closed"] or 0.0)))}

    def as_json(self) -> dict[str, Any]:
        """Return the state and all results as plain data for JSON."""
        busy = self.state in ("scoring", "comparing")
        done = min(1.0, self._done / self._work) if busy else 1.0
        elapsed = time.monotonic() - self._begun
        seconds_left = round(elapsed * (1 - done) / done) if busy and done > 0.02 else None
        hypotheses: list[dict[str, Any]] = []
        left_out: dict[str, str] = {}
        pending, note = list[str](), ""
        batches = list(self._batches)
        for batch in (*reversed(batches[1:]), *batches[:1]):  # the newest expression first
            left_out |= batch.labels.left_out
            if batch.found is not None:
                left_out |= batch.found.left_out
                hypotheses += [row(finding.hypothesis, finding) for finding in batch.found.findings]
            elif batch.scores is not None:
                hypotheses += candidates(batch.labels, batch.scores, left_out)
            elif batch is not batches[0]:
                pending += batch.labels.names
        positions = [batch.scores.positions for batch in batches if batch.scores is not None]
        full = [batch.found.positions for batch in batches if batch.found is not None]
        if positions and (note := short_text(min(positions))):
            hypotheses = []
        return {
            "state": self.state, "done": done, "seconds_left": seconds_left, "error": self.error,
            "hypotheses": hypotheses, "left_out": left_out, "pending": pending, "note": note or None,
            "sampled": min(positions) if positions and full and min(positions) < max(full) else None,
        }  # fmt: skip

    def _names(self) -> list[str]:
        return [name for batch in self._batches for name in batch.labels.names]

    def _place(self, hypothesis: str) -> tuple[Batch, int]:
        for batch in self._batches:
            if hypothesis in batch.labels.names:
                return batch, batch.labels.names.index(hypothesis)
        raise KeyError(hypothesis)

    def _waiting(self) -> list[Batch]:
        """Return the batches to compare next, the newest first."""
        return [b for b in reversed(self._batches) if b.scores is not None and b.found is None and not b.failed]

    def _restart_clock(self, work: int) -> None:
        self._done, self._work, self._begun = 0, max(1, work), time.monotonic()

    def _score(self, background: Background) -> None:
        """Score the hypotheses of the start, then compare them unless that would take very long."""
        reading, inspected = self._inspected.copied(), self._inspected
        try:
            batch = Batch(label(inspected.text, inspected.hypotheses))
            self._batches.insert(0, batch)
            background.pause()
            if batch.labels.names:
                self._restart_clock(sum(passed.positions.size for passed in reading.passes(sample=True)))
                batch.scores = measure(reading, batch.labels, sample=True, progress=self._progress(background))
            self.state = "ready"
        except Stopped:
            raise
        except Exception as error:
            self.state, self.error = "failed", _reason(error)
            return
        seconds = (time.monotonic() - self._begun) / self._work * work(reading, inspected.twins)
        enough = batch.scores is not None and not short_text(batch.scores.positions)
        if not enough or (seconds > AUTOMATIC and self._saved(batch) is None):
            self._automatic = False
        elif self._automatic:
            self.compare()

    def _score_added(self, batch: Batch, background: Background) -> None:
        reading = self._inspected.copied()
        try:
            with self._adding:
                scores = measure(reading, batch.labels, sample=True, progress=lambda steps: background.pause())
            batch.failed = not scores.seen.any()  # nothing to compare
            batch.scores = scores
        except Stopped:
            raise
        except Exception as error:
            with self._lock:
                self._batches.remove(batch)
                self.error = _reason(error)
            return
        if self._automatic:  # a comparison that is running takes this batch next
            self.compare()

    def _compare(self, background: Background) -> None:
        reading, inspected = self._inspected.copied(), self._inspected
        error = None
        while (batch := self._next(background, error)) is not None:
            try:
                found = self._saved(batch)
                if found is None:
                    self._restart_clock(work(reading, inspected.twins))
                    progress = self._progress(background, cumulative=True)
                    found = search(
                        reading, batch.labels, twins=inspected.twins, top=TOP, seed=inspected.seed, progress=progress
                    )  # fmt: skip
                    self._save(batch, found)
            except Stopped:
                raise
            except Exception as problem:
                batch.failed, error = True, _reason(problem)
            else:
                with self._lock:
                    if background is self._background and self.state == "comparing":
                        batch.found = found

    def _next(self, background: Background, error: str | None) -> Batch | None:
        """Return the next batch to compare; without one, the comparison ends."""
        with self._lock:
            if background is not self._background or self.state != "comparing":
                return None
            if waiting := self._waiting():
                return waiting[0]
            self.state, self.error = "ready" if error else "compared", error
            return None

    def _saved(self, batch: Batch) -> Found | None:
        folder = self._inspected.cache
        return None if folder is None else saved_findings.load(folder, self._digest(batch))

    def _save(self, batch: Batch, found: Found) -> None:
        if self._inspected.cache is not None:
            saved_findings.save(self._inspected.cache, self._digest(batch), found)

    def _digest(self, batch: Batch) -> str:
        what = self._inspected
        return saved_findings.digest(what.reading, what.text, batch.labels, what.twins, what.seed, TOP)

    def _progress(self, background: Background, *, cumulative: bool = False) -> Any:
        def progress(steps: int) -> None:
            background.pause()
            self._adding.wait()
            if background is self._background:
                self._done = steps if cumulative else self._done + steps

        return progress


def _reason(error: Exception) -> str:
    """Return the message to show for an error, which may come from a custom hypothesis."""
    return str(error) if isinstance(error, UnrolledError) else f"{type(error).__name__}: {error}"
