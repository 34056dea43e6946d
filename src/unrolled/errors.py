"""Everything `unrolled` raises on purpose.

UnrolledError
├── ArgumentError (ValueError)   an argument, option or config value is wrong
├── ShapeError    (ValueError)   a tensor has the wrong shape, dtype or device
├── BackendError  (RuntimeError) the backend asked for by name cannot do what was asked
├── DataError                    a corpus is missing, empty, undecodable, altered or too short
├── RunError                     a run folder or model file is missing, damaged or from a newer version
├── SaveError                    something could not be written (disk full, no permission)
├── DivergedError                the loss became infinite or not a number
└── ConformanceError             a cell does not do what the contract of cells asks

Every message says what was wrong, what was expected, what was received and what to do about it.
The command line prints the message of an `UnrolledError` on one line and exits with status 2.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

LONGEST = 200  # characters of a value in a message


class UnrolledError(Exception):
    """Base of all errors raised on purpose."""


class UnrolledWarning(UserWarning):
    """Base of all warnings: something works, but not as well as it could."""


class ArgumentError(UnrolledError, ValueError):
    """An argument is wrong: ``name`` should be ``expected``; ``received`` came instead."""

    def __init__(self, name: str, expected: str, received: object, remedy: str = "") -> None:
        self.name, self.expected, self.received, self.remedy = name, expected, received, remedy
        message = f"{name} must be {expected}, got {_shown(received)}"
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[ArgumentError], tuple[str, str, object, str]]:
        return type(self), (self.name, self.expected, self.received, self.remedy)


def _shown(value: object) -> str:
    """``repr`` on one line; of what is long only the beginning."""
    try:
        text = repr(value)
    except Exception:  # of what a program of the user's own defines
        text = f"a {type(value).__name__}"
    if "\n" in text:
        text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class ShapeError(UnrolledError, ValueError):
    """A tensor does not fit: wrong shape, dtype or device."""


class BackendError(UnrolledError, RuntimeError):
    """The backend that was asked for by name cannot run this; the message says why."""


class DataError(UnrolledError):
    """A corpus or data set cannot be used."""


class RunError(UnrolledError):
    """A run folder, checkpoint or model file cannot be used."""


class SaveError(UnrolledError):
    """A file could not be written; what was saved before is untouched."""


class DivergedError(UnrolledError):
    """Training met a loss or gradient that is not finite."""


class ConformanceError(UnrolledError, AssertionError):
    """A cell failed checks of `unrolled.testing.check_cell`; the message lists each with its remedy."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x' or 'y'?`` for the known names nearest to ``word``, else an empty string."""
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def clause(text: str) -> str:
    """``; text``, to be added to a sentence; nothing for an empty text."""
    return f"; {text}" if text else ""


def origin(error: BaseException) -> str:
    """``mine.py:12, in step``: the last place on an error's way in code that is neither ours nor a library's, or ""."""
    import sysconfig

    others = tuple(os.path.join(path, "") for path in (os.path.dirname(__file__), sysconfig.get_path("stdlib")))
    found, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not (code.co_filename.startswith(("<", *others)) or "-packages" in code.co_filename):
            found = f"{code.co_filename}:{trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return found
