"""Tasks by name: ours, another package's by its entry point, and what is said where there is none."""

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from unrolled.errors import ArgumentError, RunError
from unrolled.tasks import registry
from unrolled.tasks.memory.task import Memory
from unrolled.tasks.registry import GROUP, TASKS, names, task_class, what
from unrolled.training.task import Task


class Weather(Memory):
    """Tomorrow's weather from that of the last days."""

    name = "weather"


@pytest.fixture
def installed(monkeypatch):
    """Entry points of another package, whose module is made here."""
    module = types.ModuleType("foreign_weather")
    module.Weather, module.number = Weather, 3
    monkeypatch.setitem(sys.modules, "foreign_weather", module)

    def install(**places):
        points = [EntryPoint(name, place, GROUP) for name, place in places.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])
        registry._foreign.cache_clear()

    yield install
    registry._foreign.cache_clear()


@pytest.mark.parametrize("name", TASKS)
def test_our_tasks(name):
    cls = task_class(name)
    assert issubclass(cls, Task)
    assert cls.name == name
    assert cls.Config()
    assert what(name) == TASKS[name].what
    assert cls.decides in {metric.name for metric in cls.metrics}


def test_another_packages_task(installed):
    installed(weather="foreign_weather:Weather", lm="foreign_weather:Weather")
    assert names() == [*TASKS, "weather"]
    assert task_class("weather") is Weather
    assert what("weather") == "Tomorrow's weather from that of the last days."
    assert task_class("lm").name == "lm"  # none takes the place of one of ours


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("foreign_nowhere:Task", "cannot be imported: ModuleNotFoundError: No module named 'foreign_nowhere'"),
        ("foreign_weather:Rain", "cannot be imported: AttributeError"),
        ("foreign_weather:number", "is no class derived from"),
    ],
)
def test_a_task_that_is_broken_is_named_and_the_others_work(installed, place, says):
    installed(broken=place, weather="foreign_weather:Weather")
    with pytest.raises(RunError, match=r"the task broken \(foreign_") as error:
        task_class("broken")
    assert says in str(error.value)
    assert says in what("broken")
    assert task_class("weather") is Weather


def test_no_such_task(installed):
    installed(weather="foreign_weather:Weather")
    with pytest.raises(ArgumentError, match=r"did you mean 'weather'\?"):
        task_class("wether")
    with pytest.raises(ArgumentError, match="is the package installed that adds it"):
        task_class("sudoku")
