"""Clean exit on SIGTERM and SIGHUP: temporary files and empty folders are removed, and no traceback is shown."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Ended(SystemExit):
    """The process received a signal to end."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Ended` within for these signals, with the shell's exit status: 128 plus the signal's number.

    A signal that is ignored (nohup) or already has a handler is left alone. Training installs its own handlers, to save
    a checkpoint first.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(128 + number)
