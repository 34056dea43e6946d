"""Threads for computation: one for each copy of the model, because a model with capture hooks must not be shared."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
NICE = 10  # how much background work gives way to other threads, from 0 to 19
PATIENCE = 5.0  # the longest that background work waits for active requests, in seconds


class Stopped(Exception):
    """The background work was cancelled."""


class ActiveRequests:
    """Counts the requests being answered; background work waits until there are none, to leave them the cores."""

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
        """Wait until there are none, at most `PATIENCE` seconds."""
        self._none.wait(PATIENCE)


class ModelThread:
    """Runs functions one after the other in a thread of its own, with ``threads`` torch threads."""

    def __init__(self, requests: ActiveRequests, threads: int) -> None:
        self._requests = requests
        self._pool = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads,))

    def run(self, function: Callable[[], T]) -> T:
        """Run the function in the thread and return its result."""
        with self._requests:
            return self._pool.submit(function).result()

    def close(self) -> None:
        """Cancel pending calls and accept no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Background:
    """A thread that runs ``work`` on one core, with lower priority than requests, until it is done or stopped."""

    def __init__(self, requests: ActiveRequests, work: Callable[[Background], None]) -> None:
        self._requests, self._stop = requests, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def pause(self) -> None:
        """Wait for active requests; call this between small parts of the work.

        Raises:
            Stopped: the work was cancelled.
        """
        self._requests.wait()
        if self._stop.is_set():
            raise Stopped

    def stop(self, wait: float = 0.0) -> None:
        """Cancel the work, and wait up to ``wait`` seconds for the thread to end."""
        self._stop.set()
        if wait and self._thread.is_alive():
            self._thread.join(wait)

    def _run(self, work: Callable[[Background], None]) -> None:
        torch.set_num_threads(1)
        if sys.platform == "linux":  # where a thread has a priority of its own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        with contextlib.suppress(Stopped):
            work(self)
