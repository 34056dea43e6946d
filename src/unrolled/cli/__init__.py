"""The command ``unrolled``: a table of verbs, each in a module of its own that is imported when it is used.

Nothing heavy is imported here, so that ``unrolled --help`` answers at once. A verb's module has
``run(arguments) -> int``, which returns the exit status:

    0     done; also if whoever read the output went away before its end
    2     refused, or failed for a reason that was foreseen: one line on standard error says why
    130   stopped by Ctrl-C; a training also by SIGTERM or SIGHUP: it has saved first
    143   ended by SIGTERM while nothing was trained; 129: by SIGHUP
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from ..errors import SaveError, UnrolledError, UnrolledWarning, clause, did_you_mean, origin
from .signals import Ended, ended_by_signals
from .streams import UNREAD, usable

VERBS = {
    "train": "train a model on your data, or go through a recipe",
    "resume": "go on with a run from where it stopped",
    "sample": "let a trained model write",
    "predict": "ask a trained model about texts",
    "evaluate": "measure a trained model on a text, or on labelled texts",
    "inspect": "find the units of a trained model that know something; hold them; see how far back it looks",
    "runs": "list your runs",
    "data": "list the data sets that have a name, fetch one, or look at data of yours",
    "lab": "experiments: gradients, the error surface, memory, truncation, an unrolled network, Shannon's game",
    "bench": "measure our layers on this machine, next to torch's",
    "doctor": "show what this machine offers and which code paths would run",
}

BAD_INPUT, INTERRUPTED = 2, 130
ENDLESS = ("sample", "predict")  # end when nobody reads what they write; the others go on to what they leave in files
TRAINING = ("train", "resume")  # whatever happens to their output, the model is what they are for


class _Unread(BaseException):
    """Nobody reads standard output any more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments else ""
    trains = verb in TRAINING and len(arguments) > 1 and not {"-h", "--help"} & {*arguments}
    with usable(lambda error: _output_failed(verb, trains, error)), ended_by_signals():
        return _told(arguments)


def _told(arguments: list[str]) -> int:
    """Run one command; what goes wrong is told in one line."""
    _prepare()
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except UnrolledError as error:
        _complain(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        _complain("stopped by Ctrl-C", "")
        return INTERRUPTED
    except _Unread:
        return 0
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return BAD_INPUT
    except Exception as error:
        if _is_memory(error):
            _complain("not enough memory for this; use a smaller --hidden-size, --num-layers, --batch-size or --bptt")
        elif place := origin(error):  # a cell of the user's own, say
            _complain(f"{place}: {type(error).__name__}: {error}")
        else:
            raise
        return BAD_INPUT


def _output_failed(verb: str, trains: bool, error: OSError) -> None:
    """What becomes of a command whose output cannot be written: see `ENDLESS` and `TRAINING`; help trains nothing."""
    if error.errno in UNREAD:
        if verb in ENDLESS:
            raise _Unread
        return
    told = f"cannot write to standard output: {error.strerror or error}"
    if not trains:
        raise SaveError(f"{told}; free some space, or let it go elsewhere")
    _complain(f"{told}; the training goes on without it", "warning: ")


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if arguments[1:] and arguments[1] in VERBS:  # unrolled help train
            return _dispatch([arguments[1], "--help"])
        print(_usage())
        return 0 if arguments else BAD_INPUT
    verb, *rest = arguments
    if verb in ("-V", "--version"):
        from .. import __version__

        print(f"unrolled {__version__}")
        return 0
    if verb not in VERBS:
        near = clause(did_you_mean(verb, VERBS)) or f"; there are {', '.join(VERBS)}"
        raise UnrolledError(f"unrolled has no command {verb!r}{near}")
    here = _current_folder()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # so that --cell module:Class finds a module that lies here
    run = importlib.import_module(f".{verb}", __name__).run
    try:
        status: int = run(rest)
        return status
    except SystemExit as stop:  # help was shown, a signal came, or code of the user's own would end all
        if not isinstance(stop, Ended) and (place := origin(stop)):
            raise UnrolledError(f"{place}: SystemExit: {stop}") from stop
        return stop.code if isinstance(stop.code, int) else 0


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise UnrolledError("the current folder no longer exists; cd into another one, then try again") from error


def _usage() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {what}" for name, what in VERBS.items())
    return f"""usage: unrolled COMMAND …

Recurrent sequence models: train one on your text, watch it learn, let it write or answer.

{verbs}

  unrolled train lm                       five minutes on Python's own source code
  unrolled train lm --data book.txt       on a text, folder or pattern of yours
  unrolled train classify --data it.csv   on texts that have a label each
  unrolled COMMAND --help                 every option of a command
  unrolled --version"""


def _prepare() -> None:
    """Output that never fails for a character the terminal lacks, and warnings that are one line or none."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries warn about what a user of ours cannot change
        warnings.simplefilter("default", UnrolledWarning)
        warnings.showwarning = _show_warning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    _complain(str(message), "warning: ")


def _complain(text: str, label: str = "error: ") -> None:
    """One line on standard error; control characters in it (it may quote a file's name) are made harmless."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    if label == "error: " and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"\033[1;31m{label}\033[0m"
    print(f"{label}{line}", file=sys.stderr, flush=True)


def _is_memory(error: Exception) -> bool:
    """Whether memory ran out; torch says so only in the text of a RuntimeError."""
    told = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(
        sign in told
        for sign in ("out of memory", "can't allocate memory", "not enough memory", "size calculation overflowed")
    )
