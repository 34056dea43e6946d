"""A language model writes, piece by piece, also with units held at values and one of them watched."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...analysis import capture, hold
from ...analysis.units import stack_of
from ...cells import Trace
from ...decoding import Sampling, TextWriter
from ...errors import UnrolledError
from ...tasks.common.writer import Writer
from ..findings import Unit
from . import requests

PIECE = 0.1  # seconds that a piece is waited for before it is sent


class Written:
    """The pieces of a text, taken one by one until there are no more or nobody wants them.

    Args:
        pieces: them.
        ending: set when the server ends.
        release: called once, when no piece is being made any more.
    """

    def __init__(self, pieces: Generator[dict[str, Any]], ending: threading.Event, release: Callable[[], None]) -> None:
        self._pieces, self._ending, self._release = pieces, ending, release
        self._making, self._closed, self._released = threading.Lock(), False, False

    def take(self) -> dict[str, Any] | None:
        """The next piece; an error is the last one."""
        with self._making:
            piece = None if self._closed else self._make()
        if self._closed:  # meanwhile, by another thread that could not wait
            self.close()
        return piece

    def close(self) -> None:
        """No more pieces; one that is being made is the last."""
        self._closed = True
        if self._making.acquire(blocking=False):
            try:
                self._pieces.close()
                if not self._released:
                    self._released = True
                    self._release()
            finally:
                self._making.release()

    def _make(self) -> dict[str, Any] | None:
        error = "the server was ended"
        if not self._ending.is_set():
            try:
                return next(self._pieces, None)
            except UnrolledError as raised:
                error = str(raised)
            except (MemoryError, RuntimeError) as raised:
                error = f"writing ended with {type(raised).__name__}; ask for another text"
        self._closed = True
        return {"error": error}


def pieces(model: Writer, asked: requests.Write) -> Generator[dict[str, Any]]:
    """What is written, in pieces of at most so many seconds, and then how it was.

    Without clamps and watch this is the text that ``unrolled sample`` writes from the same seed.

    Args:
        model: nobody else's.
        asked: checked against the model.
    """
    seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed
    sampling: dict[str, Any] = {
        "temperature": asked.temperature,
        "top_k": asked.top_k,
        "top_p": asked.top_p,
        "seed": seed,
    }
    begun = time.monotonic()
    text, values, sent = "", list[float](), begun
    every: Generator[tuple[str, float]]
    if asked.clamps or asked.watch is not None:
        every = _watched(model, asked, Sampling(**sampling))
    else:
        fast = model.freeze() if model.unfreezable() is None else model
        every = ((part, 0.0) for part in fast.stream(asked.prompt, asked.length, **sampling))
    with contextlib.closing(every):
        for part, value in every:
            text += part
            values += [value] * len(part)
            if time.monotonic() - sent >= PIECE:
                if text:
                    yield _piece(text, values, asked)
                text, values, sent = "", [], time.monotonic()
    if text:
        yield _piece(text, values, asked)
    yield {"done": True, "symbols": asked.length, "seconds": round(time.monotonic() - begun, 3), "seed": seed}


def _piece(text: str, values: list[float], asked: requests.Write) -> dict[str, Any]:
    return {"text": text} if asked.watch is None else {"text": text, "values": values}


@torch.no_grad()
def _watched(model: Writer, asked: requests.Write, sampling: Sampling) -> Generator[tuple[str, float]]:
    """Text, and the unit's value after its last symbol has been read; some text may be none yet."""
    network = model.model
    watch = asked.watch
    seen: list[Tensor] = []

    def take(name: str, begin: int, trace: Trace) -> None:
        if watch is not None and name == watch.recurrence:
            seen[:] = [trace[watch.gate][-1, 0, watch.index]]

    with contextlib.ExitStack() as stack:
        held = {Unit(one.recurrence, one.gate, one.index).name: one.value for one in asked.clamps}
        stack.enter_context(hold(network, held))
        if watch is not None:
            stack.enter_context(capture(stack_of(network), take, chunk=1 << 40))
        ids = torch.from_numpy(model.vocabulary.encode(asked.prompt or model.opening()).astype(np.int64))[:, None]
        logits, state = network(ids)
        writer = TextWriter(model.vocabulary)
        for position in range(asked.length):
            chosen = sampling.choose(logits[-1].float().numpy(), position, np.zeros(1, dtype=np.int64))
            logits, state = network(torch.from_numpy(chosen)[None], state)
            yield writer.feed(int(chosen[0])), _value(seen)
        yield writer.close(), _value(seen)


def _value(seen: list[Tensor]) -> float:
    return round(float(seen[0]), 4) if seen else 0.0
