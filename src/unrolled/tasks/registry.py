"""The table of tasks: the one place that names them. A task's module is imported when it is used.

Another package adds a task of its own by an entry point of the group ``unrolled.tasks``:

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
    """Where a task lives, and what it is, in one line."""

    place: str
    what: str


TASKS = {
    "lm": Entry("unrolled.tasks.lm.task:LanguageModelling", "language model by character, byte, word or subword"),
    "classify": Entry(
        "unrolled.tasks.classify.task:Classification",
        "the class of a text: sentiment, author, kind of question, any labels of yours",
    ),
    "tag": Entry(
        "unrolled.tasks.tag.task:Tagging",
        "a label for each word: names in a text, parts of speech, any tags of yours",
    ),
    "translate": Entry(
        "unrolled.tasks.translate.task:Translation",
        "a sentence into another: a language, a format, any pairs of texts of yours",
    ),
    "memory": Entry("unrolled.tasks.memory.task:Memory", "problems of remembering: adding, copying, recalling"),
}
"""The built-in tasks by name."""


def names() -> list[str]:
    """The tasks there are: ours, then those of other packages."""
    return [*TASKS, *(name for name in _foreign() if name not in _registered), *_registered]


def register(cls: type[Task]) -> type[Task]:
    """Make a task known by its name until this Python ends: a task of a script or notebook. Also a decorator.

    Raises:
        ArgumentError: one of our tasks has that name.
    """
    if cls.name in TASKS:
        raise ArgumentError(f"{cls.__name__}.name", "a name that no task of unrolled has", cls.name)
    _registered[cls.name] = cls
    return cls


def what(name: str) -> str:
    """What a task is, in one line; of another package's that cannot be imported, why not."""
    if name in TASKS:
        return TASKS[name].what
    try:
        cls = task_class(name)
    except RunError as error:
        return str(error)
    return next(iter((cls.__doc__ or "").strip().splitlines()), "")


def task_class(name: str) -> type[Task]:
    """The class of the task ``name``.

    Raises:
        ArgumentError: there is none of that name.
        RunError: it is another package's, and cannot be imported.
    """
    if name in TASKS:
        module, _, attribute = TASKS[name].place.partition(":")
        found: type[Task] = getattr(importlib.import_module(module), attribute)
        return found
    if name in _registered:
        return _registered[name]
    foreign = _foreign()
    if name not in foreign:
        remedy = f"is the package installed that adds it, by an entry point in the group {GROUP}?"
        raise ArgumentError("task", f"one of {', '.join(names())}", name, did_you_mean(name, names()) or remedy)
    return _imported(foreign[name])


def class_of_run(name: str, run: object) -> type[Task]:
    """The class of the task ``name``, whose model or config is in ``run``.

    Raises:
        RunError: it is not installed, or is another package's and cannot be imported.
    """
    if name not in names():
        raise RunError(f"{run} is of the task {name}, which is unknown here; is the package installed that adds it?")
    return task_class(name)


def ready(cls: type[Task]) -> type[Task]:
    """The class of a task, if the modules are installed that its work needs (`Task.extras`).

    Raises:
        RunError: one is missing; the message has the command that installs it.
    """
    missing = [module for module in cls.extras if not _is_installed(module)]
    if not missing:
        return cls
    needs = f"the module{'s' * (len(missing) > 1)} {', '.join(missing)}"
    raise RunError(f"the task {cls.name} needs {needs}; install with: {_installing(cls, missing)}")


def _is_installed(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:  # a package above it is missing
        return False


def _installing(cls: type[Task], missing: list[str]) -> str:
    """The command that installs modules: the extras of the task's package, or the modules by name."""
    point = _foreign().get(cls.name)
    package = "unrolled" if point is None else point.dist.name if point.dist is not None else None
    extras = dict.fromkeys(cls.extras[module] for module in missing)
    if package is None or not all(extras):
        return f"pip install {' '.join(dict.fromkeys(module.partition('.')[0] for module in missing))}"
    return f"pip install '{package}[{','.join(extras)}]'"


def _imported(point: EntryPoint) -> type[Task]:
    from ..training.task import Task

    place = f"the task {point.name} ({point.value}{_distribution(point)})"
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # whatever that package does when it is imported
        text = " ".join(str(error).split())
        raise RunError(f"{place} cannot be imported: {type(error).__name__}: {text}; repair or remove it") from error
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise RunError(f"{place} is no class derived from unrolled.training.task.Task; repair or remove it")
    if found.name != point.name:  # runs are found by it
        raise RunError(f"{place} has the name {found.name!r}; repair it: class and entry point must have the same name")
    return found


def _distribution(point: EntryPoint) -> str:
    return f" of {point.dist.name}" if point.dist is not None else ""


@cache
def _foreign() -> dict[str, EntryPoint]:
    """Other packages' tasks by name. None takes the place of one of ours."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in TASKS}
