"""Closed, full and unread standard streams, handled for all verbs.

A missing stream (``>&-``, cron, pythonw) is replaced by the null device. So is a stream that can no longer be written,
after the first error has been reported.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

UNREAD = {
    errno.EPIPE,
    errno.EIO,
    *([errno.EINVAL] if os.name == "nt" else ()),
}  # the reader or the terminal has closed the stream
Failed = Callable[[OSError], None]


class Output:
    """A text stream that calls ``failed`` with the first write error, and discards all output after it."""

    def __init__(self, stream: Any, failed: Failed) -> None:
        self._stream, self._failed = stream, failed

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        with contextlib.suppress(OSError, ValueError):  # for what is still buffered
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        failed, self._failed = self._failed, _ignore
        failed(error)


@contextlib.contextmanager
def usable(failed: Failed) -> Iterator[None]:
    """Provide three usable standard streams within; call ``failed`` if standard output cannot be written."""
    _open_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    with contextlib.ExitStack() as opened:

        def present(stream: Any, mode: str) -> Any:
            missing = stream is None or getattr(stream, "closed", False)
            return opened.enter_context(open(os.devnull, mode, encoding="utf-8")) if missing else stream

        sys.stdin = present(sys.stdin, "r")
        sys.stdout, sys.stderr = (
            Output(present(sys.stdout, "w"), failed),
            Output(present(sys.stderr, "w"), _ignore),
        )
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, Output):
                    stream._failed = _ignore
                    stream.flush()
            sys.stdin, sys.stdout, sys.stderr = before


def _ignore(error: OSError) -> None:
    """Ignore a write error."""


def _open_descriptors() -> None:
    """Open the null device at those of the descriptors 0, 1 and 2 that are closed: else the next opened file would get
    one of them, and receive what libraries print."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free descriptor
