"""The server's state for one run and one text: which thread and copy of the model answers which request."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import torch
from fastapi import HTTPException

from ...analysis.inspection import Inspection
from ...tasks.common.inspectable import Paned
from ...tasks.common.prediction import Predictor
from ...tasks.common.writer import Writer
from ..findings import Unit
from ..packing import EDGE, in_base64, levels
from ..scores import Numbers
from ..states import STATES
from ..traces import Mask, Plane, Traces
from . import requests
from .background import ActiveRequests, Background, ModelThread
from .inspected import Inspected
from .scoring import Scoring
from .similar import similar
from .text_queries import predicted, typed, unrolled
from .training import training
from .writing import PieceStream, pieces

WRITERS = 2  # texts generated at the same time


class Service:
    """The implementation of all endpoints.

    Raises:
        ArgumentError: the recurrent cell does not name its gates.
    """

    def __init__(self, inspected: Inspected) -> None:
        self.inspected = inspected
        threads = torch.get_num_threads()
        self.active = ActiveRequests()
        self.trace_thread, self._text_thread = ModelThread(self.active, threads), ModelThread(self.active, threads)
        self.traces = Traces(inspected.copied())
        self.scoring = Scoring(inspected, self.active)
        writer = inspected.writer()
        self._model = inspected.model if writer is None else writer  # used by the text thread
        self._reads = Background(self.active, self._read)
        self._writers, self._ending = threading.Semaphore(WRITERS), threading.Event()
        self._expressions, self._searches = threading.Semaphore(1), threading.Semaphore(1)
        self._planes = {plane: _common(*scales) for plane, scales in self.traces.scales.items()}

    def start(self) -> None:
        """Start the background work."""
        self.scoring.start()
        self._reads.start()

    def close(self) -> None:
        """Stop all work."""
        self.end_writing()
        self._reads.stop()
        self.scoring.close()
        self._reads.stop(wait=1.0)
        for thread in (self.trace_thread, self._text_thread):
            thread.close()

    def run(self) -> dict[str, Any]:
        """Return the description of the run that the page starts with."""
        inspected, gates_by_name = self.inspected, dict[str, list[str]]()
        for name, gate in self.traces.planes:
            gates_by_name.setdefault(name, []).append(gate)
        recurrences = []
        for name, gates in gates_by_name.items():
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

    def clip(self, request: requests.Range, most: int) -> tuple[int, int]:
        """Return the requested range, clipped to the text."""
        begin, end = request.begin, request.end
        if end < begin:
            raise HTTPException(422, f"end: must be at least begin ({begin}), got {end}")
        if end - begin > most:
            raise HTTPException(422, f"end: must be at most {most:,} after begin, got {end - begin:,}; request less")
        n = len(self.inspected.text)
        return min(begin, n), min(end, n)

    def read(self, begin: int, end: int) -> Mask:
        """Return ``(end - begin,)``: whether each character ends a token."""
        places = self.traces.places
        low, high = np.searchsorted(places, [begin, end])
        read = np.zeros(end - begin, dtype=np.bool_)
        read[places[low:high] - begin] = True
        return read

    def plane(self, recurrence: str, gate: str, index: int = 0) -> Plane:
        """Return the plane of an existing gate with a unit of this index; `HTTPException` otherwise."""
        known = {name for name, _ in self.traces.planes}
        if recurrence not in known:
            raise HTTPException(404, f"recurrence: must be one of {', '.join(sorted(known))}, got {recurrence!r}")
        if (recurrence, gate) not in self.traces.planes:
            gates = [other for name, other in self.traces.planes if name == recurrence]
            raise HTTPException(404, f"gate: must be one of {', '.join(gates)}, got {gate!r}")
        H = self.traces.planes[recurrence, gate]
        if index >= H:
            raise HTTPException(404, f"index: must be from 0 to {H - 1}, got {index}")
        return recurrence, gate

    def scale(self, plane: Plane, index: int | None = None) -> tuple[float, float]:
        """Return the ends of the colour scale, of one unit or common to all units of a gate."""
        if index is None:
            return self._planes[plane]
        low, high = self.traces.scales[plane]
        return float(low[index]), float(high[index])

    def row_scales(self, plane: Plane, order: list[int], scale: str) -> tuple[Numbers, Numbers]:
        """Return ``(low, high)``, ``(rows,)`` each: the colour scale of each row, its ``own`` or the ``common`` one."""
        if scale == "own":
            low, high = self.traces.scales[plane]
            return low[order], high[order]
        low, high = (np.full(len(order), end, dtype=np.float32) for end in self._planes[plane])
        return low, high

    def order(self, plane: Plane, sort: str | None) -> tuple[list[int], list[float | None] | None, str | None]:
        """Return a gate's units in the requested order, with the scores and measure used for sorting, if any."""
        if sort is None:
            return list(range(self.traces.planes[plane])), None, None
        try:
            return self.scoring.order(sort, *plane)
        except KeyError:
            raise HTTPException(
                404, f"sort: must be a hypothesis that has been scored, see /api/hypotheses, got {sort!r}"
            ) from None

    def labels(self, request: requests.LabelRange) -> dict[str, Any]:
        """Return where a hypothesis is true, over a range of characters."""
        begin, end = self.clip(request, requests.SLICE)
        try:
            binary, values = self.scoring.labels_of(request.hypothesis)
        except KeyError:
            raise HTTPException(
                404, f"hypothesis: must be one of /api/hypotheses, got {request.hypothesis!r}"
            ) from None
        here = values[begin:end]
        low, high = (0.0, 1.0) if binary else (float(values.min()), float(np.quantile(values, 1 - EDGE)))
        level = here.astype(np.uint8) if binary else levels(here, low, max(high, low + 1))
        return {
            "begin": begin, "end": end, "binary": binary, "values": in_base64(level), "low": low, "high": high,
        }  # fmt: skip

    def add_hypothesis(self, expression: str) -> str:
        """Add a regular expression as a hypothesis and return its name."""
        if not self._expressions.acquire(blocking=False):
            raise HTTPException(503, "another expression is being matched; wait for it")
        try:
            if self.inspected.reading.tick != "character":
                raise HTTPException(409, f"this needs a text; the model's steps are {self.inspected.reading.tick}s")
            return self.scoring.add(expression)
        finally:
            self._expressions.release()

    def similar(self, request: requests.Segment) -> dict[str, Any]:
        """Return passages with states similar to those of a stretch of the text; see `similar.similar`."""
        plane = self.plane(request.recurrence, "h" if (request.recurrence, "h") in self.traces.planes else "c")
        begin, end = request.begin, request.end
        if not begin < end <= len(self.inspected.text) or end - begin > requests.SEGMENT:
            raise HTTPException(
                422, f"end: must be 1 to {requests.SEGMENT} characters after begin and in the text; select less"
            )
        if not self._searches.acquire(blocking=False):
            raise HTTPException(503, "another search is running; wait for it")
        try:
            read = lambda a, b: self.trace_thread.run(lambda: self.traces.values(plane, a, b).values)  # noqa: E731
            return similar(self.inspected.text, read, begin, end, plane[1])
        finally:
            self._searches.release()

    def training(self) -> dict[str, Any]:
        """Return the run's training log."""
        if self.inspected.folder is None:
            raise HTTPException(
                409, "the model was opened without its run's folder, so there is no training log; open the run's folder"
            )
        return training(self.inspected.folder)

    def language_model(self) -> Writer:
        """Return the language model of the text thread; `HTTPException` for other models."""
        if not isinstance(self._model, Writer):
            raise HTTPException(409, f"this needs a language model; the run's task is {self.inspected.model.task}")
        return self._model

    def typed(self, request: requests.Typed) -> dict[str, Any]:
        """See `text_queries.typed`."""
        model = self.language_model()
        plane = self.plane(request.recurrence, request.gate, request.index)
        low, high = self.scale(plane, request.index)
        return self._text_thread.run(lambda: typed(model, request.text, plane, request.index, low, high))

    def range_of(self, plane: Plane, index: int) -> dict[str, Any]:
        """Return the smallest, mean and largest value of a unit over characters from all over the text."""
        parts = self.traces.spread()
        unit = slice(index, index + 1)
        found = self.trace_thread.run(lambda: [self.traces.values(plane, *part, unit).values for part in parts])
        z = np.concatenate(found)[:, 0].astype(np.float64)
        z = z[np.isfinite(z)]
        if not len(z):
            raise HTTPException(409, "no token of the text has been read, so the unit has no values")
        return {"low": float(z.min()), "mean": float(z.mean()), "high": float(z.max()), "characters": len(z)}

    def predicted(self, request: requests.Predicted) -> dict[str, Any]:
        """See `text_queries.predicted`."""
        model = self._model
        if not isinstance(model, Predictor) or "predict" not in self.inspected.panes:
            raise HTTPException(
                409, f"this needs a classifier or a tagger; the run's task is {self.inspected.model.task}"
            )
        return self._text_thread.run(lambda: predicted(model, request.text))

    def unrolled(self, request: requests.Unroll) -> dict[str, Any]:
        """See `text_queries.unrolled`."""
        model = self._writable(request.text, "text")
        return self._text_thread.run(lambda: unrolled(model, request))

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """Return the data of a task-specific pane for a text; `HTTPException` for a model without that pane."""
        model = self._model
        if not isinstance(model, Paned) or name not in self.inspected.panes:
            raise HTTPException(409, f"this model has no pane {name!r}; the run's task is {self.inspected.model.task}")
        return self._text_thread.run(lambda: model.pane(name, text))

    def writing(self, request: requests.Write) -> PieceStream:
        """Start generating a text and return its pieces as a stream."""
        self._writable(request.prompt, "prompt")
        for clamp in request.clamps:
            self.plane(clamp.recurrence, clamp.gate, clamp.index)
            if clamp.gate not in STATES:
                raise HTTPException(422, f"clamps.gate: must be h or c, the states, got {clamp.gate!r}")
        if request.watch is not None:
            self.plane(request.watch.recurrence, request.watch.gate, request.watch.index)
        if not self._writers.acquire(blocking=False):
            raise HTTPException(503, f"{WRITERS} texts are being generated already; stop one, or wait for it")
        try:
            writer = self.inspected.writer()
            assert writer is not None
            return PieceStream(pieces(writer, request), self._ending, self._writers.release)
        except BaseException:
            self._writers.release()
            raise

    def end_writing(self) -> None:
        """Stop the generation of all texts, before the server stops."""
        self._ending.set()

    def _writable(self, text: str, name: str) -> Writer:
        model = self.language_model()
        if outside := model.vocabulary.outside(text):
            named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in itertools.islice(outside, 5))
            kind = model.vocabulary.kind
            raise HTTPException(422, f"{name}: must be in the model's {kind} vocabulary, got {named}; remove them")
        return model

    def _read(self, background: Background) -> None:
        """Compute the states from which any part of the text can be recomputed quickly."""
        if self.traces.checkpoints is not None:
            reading: Inspection = self.inspected.copied()
            self.traces.checkpoints.fill(reading.model, background.pause)


def _common(low: Numbers, high: Numbers) -> tuple[float, float]:
    """Return one colour scale for all units of a gate, wide enough for 95 % of them."""
    limit = float(np.quantile(np.maximum(np.abs(low), np.abs(high)), 0.95))
    return -limit if low.min() < 0 else float(low.min()), limit
