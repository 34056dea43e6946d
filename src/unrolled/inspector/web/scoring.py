"""Scores of all units in the background: computed at the start, compared with untrained twins on request.

scoring -> ready -> comparing -> compared
   |         ^----------|           |
   v                              comparing
 failed
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Literal

import numpy as np

from ...errors import UnrolledError
from ..findings import Found, Scored, Scores
from ..hypotheses import Labels, label
from ..unit_search import measure, search, work
from .background import ActiveRequests, Background, Stopped
from .inspected import Inspected

State = Literal["scoring", "ready", "comparing", "compared", "failed"]
TOP = 20  # units listed for each hypothesis


class Scoring:
    """The scores of all units, computed in the background; thread-safe."""

    def __init__(self, inspected: Inspected, requests: ActiveRequests) -> None:
        self._inspected, self._requests = inspected, requests
        self._lock = threading.Lock()
        self.state: State = "scoring"
        self.error: str | None = None
        self.labels: Labels | None = None
        self.scores: Scores | None = None
        self.found: Found | None = None
        self._done, self._work, self._begun = 0, 1, time.monotonic()
        self._background = Background(requests, self._score)

    def start(self) -> None:
        """Start scoring."""
        self._background.start()

    def compare(self) -> bool:
        """Start the comparison with twins; return false if there are no scores yet or one is running."""
        with self._lock:
            if self.state not in ("ready", "compared"):
                return False
            self.state, self.error = "comparing", None
            self._done, self._work, self._begun = 0, 1, time.monotonic()
            self._background = Background(self._requests, self._compare)
            self._background.start()
            return True

    def stop_comparing(self) -> State:
        """Stop a running comparison and return the new state."""
        with self._lock:
            if self.state == "comparing":
                self._background.stop()
                self.state = "ready" if self.found is None else "compared"
            return self.state

    def close(self) -> None:
        """Stop all work."""
        self._background.stop(wait=1.0)

    def order(self, hypothesis: str, recurrence: str, gate: str) -> tuple[list[int], list[float | None], str]:
        """Return a gate's units ranked for a hypothesis, the score of each, and the measure (``auc`` or ``r2``).

        Raises:
            KeyError: the hypothesis does not exist, or has not been scored yet.
        """
        labels, scores = self.labels, self.scores
        if labels is None or scores is None or hypothesis not in labels.names:
            raise KeyError(hypothesis)
        j = labels.names.index(hypothesis)
        rows = np.array([n for n, u in enumerate(scores.units) if (u.recurrence, u.gate) == (recurrence, gate)])
        ranked = rows[np.argsort(-scores.chosen[j, rows], kind="stable")]
        order = [scores.units[row].index for row in ranked]
        return order, [finite(scores.score[j, row]) for row in ranked], "auc" if labels.binary[j] else "r2"

    def as_json(self) -> dict[str, Any]:
        """Return the state and all results as plain data for JSON."""
        labels, scores, found = self.labels, self.scores, self.found
        busy = self.state in ("scoring", "comparing")
        done = min(1.0, self._done / self._work) if busy else 1.0
        elapsed = time.monotonic() - self._begun
        seconds_left = round(elapsed * (1 - done) / done) if busy and done > 0.02 else None
        hypotheses: list[dict[str, Any]] = []
        left_out = {} if labels is None else dict(labels.left_out)
        if found is not None:
            left_out |= found.left_out
            for finding in found.findings:
                compared = {
                    "baseline": finding.baseline, "excess": finding.excess, "p": finding.p, "found": finding.found,
                }  # fmt: skip
                hypotheses.append(_row(finding.hypothesis, finding.binary, finding.share, finding.best, compared))
        elif labels is not None and scores is not None:
            hypotheses = self._rows(labels, scores, left_out)
        return {
            "state": self.state, "done": done, "seconds_left": seconds_left, "error": self.error,
            "hypotheses": hypotheses, "left_out": left_out,
        }  # fmt: skip

    def _rows(self, labels: Labels, scores: Scores, left_out: dict[str, str]) -> list[dict[str, Any]]:
        """Return the results without twins, ranked by the best unit's excess over the current token's score."""
        rows = []
        for j, name in enumerate(labels.names):
            if not scores.seen[j]:
                left_out[name] = "too rare in the scored sample"
                continue
            best = scores.ranked(j, TOP)
            symbol = float(scores.symbol[j])
            excess = (best[0].score - symbol) / max(1 - symbol, 1e-6)
            share = float(labels.values[j].mean(dtype=np.float64))
            rank = -excess if math.isfinite(excess) else math.inf
            rows.append((rank, _row(name, bool(labels.binary[j]), share, best)))
        rows.sort(key=lambda row: row[0])
        return [row for _, row in rows]

    def _score(self, background: Background) -> None:
        reading, inspected = self._inspected.copied(), self._inspected
        try:
            self.labels = label(inspected.text, inspected.hypotheses)
            background.pause()
            if self.labels.names:
                self._work = max(1, sum(batch.positions.size for batch in reading.passes(sample=True)))
                self.scores = measure(reading, self.labels, sample=True, progress=self._progress(background))
            self.state = "ready"
        except Stopped:
            raise
        except Exception as error:
            self.state, self.error = "failed", _reason(error)

    def _compare(self, background: Background) -> None:
        reading, twins = self._inspected.copied(), self._inspected.twins
        before: State = "ready" if self.found is None else "compared"
        try:
            assert self.labels is not None
            self._work = max(1, work(reading, twins))
            progress = self._progress(background, cumulative=True)
            found = search(reading, self.labels, twins=twins, top=TOP, seed=self._inspected.seed, progress=progress)
        except Stopped:
            raise
        except Exception as error:
            self._end(background, before, _reason(error))
        else:
            with self._lock:
                if background is self._background and self.state == "comparing":
                    self.found, self.state = found, "compared"

    def _end(self, background: Background, state: State, error: str) -> None:
        with self._lock:
            if background is self._background and self.state == "comparing":
                self.state, self.error = state, error

    def _progress(self, background: Background, *, cumulative: bool = False) -> Any:
        def progress(steps: int) -> None:
            background.pause()
            if background is self._background:
                self._done = steps if cumulative else self._done + steps

        return progress


def _reason(error: Exception) -> str:
    """Return the message to show for an error, which may come from a custom hypothesis."""
    return str(error) if isinstance(error, UnrolledError) else f"{type(error).__name__}: {error}"


def finite(value: Any) -> float | None:
    """Return the value rounded for JSON; `None` for nan and infinity."""
    return round(float(value), 6) if math.isfinite(value) else None


def _row(
    name: str, binary: bool, share: float, best: list[Scored], compared: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a hypothesis as a row of `replies.Hypotheses`."""
    units = [
        {
            "recurrence": scored.unit.recurrence, "gate": scored.unit.gate, "index": scored.unit.index,
            "name": scored.unit.name, "sign": scored.sign, "score": finite(scored.score), "rank": finite(scored.rank),
        }
        for scored in best
    ]  # fmt: skip
    comparison = compared or dict.fromkeys(("baseline", "excess", "p", "found"))
    comparison = {key: finite(value) if isinstance(value, float) else value for key, value in comparison.items()}
    measure = "auc" if binary else "r2"
    return {"name": name, "binary": binary, "measure": measure, "share": finite(share), "best": units, **comparison}
