"""The registry of tasks. The module of a task is imported when the task is used.

Other packages add tasks through entry points of the group ``unrolled.tasks``:

    [project.entry-points."unrolled.tasks"]
    weather = "my_package.weather:Weather"

and a script or notebook, for itself alone, by `register`.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ArgumentError, RunError, did_you_mean

if TYPE_CHECKING:
    from ..training.task import Task

GROUP = "unrolled.tasks"
_registered: dict[str, type[Task]] = {}


class Entry(NamedTuple):
    """The import path ``module:Class`` of a task, and its description in one line."""

    place: str
    what: str


TASKS = {
    "lm": Entry("unrolled.tasks.lm.task:LanguageModelling", "language modelling by character, byte, word or subword"),
    "classify": Entry(
        "unrolled.tasks.classify.task:Classification",
        "text classification (sentiment, author, kind of question, any labels of yours)",
    ),
    "tag": Entry(
        "unrolled.tasks.tag.task:Tagging",
        "sequence labelling (named entities, parts of speech, any tags of yours)",
    ),
    "translate": Entry(
        "unrolled.tasks.translate.task:Translation",
        "translation (between languages or formats, any pairs of texts of yours)",
    ),
    "image": Entry(
        "unrolled.tasks.image.task:ImageClassification",
        "image classification (digits, photographs, any pictures with labels of yours)",
    ),
    "video": Entry(
        "unrolled.tasks.video.task:VideoClassification",
        "video classification (a class for each clip, or a label for each frame)",
    ),
    "caption": Entry("unrolled.tasks.caption.task:Captioning", "captions of pictures, with soft, hard or no attention"),
    "ocr": Entry("unrolled.tasks.ocr.task:LineRecognition", "text recognition: pictures of lines of text"),
    "speech": Entry("unrolled.tasks.speech.task:SpeechRecognition", "speech recognition: recordings, sound of a pipe"),
    "frames": Entry(
        "unrolled.tasks.frames.task:FramePrediction", "the next frames of a clip: digits that move, videos"
    ),
    "memory": Entry(
        "unrolled.tasks.memory.task:Memory", "long-term dependency benchmarks (adding, copying, recalling)"
    ),
}
"""The built-in tasks by name."""


def names() -> list[str]:
    """Return the names of the tasks: the built-in ones, then those of other packages."""
    return [*TASKS, *(name for name in _external() if name not in _registered), *_registered]


def register(cls: type[Task]) -> type[Task]:
    """Register a task for the current process, such as a task of a script or notebook; may be used as a decorator.

    Raises:
        ArgumentError: a built-in task has the same name.
    """
    if cls.name in TASKS:
        raise ArgumentError(f"{cls.__name__}.name", "a name that no task of unrolled has", cls.name)
    _registered[cls.name] = cls
    return cls


def what(name: str) -> str:
    """Return the description of a task in one line; if its package cannot be imported, the reason."""
    if name in TASKS:
        return TASKS[name].what
    try:
        cls = task_class(name)
    except RunError as error:
        return str(error)
    return next(iter((cls.__doc__ or "").strip().splitlines()), "")


def task_class(name: str) -> type[Task]:
    """Return the class of the task ``name``.

    Raises:
        ArgumentError: the task does not exist.
        RunError: the task of another package cannot be imported.
    """
    if name in TASKS:
        module, _, attribute = TASKS[name].place.partition(":")
        cls: type[Task] = getattr(importlib.import_module(module), attribute)
        return cls
    if name in _registered:
        return _registered[name]
    external = _external()
    if name not in external:
        remedy = f"is the package installed that adds it, by an entry point in the group {GROUP}?"
        raise ArgumentError("task", f"one of {', '.join(names())}", name, did_you_mean(name, names()) or remedy)
    return _imported(external[name])


def class_of_run(name: str, run: object) -> type[Task]:
    """Return the class of the task ``name`` of a run.

    Raises:
        RunError: the task is not installed or cannot be imported.
    """
    if name not in names():
        raise RunError(f"{run} is of the task {name}, which is unknown here; is the package installed that adds it?")
    return task_class(name)


def ready(cls: type[Task]) -> type[Task]:
    """Return the class of a task if the modules that it needs (`Task.extras`) are installed.

    Raises:
        RunError: a module is missing; the message has the command that installs it.
    """
    missing = [module for module in cls.extras if not _is_installed(module)]
    if not missing:
        return cls
    needs = f"the module{'s' * (len(missing) > 1)} {', '.join(missing)}"
    raise RunError(f"the task {cls.name} needs {needs}; install with: {_install_command(cls, missing)}")


def _is_installed(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:  # its parent package is missing
        return False


def _install_command(cls: type[Task], missing: list[str]) -> str:
    """Return the command that installs modules: the extras of the task's package, or the modules by name."""
    point = _external().get(cls.name)
    package = "unrolled" if point is None else point.dist.name if point.dist is not None else None
    extras = dict.fromkeys(cls.extras[module] for module in missing)
    if package is None or not all(extras):
        return f"pip install {' '.join(dict.fromkeys(module.partition('.')[0] for module in missing))}"
    return f"pip install '{package}[{','.join(extras)}]'"


def _imported(point: EntryPoint) -> type[Task]:
    from ..training.task import Task

    place = f"the task {point.name} ({point.value}{_distribution(point)})"
    try:
        cls = point.load()
    except (Exception, SystemExit) as error:  # importing may raise anything
        text = " ".join(str(error).split())
        raise RunError(f"{place} cannot be imported: {type(error).__name__}: {text}; repair or remove it") from error
    if not (isinstance(cls, type) and issubclass(cls, Task)):
        raise RunError(f"{place} is not a subclass of unrolled.training.task.Task; repair or remove it")
    if cls.name != point.name:  # runs are found by name
        raise RunError(f"{place} has the name {cls.name!r}; repair it: class and entry point must have the same name")
    return cls


def _distribution(point: EntryPoint) -> str:
    return f" of {point.dist.name}" if point.dist is not None else ""


@cache
def _external() -> dict[str, EntryPoint]:
    """Return the tasks of other packages by name; they cannot replace a built-in task."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in TASKS}
