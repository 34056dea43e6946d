"""Tasks by name: ours, another package's by its entry point, and what is said where there is none."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import pytest

import unrolled
from unrolled.errors import ArgumentError, RunError
from unrolled.tasks import registry
from unrolled.tasks.memory.task import Memory
from unrolled.tasks.registry import GROUP, TASKS, names, ready, register, task_class, what
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
        registry._external.cache_clear()

    yield install
    registry._external.cache_clear()


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


def test_a_task_of_a_script(installed, monkeypatch, tmp_path):
    installed(weather="foreign_weather:Rain")
    monkeypatch.setattr(registry, "_registered", {})
    assert register(Weather) is Weather  # before a package's of the same name, which is not imported
    assert names() == [*TASKS, "weather"]
    assert task_class("weather") is ready(Weather) is Weather
    assert what("weather") == "Tomorrow's weather from that of the last days."
    options = {"data": "copy", "steps": 1, "hidden_size": 4, "batch_size": 2, "length": 5}
    model = unrolled.train("weather", run=tmp_path / "run", **options)
    assert type(unrolled.load(tmp_path / "run")) is type(model)
    with pytest.raises(ArgumentError, match="a name that no task of unrolled has, got 'lm'"):
        register(type("Mine", (Weather,), {"name": "lm"}))


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("foreign_nowhere:Task", "cannot be imported: ModuleNotFoundError: No module named 'foreign_nowhere'"),
        ("foreign_weather:Rain", "cannot be imported: AttributeError"),
        ("foreign_weather:number", "is not a subclass of"),
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


class Dist:
    """The package that an entry point comes from."""

    name = "sky-tools"


@pytest.mark.parametrize(
    ("extras", "foreign", "command"),
    [
        ({"nowhere_av": "video", "json": ""}, None, "module nowhere_av; install with: pip install 'unrolled[video]'"),
        ({"no_a": "x", "no_b": "x"}, None, "modules no_a, no_b; install with: pip install 'unrolled[x]'"),
        ({"nowhere_a": "video", "nowhere_b": "sound"}, None, "install with: pip install 'unrolled[video,sound]'"),
        ({"nowhere.deep": "video"}, Dist, "module nowhere.deep; install with: pip install 'sky-tools[video]'"),
        ({"nowhere.deep": "", "nowhere.more": ""}, Dist, "install with: pip install nowhere"),
        ({"nowhere": "video"}, False, "install with: pip install nowhere"),
    ],
)  # fmt: skip
def test_missing_modules_are_named_with_the_command_that_installs_them(
    installed, monkeypatch, extras, foreign, command
):
    if foreign is not None:
        installed(weather="foreign_weather:Weather")
        monkeypatch.setattr(EntryPoint, "dist", foreign() if foreign else None)
    cls = type("Lacking", (Weather,), {"extras": extras, "name": "weather"})
    with pytest.raises(RunError, match=r"^the task weather needs the module") as error:
        ready(cls)
    assert str(error.value).endswith(command)


def test_a_task_that_has_what_it_needs(monkeypatch):
    module = types.ModuleType("made_here")
    monkeypatch.setitem(sys.modules, "made_here", module)
    cls = type("Ready", (Weather,), {"extras": {"json": "never", "importlib.metadata": "never", "made_here": ""}})
    assert ready(cls) is cls
    assert all(ready(task_class(name)) for name in TASKS)


def test_the_table_of_tasks_does_not_load_torch():
    code = "import sys, unrolled.tasks.registry; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "False", result.stderr
