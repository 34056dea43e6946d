"""SIGTERM and SIGHUP end a command in order: temporary files and empty folders go, and no traceback is shown."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")  # Windows lacks the second


class Ended(SystemExit):
    """A signal asked this process to end."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within it these signals raise `Ended` with 128 and their number, as a shell counts.

    One that is ignored (nohup) or handled by somebody else stays so. A training asks for them itself, to save first.
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
