"""Which units know what about the text: scored as soon as the page is there, compared with untrained twins if asked.

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
from .background import Background, Questions, Stopped
from .inspected import Inspected

State = Literal["scoring", "ready", "comparing", "compared", "failed"]
TOP = 20  # units told of for each hypothesis


class Scoring:
    """Scores in the making; any thread may ask for them."""

    def __init__(self, inspected: Inspected, questions: Questions) -> None:
        self._inspected, self._questions = inspected, questions
        self._lock = threading.Lock()
        self.state: State = "scoring"
        self.error: str | None = None
        self.labels: Labels | None = None
        self.scores: Scores | None = None
        self.found: Found | None = None
        self._done, self._work, self._begun = 0, 1, time.monotonic()
        self._background = Background(questions, self._score)

    def start(self) -> None:
        """Begin to score."""
        self._background.start()

    def compare(self) -> bool:
        """Begin to compare with twins; false if that cannot be now."""
        with self._lock:
            if self.state not in ("ready", "compared"):
                return False
            self.state, self.error = "comparing", None
            self._done, self._work, self._begun = 0, 1, time.monotonic()
            self._background = Background(self._questions, self._compare)
            self._background.start()
            return True

    def stop_comparing(self) -> State:
        """End a comparison, if there is one."""
        with self._lock:
            if self.state == "comparing":
                self._background.stop()
                self.state = "ready" if self.found is None else "compared"
            return self.state

    def close(self) -> None:
        """End all work."""
        self._background.stop(wait=1.0)

    def order(self, hypothesis: str, recurrence: str, gate: str) -> tuple[list[int], list[float | None], str]:
        """A gate's units, best for a hypothesis first, each one's score, and what the score is.

        Raises:
            KeyError: there is no such hypothesis, or it has not been scored yet.
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
        """Everything, plain."""
        labels, scores, found = self.labels, self.scores, self.found
        busy = self.state in ("scoring", "comparing")
        done = min(1.0, self._done / self._work) if busy else 1.0
        spent = time.monotonic() - self._begun
        left = round(spent * (1 - done) / done) if busy and done > 0.02 else None
        hypotheses: list[dict[str, Any]] = []
        left_out = {} if labels is None else dict(labels.left_out)
        if found is not None:
            left_out |= found.left_out
            for one in found.findings:
                told = {"baseline": one.baseline, "excess": one.excess, "p": one.p, "found": one.found}
                hypotheses.append(_told(one.hypothesis, one.binary, one.share, one.best, told))
        elif labels is not None and scores is not None:
            hypotheses = self._scored(labels, scores, left_out)
        return {
            "state": self.state, "done": done, "seconds_left": left, "error": self.error,
            "hypotheses": hypotheses, "left_out": left_out,
        }  # fmt: skip

    def _scored(self, labels: Labels, scores: Scores, left_out: dict[str, str]) -> list[dict[str, Any]]:
        """Without twins: ranked by how much more the best unit tells than the current symbol does."""
        rows = []
        for j, name in enumerate(labels.names):
            if not scores.seen[j]:
                left_out[name] = "too rare in the sample that is scored"
                continue
            best = scores.ranked(j, TOP)
            symbol = float(scores.symbol[j])
            more = (best[0].score - symbol) / max(1 - symbol, 1e-6)
            share = float(labels.values[j].mean(dtype=np.float64))
            rows.append((-more if math.isfinite(more) else math.inf, _told(name, bool(labels.binary[j]), share, best)))
        rows.sort(key=lambda row: row[0])
        return [told for _, told in rows]

    def _score(self, background: Background) -> None:
        reading, inspected = self._inspected.copied(), self._inspected
        try:
            self.labels = label(inspected.text, inspected.hypotheses)
            background.turn()
            if self.labels.names:
                self._work = max(1, sum(one.positions.size for one in reading.passes(sample=True)))
                self.scores = measure(reading, self.labels, sample=True, progress=self._telling(background))
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
            told = self._telling(background, sums=True)
            found = search(reading, self.labels, twins=twins, top=TOP, seed=self._inspected.seed, progress=told)
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

    def _telling(self, background: Background, *, sums: bool = False) -> Any:
        def progress(steps: int) -> None:
            background.turn()
            if background is self._background:
                self._done = steps if sums else self._done + steps

        return progress


def _reason(error: Exception) -> str:
    """What to tell of an error, also of one in a function of the user's own among the hypotheses."""
    return str(error) if isinstance(error, UnrolledError) else f"{type(error).__name__}: {error}"


def finite(value: Any) -> float | None:
    """A number that JSON can hold."""
    return round(float(value), 6) if math.isfinite(value) else None


def _told(
    name: str, binary: bool, share: float, best: list[Scored], compared: dict[str, Any] | None = None
) -> dict[str, Any]:
    units = [
        {
            "recurrence": one.unit.recurrence, "gate": one.unit.gate, "index": one.unit.index, "name": one.unit.name,
            "sign": one.sign, "score": finite(one.score), "rank": finite(one.rank),
        }
        for one in best
    ]  # fmt: skip
    told = compared or dict.fromkeys(("baseline", "excess", "p", "found"))
    told = {key: finite(value) if isinstance(value, float) else value for key, value in told.items()}
    measure = "auc" if binary else "r2"
    return {"name": name, "binary": binary, "measure": measure, "share": finite(share), "best": units, **told}
