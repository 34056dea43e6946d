"""Who computes: one thread for each copy of the model, so that nobody watches a model that another one uses."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
PATIENCE = 5.0  # seconds that background work waits for questions to be answered before it takes its turn


class Stopped(Exception):
    """The work is not wanted any more."""


class Questions:
    """How many questions are being answered: meanwhile background work waits, for cores are few."""

    def __init__(self) -> None:
        self._count, self._lock, self._none = 0, threading.Lock(), threading.Event()
        self._none.set()

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1
            self._none.clear()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                self._none.set()

    def wait(self) -> None:
        """Until there are none, but not for ever."""
        self._none.wait(PATIENCE)


class Desk:
    """Answers questions one after the other, in a thread of its own with all of torch's threads."""

    def __init__(self, questions: Questions, threads: int) -> None:
        self._questions = questions
        self._pool = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads,))

    def ask(self, question: Callable[[], T]) -> T:
        """The answer."""
        with self._questions:
            return self._pool.submit(question).result()

    def close(self) -> None:
        """Answer nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Background:
    """A thread that works beside the questions, on one core, until it is done or stopped."""

    def __init__(self, questions: Questions, work: Callable[[Background], None]) -> None:
        self._questions, self._stop = questions, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def turn(self) -> None:
        """Called between small parts of the work.

        Raises:
            Stopped: it is to end.
        """
        self._questions.wait()
        if self._stop.is_set():
            raise Stopped

    def stop(self, wait: float = 0.0) -> None:
        """Let it end, and wait for that for so many seconds."""
        self._stop.set()
        if wait and self._thread.is_alive():
            self._thread.join(wait)

    def _run(self, work: Callable[[Background], None]) -> None:
        torch.set_num_threads(1)
        with contextlib.suppress(Stopped):
            work(self)
