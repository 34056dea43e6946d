"""The command ``unrolled``: a table of verbs, each in its own module, which is imported on first use.

Heavy packages are not imported here, to keep ``unrolled --help`` fast. A verb's module has ``run(arguments) -> int``,
which returns the exit status:

    0     success; also if the reader closed the output early
    2     invalid arguments or an expected failure; one line on standard error gives the reason
    130   stopped by Ctrl-C; training also by SIGTERM or SIGHUP, after saving a checkpoint
    143   ended by SIGTERM outside training; 129: by SIGHUP
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
    "train": "train a model on your data, or run a recipe",
    "resume": "resume a run from its newest checkpoint",
    "sample": "generate samples from a trained model",
    "predict": "predict classes, tags or translations with a trained model",
    "evaluate": "evaluate trained models on held-out or other data",
    "inspect": "analyse a trained model: find and hold interpretable units, measure its context length",
    "runs": "list runs",
    "data": "list named data sets, download one, or show how your own data is read",
    "lab": "experiments: gradients, error surface, memory, truncation, unrolling, convolution, Shannon's game",
    "bench": "benchmark the layers on this machine against torch.nn",
    "doctor": "show this machine's features and the code paths that layers use on it",
}

BAD_INPUT, INTERRUPTED = 2, 130
ENDLESS = ("sample", "predict")  # end when their output is closed; the others run on, for the files they write
TRAINING = ("train", "resume")  # run on whatever happens to their output: the model is their result


class _Unread(BaseException):
    """The reader has closed standard output."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments else ""
    trains = verb in TRAINING and len(arguments) > 1 and not {"-h", "--help"} & {*arguments}
    with usable(lambda error: _output_failed(verb, trains, error)), ended_by_signals():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    """Run one command; report a failure in one line on standard error."""
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
        if _is_out_of_memory(error):
            _complain("not enough memory for this; use a smaller --hidden-size, --num-layers, --batch-size or --bptt")
        elif place := origin(error):  # an error in user code, such as a custom cell
            _complain(f"{place}: {type(error).__name__}: {error}")
        else:
            raise
        return BAD_INPUT


def _output_failed(verb: str, trains: bool, error: OSError) -> None:
    """Handle output that cannot be written: see `ENDLESS` and `TRAINING`; ``trains`` is false for their help."""
    if error.errno in UNREAD:
        if verb in ENDLESS:
            raise _Unread
        return
    message = f"cannot write to standard output: {error.strerror or error}"
    if not trains:
        raise SaveError(f"{message}; free some space, or redirect the output elsewhere")
    _complain(f"{message}; training continues without it", "warning: ")


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
        near = clause(did_you_mean(verb, VERBS)) or f"; the commands are {', '.join(VERBS)}"
        raise UnrolledError(f"unrolled has no command {verb!r}{near}")
    folder = _current_folder()
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)  # for --cell module:Class with a module in this folder
    run = importlib.import_module(f".{verb}", __name__).run
    try:
        status: int = run(rest)
        return status
    except SystemExit as stop:  # raised after help, by a signal, or by user code
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
    verbs = "\n".join(f"  {name:<{width}}  {about}" for name, about in VERBS.items())
    return f"""usage: unrolled COMMAND …

Recurrent sequence models: train, evaluate, sample, predict and inspect.

{verbs}

  unrolled train lm                       five minutes on Python's own source code
  unrolled train lm --data book.txt       on your own text, folder or pattern
  unrolled train classify --data it.csv   on labelled texts
  unrolled COMMAND --help                 all options of a command
  unrolled --version"""


def _prepare() -> None:
    """Replace characters that the terminal cannot encode, and show only our warnings, in one line each."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # the user cannot act on warnings of libraries
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
    """Print one line on standard error, with control characters replaced (it may quote a file's name)."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())
    if label == "error: " and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"\033[1;31m{label}\033[0m"
    print(f"{label}{line}", file=sys.stderr, flush=True)


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether the error means out of memory, for which torch raises a RuntimeError with one of these texts."""
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(
        phrase in message
        for phrase in ("out of memory", "can't allocate memory", "not enough memory", "size calculation overflowed")
    )
