"""What every task promises, our own and those that stand for coming ones: training/task.py, tasks/common/trained.py."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import io
import itertools
import json
import sys
import textwrap
import typing
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from coming_base import png
from coming_tasks import PLACES, registered, trained
from torch.utils import _pytree as pytree

import unrolled as package
from unrolled.cli import evaluate, predict, sample
from unrolled.data.named_data import NamedData
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Comparison, Input, Part, Prediction, Report, SamplePiece, chunked
from unrolled.tasks import registry
from unrolled.tasks.registry import TASKS, task_class
from unrolled.training.config import options as flags_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "trained"
OURS = list(TASKS)
EVERY = [*OURS, *PLACES]
VERBS = {"evaluate": evaluate.VERB, "predict": predict.VERB, "sample": sample.VERB}
# models that must see a whole input, as they are here
WHOLE = ("frames", "video", "classify", "tag", "translate", "image", "caption", "ocr", "speech", "handwriting")
SMALL = {"lm": {"length": 5}}  # options that make a sample small
FEW = {"lm": {"words": ("cat",)}}  # options that make a prediction fast


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of every task."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        registered(patch)
        patch.setenv("UNROLLED_CACHE", str(folder / "cache"))
        yield {name: FIXTURES / name if name in OURS else trained(folder, name) for name in EVERY}


@pytest.fixture(params=EVERY)
def name(request):
    return request.param


@pytest.fixture
def task(runs, name):
    return task_class(name)


@pytest.fixture
def model(runs, name):
    return package.load(runs[name])


def questions(name):
    """Inputs without an end, each with a name of its own."""
    for n in itertools.count():
        match name:
            case "forecast":
                yield Input(f"2024-01-{n % 28 + 1:02},{n}")
            case "strokes":
                yield Input({"points": [[n, n]]}, f"drawing {n}")
            case "videos" | "frames":
                yield Input(VIDEO, f"video {n}")
            case "dictation" | "speech":
                yield Input(_sound(100 if name == "dictation" else 8000), f"recording {n}")
            case "lm":
                yield Input(f"the {'cat ' * (n % 9)}sat on the ___")
            case "translate":
                yield Input(f"{n % 28 + 1} May {1950 + n % 99}")
            case "classify" | "tag":
                yield Input(f"The soup was dreadful, said number {n}.")
            case _:
                yield Input(png(np.full((2, 2), n % 2)), f"picture {n}")


def _video():
    np.savez(out := io.BytesIO(), frames=np.zeros((2, 2, 2), np.uint8))
    return out.getvalue()


def _sound(rate):
    with wave.open(out := io.BytesIO(), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(200))
    return out.getvalue()


VIDEO = _video()


def test_metrics_have_names_and_one_decides(task):
    names = [metric.name for metric in task.metrics]
    assert len(names) == len(set(names))
    assert task.decides in names
    assert all(metric.text(0.5).endswith(f" {metric.label}") for metric in task.metrics)
    assert task(task.Config()).selecting.name in names


def test_what_is_done_with_a_run_can_be_done(task):
    assert task.use
    for verb in task.use.values():
        assert verb not in VERBS or getattr(task, VERBS[verb].own) is not None


def helped(cls):
    """The fields of a dataclass, groups in it flattened, each with the text under it in the source."""
    told = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            [made] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            for line, below in itertools.pairwise([*made.body, None]):
                if isinstance(line, ast.AnnAssign):
                    text = getattr(getattr(below, "value", None), "value", None)
                    told[line.target.id] = text if isinstance(text, str) else ""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from helped(hints[field.name])
        else:
            yield field.name, told[field.name]


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_frozen_explained_and_named_once(task, verb):
    own = getattr(task, VERBS[verb].own)
    if own is None:
        return
    assert own.__dataclass_params__.frozen
    fields = [*helped(own), *helped(VERBS[verb].general)]
    assert [name for name, text in fields if not text.strip()] == []
    names = [name for name, _ in fields]
    assert sorted(names) == sorted(set(names))
    assert "run" not in names
    if verb == "predict":
        assert own.input_name.isidentifier()
        assert callable(own.inputs)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_refused_exactly_where_the_task_has_none(runs, name, model, unrolled, verb):
    asked = VERBS[verb]
    refused = getattr(task_class(name), asked.own) is None
    said = unrolled(verb, runs[name], "--help")
    assert (said.status, bool(said.out)) == ((2, False) if refused else (0, True))
    if refused:
        uses = "; ".join(f"{what}: unrolled {one} {runs[name]}" for what, one in task_class(name).use.items())
        assert said.err == f"error: {runs[name]} is a model of the task {name}, which cannot {asked.does}; {uses}\n"
        calls = {
            "evaluate": lambda: model.evaluation(None),
            "predict": lambda: list(model.predictions([], None)),
            "sample": lambda: list(model.samples(None)),
        }
        with pytest.raises(RunError, match=f"^a model of the task {name} cannot {asked.does}$"):
            calls[verb]()


def test_evaluation_has_the_tasks_metrics_and_plain_values(task, model, name):
    if task.Evaluate is None:
        return
    options = {"data": "text:the cat sat on the mat"} if name == "lm" else {}
    report = model.evaluation(task.Evaluate(**options))
    assert isinstance(report, Report)
    assert model.report(**options).values.keys() == report.values.keys()
    with pytest.raises(ArgumentError, match="'dat' is not an option"):
        model.report(dat="x")
    json.dumps(report.values)
    known = {metric.name for metric in task.metrics}
    assert {task.decides} <= known & report.values.keys()
    assert all(isinstance(part, Part) for part in report.parts)
    assert report.plain().strip()
    assert model.task == name


def test_runs_are_compared(task, model, name):
    if task.Evaluate is None or name in OURS:  # whose comparisons have tests of their own
        return
    found = task.compare({"a": model, "b": model}, task.Evaluate())
    assert isinstance(found, Comparison)
    assert [report.values[task.decides] for report in found.reports] == [found.reports[0].values[task.decides]] * 2
    assert [row.split()[0] for row in found.together.plain().splitlines()] == ["run", "a", "b"]


def test_answers_come_in_order_and_no_more_than_one_list_is_taken(task, model, name):
    if task.Predict is None:
        return
    most = 40 if name in ("frames", "video", "ocr", "speech", "lm", "translate", "tag", "classify") else 2000
    given, taken = list(itertools.islice(questions(name), most)), 0
    size = 10 if most < 2000 else 100

    def counted():
        nonlocal taken
        for some in chunked(given, size):
            taken += 1
            yield some

    answered = 0
    for answered, said in enumerate(model.predictions(counted(), task.Predict(**FEW.get(name, {}))), 1):
        if answered > most:
            assert isinstance(said, Part)
            continue
        asked = given[answered - 1]
        assert isinstance(said, Prediction)
        assert said.text == (asked.content if isinstance(asked.content, str) else asked.title)
        assert taken == (answered - 1) // size + 1
        json.dumps(said.as_json())
    assert answered >= most


def test_answers_before_an_input_that_cannot_be_read_are_given(task, model, name):
    if task.Predict is None:
        return
    some = [*itertools.islice(questions(name), 2), Input(b"\xff\xfe", "broken")]
    answers = model.predictions([some], task.Predict(**FEW.get(name, {})))
    for asked in some[:2]:
        assert next(answers).text == (asked.content if isinstance(asked.content, str) else asked.title)
    with pytest.raises(DataError, match=r"^broken .*") as raised:
        next(answers)
    assert "\n" not in str(raised.value)


def test_samples(task, model, name):
    if task.Sample is None:
        return
    pieces = list(model.samples(task.Sample(**SMALL.get(name, {}))))
    assert pieces
    assert all(isinstance(one, SamplePiece) and isinstance(one.part, str | Part) for one in pieces)
    assert {one.number for one in pieces} == {0}


def at_steps(model, name):
    """Inputs (T, B, …) at three steps of two lanes."""
    generator = torch.Generator().manual_seed(0)
    if name == "lm":
        return torch.randint(8, (3, 2), generator=generator)
    return torch.randn(3, 2, model.model.stack.input_size, generator=generator)


def test_step_by_step_is_the_same_as_the_whole(model, name):
    if name in WHOLE:
        with pytest.raises(RunError, match=f"^a model of the task {name} cannot answer step by step: .*") as raised:
            model.streaming(2)
        assert "\n" not in str(raised.value)
        assert model.modules().step is None
        return
    stream = model.streaming(2)
    if name == "dictation":
        assert stream.step(torch.full((2, 5), 2000.0), stream.initial_state())[0] == ["da", "da"]
        return
    x = at_steps(model, name)
    with torch.no_grad():
        exported = model.modules()
        whole = exported.whole(x)[0]  # (T, B, …)
        state, other = stream.initial_state(), stream.initial_state()
        leaves = pytree.tree_leaves(state)
        assert len(exported.states) == len(leaves)
        assert all(leaf.shape[0] == 2 for leaf in leaves)
        for t in range(len(x)):
            said, state = stream.step(x[t], state)
            output, other = exported.step(x[t], other)
            torch.testing.assert_close(said, whole[t], rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(output, whole[t], rtol=1e-5, atol=1e-5)
    stream.finish(state)


def test_modules_to_export(model, name):
    exported = model.modules()
    assert isinstance(exported.whole, torch.nn.Module)
    assert len(set(exported.states)) == len(exported.states)
    assert (exported.step is None) == (exported.states == ())
    inputs, outputs = exported.names
    assert inputs
    assert outputs
    json.dumps(dict(exported.around))


def test_names_paths_and_guesses(task, tmp_path):
    rows = task.named()
    assert all(isinstance(row, NamedData) and row.name and row.title and row.here and row.bytes >= 0 for row in rows)
    assert len({row.name for row in rows}) == len(rows)
    flags = flags_of(task.Config)
    paths = task.paths()
    assert set(paths) <= set(flags)
    assert list(paths)[:1] in ([], ["data"])
    assert task.word is None or task.word in flags
    assert task.likely(tmp_path / "nothing.zzz") is False


def test_runs_of_different_tasks_are_not_compared(runs, unrolled):
    said = unrolled("evaluate", runs["pictures"], runs["videos"])
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        f"error: run must be runs of one task ({runs['pictures']} is of the task pictures), got '{runs['videos']} of "
        "the task videos'\n"
    )


@pytest.mark.parametrize("verb", ["evaluate", "predict", "sample", "resume"])
def test_a_run_of_a_task_that_is_not_installed(runs, unrolled, monkeypatch, verb):
    monkeypatch.delitem(TASKS, "pictures")
    said = unrolled(verb, runs["pictures"], *(["--steps", "9"] if verb == "resume" else []))
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        f"error: {runs['pictures']} is of the task pictures, which is unknown here; is the package installed that adds "
        "it?\n"
    )


def test_a_task_that_does_not_exist(unrolled):
    assert unrolled("train", "clasify").err.endswith("got 'clasify'; did you mean 'classify'?\n")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_at_all\n", "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise ValueError('two\\nlines')\n", "cannot be imported: ValueError: two lines"),
        ("raise SystemExit(3)\n", "cannot be imported: SystemExit: 3"),
        ("Broken = 3\n", "is not a subclass of unrolled.training.task.Task"),
        (
            "from unrolled.tasks.memory.task import Memory\nclass Broken(Memory): name = 'other'\n",
            "has the name 'other'; repair it: class and entry point must have the same name",
        ),
    ],
)
def test_a_broken_package_is_named_and_the_others_work(unrolled, tmp_path, monkeypatch, source, reason):
    site = tmp_path / "site"
    (site / "sky-1.0.dist-info").mkdir(parents=True)
    (site / "sky-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: sky\nVersion: 1.0\n")
    (site / "sky-1.0.dist-info" / "entry_points.txt").write_text("[unrolled.tasks]\nbroken = broken_sky:Broken\n")
    (site / "broken_sky.py").write_text(source)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    registry._external.cache_clear()
    try:
        said = unrolled("train", "broken")
        assert said.status == 2
        assert said.err.startswith(f"error: the task broken (broken_sky:Broken of sky) {reason}")
        line = said.err.removeprefix("error: ")
        for words in (["train"], ["evaluate", "--help"]):
            said = unrolled(*words)
            assert line in said.out
            assert "memory" in said.out
        said = unrolled("runs")
        assert said.status == 0
        assert unrolled("evaluate", FIXTURES / "memory", "--json").status == 0
    finally:
        registry._external.cache_clear()
        sys.modules.pop("broken_sky", None)
