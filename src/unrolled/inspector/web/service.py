"""One run and one text as the server sees them: who answers what, with which copy of the model."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import torch
from fastapi import HTTPException

from ...analysis.inspection import Inspection
from ...tasks.common.inspectable import Paned
from ...tasks.common.writer import Writer
from ..findings import Unit
from ..scores import Numbers
from ..states import STATES
from ..traces import Mask, Plane, Traces
from . import requests
from .background import Background, Desk, Questions
from .inspected import Inspected
from .scoring import Scoring
from .text_queries import typed, unrolled
from .training import training
from .writing import Written, pieces

WRITERS = 2  # texts that are written at once


class Service:
    """Everything behind the addresses.

    Raises:
        ArgumentError: the recurrent cell names no gates.
    """

    def __init__(self, inspected: Inspected) -> None:
        self.inspected = inspected
        threads = torch.get_num_threads()
        self.questions = Questions()
        self.desk, self._typist = Desk(self.questions, threads), Desk(self.questions, threads)
        self.traces = Traces(inspected.copied())
        self.scoring = Scoring(inspected, self.questions)
        writer = inspected.writer()
        self._model = inspected.model if writer is None else writer  # the typist's
        self._reads = Background(self.questions, self._read)
        self._writers, self._ending = threading.Semaphore(WRITERS), threading.Event()
        self._planes = {plane: _common(*scales) for plane, scales in self.traces.scales.items()}

    def start(self) -> None:
        """Begin what is done in the background."""
        self.scoring.start()
        self._reads.start()

    def close(self) -> None:
        """End it."""
        self.end_writing()
        self._reads.stop()
        self.scoring.close()
        self._reads.stop(wait=1.0)
        for desk in (self.desk, self._typist):
            desk.close()

    def run(self) -> dict[str, Any]:
        """What the page begins with."""
        inspected, found = self.inspected, dict[str, list[str]]()
        for name, gate in self.traces.planes:
            found.setdefault(name, []).append(gate)
        recurrences = []
        for name, gates in found.items():
            layer, backward = Unit(name, "h", 0).place
            gates.sort(key=lambda gate: STATES.index(gate) if gate in STATES else len(STATES))
            recurrences.append({
                "name": name, "label": f"layer {layer}{' ←' if backward else ''}", "backward": backward,
                "hidden_size": self.traces.planes[name, gates[0]], "gates": gates,
                "states": [gate for gate in gates if gate in STATES],
            })  # fmt: skip
        return {
            "name": inspected.name, "task": inspected.model.task, "about": inspected.about(),
            "units": sum(self.traces.planes.values()), "recurrences": recurrences,
            "text": {"source": inspected.source, "characters": len(inspected.text)},
            "panes": inspected.panes, "limits": requests.LIMITS, "loss_unit": inspected.model.loss_unit,
        }  # fmt: skip

    def clip(self, asked: requests.Range, most: int) -> tuple[int, int]:
        """The part of the text that is asked for."""
        if asked.end < asked.begin:
            raise HTTPException(422, f"end: must be at least begin ({asked.begin}), got {asked.end}")
        if asked.end - asked.begin > most:
            raise HTTPException(
                422, f"end: must be at most {most:,} after begin, got {asked.end - asked.begin:,}; ask for less"
            )
        n = len(self.inspected.text)
        return min(asked.begin, n), min(asked.end, n)

    def read(self, begin: int, end: int) -> Mask:
        """``(end - begin,)``: whether a symbol ends with this character."""
        places = self.traces.places
        low, high = np.searchsorted(places, [begin, end])
        read = np.zeros(end - begin, dtype=np.bool_)
        read[places[low:high] - begin] = True
        return read

    def plane(self, recurrence: str, gate: str, index: int = 0) -> Plane:
        """A gate that there is, with a unit of that number."""
        known = {name for name, _ in self.traces.planes}
        if recurrence not in known:
            raise HTTPException(404, f"recurrence: must be one of {', '.join(sorted(known))}, got {recurrence!r}")
        if (recurrence, gate) not in self.traces.planes:
            gates = [one for name, one in self.traces.planes if name == recurrence]
            raise HTTPException(404, f"gate: must be one of {', '.join(gates)}, got {gate!r}")
        H = self.traces.planes[recurrence, gate]
        if index >= H:
            raise HTTPException(404, f"index: must be from 0 to {H - 1}, got {index}")
        return recurrence, gate

    def scale(self, plane: Plane, index: int | None = None) -> tuple[float, float]:
        """The ends of the scale of colours, of one unit or of all of a gate."""
        if index is None:
            return self._planes[plane]
        low, high = self.traces.scales[plane]
        return float(low[index]), float(high[index])

    def order(self, plane: Plane, sort: str | None) -> tuple[list[int], list[float | None] | None, str | None]:
        """A gate's units, and the scores by which they are sorted."""
        if sort is None:
            return list(range(self.traces.planes[plane])), None, None
        try:
            return self.scoring.order(sort, *plane)
        except KeyError:
            raise HTTPException(
                404, f"sort: must be a hypothesis that has been scored, see /api/hypotheses, got {sort!r}"
            ) from None

    def training(self) -> dict[str, Any]:
        """How the run was trained."""
        if self.inspected.folder is None:
            raise HTTPException(
                409, "the model was opened without its run's folder, so there is no log of its training"
            )
        return training(self.inspected.folder)

    def language_model(self) -> Writer:
        """The typist's; `HTTPException` for other models."""
        if not isinstance(self._model, Writer):
            raise HTTPException(
                409, f"only a language model can do this; this run is of the task {self.inspected.model.task}"
            )
        return self._model

    def typed(self, asked: requests.Typed) -> dict[str, Any]:
        """See `text_queries.typed`."""
        model = self._writable(asked.text, "text")
        plane = self.plane(asked.recurrence, asked.gate, asked.index)
        low, high = self.scale(plane, asked.index)
        return self._typist.ask(lambda: typed(model, asked.text, plane, asked.index, low, high))

    def unrolled(self, asked: requests.Unroll) -> dict[str, Any]:
        """See `text_queries.unrolled`."""
        model = self._writable(asked.text, "text")
        return self._typist.ask(lambda: unrolled(model, asked))

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """What a pane of the model's own shows of a text; `HTTPException` for a model without that pane."""
        model = self._model
        if not isinstance(model, Paned) or name not in self.inspected.panes:
            raise HTTPException(
                409, f"this model has no pane {name!r}; this run is of the task {self.inspected.model.task}"
            )
        return self._typist.ask(lambda: model.pane(name, text))

    def writing(self, asked: requests.Write) -> Written:
        """A text in the making."""
        self._writable(asked.prompt, "prompt")
        for one in asked.clamps:
            self.plane(one.recurrence, one.gate, one.index)
            if one.gate not in STATES:
                raise HTTPException(422, f"clamps.gate: must be h or c, the states, got {one.gate!r}")
        if asked.watch is not None:
            self.plane(asked.watch.recurrence, asked.watch.gate, asked.watch.index)
        if not self._writers.acquire(blocking=False):
            raise HTTPException(503, f"{WRITERS} texts are being written already; stop one, or wait for it")
        try:
            writer = self.inspected.writer()
            assert writer is not None
            return Written(pieces(writer, asked), self._ending, self._writers.release)
        except BaseException:
            self._writers.release()
            raise

    def end_writing(self) -> None:
        """Let every text end where it is: the server is about to."""
        self._ending.set()

    def _writable(self, text: str, name: str) -> Writer:
        model = self.language_model()
        if outside := model.vocabulary.outside(text):
            named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in itertools.islice(outside, 5))
            kind = model.vocabulary.kind
            raise HTTPException(422, f"{name}: must be in the model's {kind} vocabulary, got {named}; leave them out")
        return model

    def _read(self, background: Background) -> None:
        """The states from which any part of the text can be read at once."""
        if self.traces.checkpoints is not None:
            reading: Inspection = self.inspected.copied()
            self.traces.checkpoints.fill(reading.model, background.turn)


def _common(low: Numbers, high: Numbers) -> tuple[float, float]:
    """One scale for all units of a gate, on which most of them show: as even about 0 as theirs."""
    most = float(np.quantile(high, 0.95))
    return -most if low.min() < 0 else float(low.min()), most
