"""The line of progress of a training from Python: where it is shown, what it says, and where there is none."""

import dataclasses
import io
import math
import sys
import types
from pathlib import Path

import pytest

import unrolled
from unrolled.training import live
from unrolled.training.live import ProgressLine, Terminal, reporting
from unrolled.training.log import Progress, Silent, Summary

HALF = Progress(500, 1000, 1.5, math.log(2), 1e-3, 0.5, rate=21_000.0, seconds_left=75.0)
END = Summary(Path("runs/a"), "lm", 1000, 65.0, "finished", {"loss": 1.5, "step": 900}, {"loss": 1.6, "f1": 0.25})


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


class Places:
    """Keeps what is shown."""

    def __init__(self):
        self.shown, self.closed = [], 0

    def show(self, text):
        self.shown.append(text)

    def close(self):
        self.closed += 1


def see(monkeypatch, stream):
    """Have ``stream`` for standard error; pytest puts its own into ``sys`` before each test."""
    monkeypatch.setattr(live, "sys", types.SimpleNamespace(stderr=stream, modules=sys.modules))


@pytest.fixture
def screen(monkeypatch):
    stream = Screen()
    see(monkeypatch, stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return stream


@pytest.fixture
def notebook(monkeypatch):
    """An IPython that runs a notebook's kernel."""
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(("update", data, raw))

    def display(data, raw, display_id):
        shown.append(("display", data, raw))
        assert display_id is True
        return Handle()

    ipython, displays = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    displays.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    return shown


def train(folder, **options):
    tiny = {"hidden_size": 4, "num_layers": 1, "batch_size": 2, "bptt": 8, "steps": 2}
    return unrolled.train("lm", data="text:" + "the cat sat on the mat. " * 40, run=folder / "run", **tiny, **options)


def test_what_the_line_says():
    place = Places()
    line = ProgressLine(place)
    line.start(Path("runs/a\n"), "lm", "characters", None, ["a note"])
    line.progress(HALF)
    line.progress(dataclasses.replace(HALF, rate=0.0, seconds_left=math.nan))
    line.evaluated(500, {"loss": 0.75}, True)
    line.note("a note")
    line.preview(500, "a preview")
    line.progress(HALF)
    line.end(END)
    said = "lm  step 500/1,000  loss 0.693 nats  1:15 left  21,000 characters/s"
    assert place.shown == [
        "training lm  in runs/a\ufffd",
        said,
        "lm  step 500/1,000  loss 0.693 nats",
        f"{said}  validation 0.750",
        "lm  1,000 steps in 1:05  validation 1.500 nats  test 1.600 nats  runs/a",
    ]


@pytest.mark.parametrize(
    ("stopped", "says"), [("interrupted", "lm  7 steps in 0:03 (interrupted)"), ("fitted", "lm  fitted in 0:03")]
)
def test_how_it_ended(stopped, says):
    place = Places()
    ProgressLine(place).end(Summary(Path("r"), "lm", 7, 3.0, stopped, {}, {}))
    assert place.shown == [f"{says}  r"]


def test_a_terminal_shows_one_line(screen, monkeypatch):
    place = Terminal(screen)
    place.close()
    place.show("a long line")
    place.show("short")
    monkeypatch.setenv("COLUMNS", "31")
    place.show("x" * 40)
    place.close()
    assert screen.getvalue() == "\ra long line\rshort      \r" + "x" * 30 + "\n"


def test_training_in_a_terminal(screen, tmp_path):
    train(tmp_path)
    text = screen.getvalue()
    assert text.startswith(f"\rtraining lm  in {tmp_path}/run\rlm  step ")
    assert "\rlm  step 2/2  loss " in text
    assert text.rstrip().endswith(f"{tmp_path}/run")
    assert text.count("\n") == 1
    unrolled.resume(tmp_path / "run", steps=3)
    assert "lm  3 steps in " in screen.getvalue()


def test_training_in_a_notebook(screen, notebook, tmp_path):
    train(tmp_path)
    assert screen.getvalue() == ""
    assert notebook[0] == ("display", {"text/plain": f"training lm  in {tmp_path}/run"}, True)
    assert {kind for kind, *_ in notebook[1:]} == {"update"}
    assert notebook[-1][1]["text/plain"].startswith("lm  2 steps in ")


def test_a_reporter_of_ones_own_takes_its_place(screen, notebook, tmp_path):
    train(tmp_path, reporter=Silent())
    assert screen.getvalue() == ""
    assert notebook == []


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_nothing_where_nobody_would_see_it(stream, monkeypatch):
    see(monkeypatch, stream)
    with reporting(None) as told:
        assert type(told) is Silent


def test_nothing_on_a_dumb_terminal(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert live._place() is None


def test_ipython_in_a_terminal_is_a_terminal(screen, monkeypatch):
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert isinstance(live._place(), Terminal)


def test_an_error_ends_the_line(screen):
    def fail():
        with reporting(None) as told:
            told.progress(HALF)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert screen.getvalue().endswith("21,000 /s\n")


@pytest.mark.parametrize("error", [BrokenPipeError, ValueError])
def test_a_terminal_that_is_gone_ends_no_training(error):
    class Gone:
        def write(self, text):
            raise error

    place = Terminal(Gone())
    place.show("a")
    place.close()


def test_a_summary_shows_itself():
    assert str(END) == (
        "lm: 1,000 steps, finished in 1:05, runs/a\n"
        "      validation    test\nloss      1.5000  1.6000\nf1                0.2500"
    )
    found = END._repr_html_()
    assert "runs/a" in found
    assert [f">{cell}</td>" in found for cell in ("loss", "1.5000", "0.2500")] == [True] * 3
    untested = Summary(Path("<r>"), "lm", 1, 1.0, "fitted", {"loss": 1.5})
    assert str(untested) == "lm: fitted in 0:01, <r>\n      validation\nloss      1.5000"
    assert "&lt;r&gt;" in untested._repr_html_()
