"""Standard streams that are closed, full or read by nobody, for every verb at once.

A stream that is not there (``>&-``, cron, pythonw) becomes the null device. So does one that cannot be written any
more, after whoever runs the command was told of it once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

UNREAD = {errno.EPIPE, errno.EIO, *([errno.EINVAL] if os.name == "nt" else ())}  # the reader, or the terminal, is gone
Failed = Callable[[OSError], None]


class Output:
    """A text stream that calls ``failed`` with the first error of writing, and lets nothing fail after it."""

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
        with contextlib.suppress(OSError, ValueError):  # what is still in its buffer must go somewhere too
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        failed, self._failed = self._failed, _nobody
        failed(error)


@contextlib.contextmanager
def usable(failed: Failed) -> Iterator[None]:
    """Within it there are three standard streams; ``failed`` is told if standard output cannot be written."""
    _occupy()
    before = sys.stdin, sys.stdout, sys.stderr
    with contextlib.ExitStack() as opened:

        def there(stream: Any, mode: str) -> Any:
            missing = stream is None or getattr(stream, "closed", False)
            return opened.enter_context(open(os.devnull, mode, encoding="utf-8")) if missing else stream

        sys.stdin = there(sys.stdin, "r")
        sys.stdout, sys.stderr = (
            Output(there(sys.stdout, "w"), failed),
            Output(there(sys.stderr, "w"), _nobody),
        )
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, Output):
                    stream._failed = _nobody
                    stream.flush()
            sys.stdin, sys.stdout, sys.stderr = before


def _nobody(error: OSError) -> None:
    """Told of an error that nobody needs to know of."""


def _occupy() -> None:
    """Open the null device at the closed ones of the descriptors 0, 1 and 2: else the next file would get one of them,
    and what libraries print would go into it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free is this one
