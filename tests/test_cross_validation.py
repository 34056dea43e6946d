"""Cross-validation: every fold a run, interrupted and continued, on the command line and from Python."""

import json
import random
import statistics

import pytest

import unrolled as package
from unrolled import cross_validation
from unrolled.errors import ArgumentError, RunError
from unrolled.training.log import Silent, Summary

TINY = {"hidden_size": 4, "embedding_size": 4, "steps": 1, "batch_size": 8, "warmup": 0, "dropout": 0.0}
FLAGS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture
def tickets(home):
    draw = random.Random(0)
    words = {"billing": "invoice refund card".split(), "technical": "crash error login".split()}
    rows = [(f"{draw.choice(words[label])} {n}", label) for label in words for n in range(12)]
    (home / "tickets.csv").write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    return home / "tickets.csv"


class Stopping(Silent):
    """Raises in the second fold, once."""

    def __init__(self):
        self.folders = []

    def start(self, folder, task, unit, config, notes):
        self.folders.append(folder.name)
        if len(self.folders) == 2:
            raise KeyboardInterrupt


def test_a_stopped_one_goes_on_and_its_result_is_mean_and_spread(unrolled, tickets, home):
    reporter = Stopping()
    with pytest.raises(KeyboardInterrupt):
        package.cross_validate("classify", data="tickets.csv", folds=2, reporter=reporter, **TINY)
    folder = home / "runs" / "classify-tickets-folds-1"
    assert len(json.loads((folder / "folds.json").read_text())["scores"]) == 1
    before = (folder / "fold-0" / "model.safetensors").stat().st_mtime_ns
    found = unrolled("train", "classify", "--data", "tickets.csv", "--folds", "2", *FLAGS, "--json")
    assert found.status == 0, found.err
    events = [json.loads(line) for line in found.out.splitlines()]
    assert [event["run"] for event in events if event["event"] == "start"] == [str(folder / "fold-1")]
    assert (folder / "fold-0" / "model.safetensors").stat().st_mtime_ns == before
    last = events[-1]
    assert (last["event"], last["folds"], last["complete"]) == ("cross-validated", 2, True)
    for name in ("loss", "accuracy"):
        values = [scores[name] for scores in last["scores"]]
        assert last["mean"][name] == pytest.approx(statistics.fmean(values))
        assert last["spread"][name] == pytest.approx(statistics.stdev(values))

    listed = [json.loads(line)["run"] for line in unrolled("runs", "--json").out.splitlines()]
    assert sorted(listed) == [str(folder / "fold-0"), str(folder / "fold-1")]
    final = "no final model yet; train one on all data: unrolled train classify --data tickets.csv "
    assert final in found.err
    assert "--hidden-size 4 " in found.err
    assert "--fold" not in found.err

    result = package.cross_validate("classify", data="tickets.csv", run=folder, folds=2, reporter=reporter, **TINY)
    assert result.as_json() == {key: value for key, value in last.items() if key != "event"} | {"run": str(folder)}
    assert reporter.folders == ["fold-0", "fold-1"]  # nothing was left to train
    assert [report["accuracy"] for report in result.reports] == [scores["accuracy"] for scores in result.scores]
    assert [report["texts"] for report in result.reports] == [12, 12]
    lines = result.plain().splitlines()
    assert lines[0] == f"test metrics of 2 folds, {folder}"
    assert [line.split()[0] for line in lines[2:]] == ["fold-0", "fold-1", "mean", "standard"]
    assert f"{result.mean['accuracy']:.4f}" in lines[4]
    assert "<table" in result._repr_html_()

    with pytest.raises(RunError, match="holds a cross-validation with other options"):
        package.cross_validate("classify", data="tickets.csv", run=folder, folds=4, **TINY)
    results = json.loads((folder / "folds.json").read_text())
    (folder / "folds.json").write_text(json.dumps(results | {"scores": results["scores"][:1]}))
    tickets.write_text(tickets.read_text() + "another card,billing\n")
    with pytest.raises(RunError, match="the data has changed since the first fold"):
        package.cross_validate("classify", data="tickets.csv", run=folder, folds=2, **TINY)
    (folder / "folds.json").write_text("[1]")
    with pytest.raises(RunError, match=r"folds\.json is damaged"):
        package.cross_validate("classify", data="tickets.csv", run=folder, folds=2, **TINY)


def test_what_cannot_be_cross_validated(unrolled, tickets, home):
    said = unrolled("train", "classify", "--data", "tickets.csv", "--folds", "13", *FLAGS)
    assert said.status == 2
    assert "--folds must be at most the number of texts of the smallest class, 'billing' (12 different" in said.err
    assert not any((home / "runs").iterdir())
    with pytest.raises(ArgumentError, match="task must be one whose data is divided into folds"):
        package.cross_validate("lm", folds=3)
    with pytest.raises(ArgumentError, match="'lrr' is not an option; did you mean 'lr'"):
        package.cross_validate("classify", folds=3, lrr=1)
    (home / "full").mkdir()
    (home / "full" / "notes.txt").write_text("")
    with pytest.raises(RunError, match="holds files that are not of a cross-validation"):
        package.cross_validate("classify", data="tickets.csv", run="full", folds=3, **TINY)


def test_interrupted_by_a_signal(unrolled, tickets, monkeypatch):
    """Training that was asked to stop ends normally; the cross-validation stops after it."""
    real = cross_validation._train

    def train(task, config, run, reporter):
        summary = real(task, config, run, reporter)
        return Summary(**{**vars(summary), "stopped": "interrupted"})

    monkeypatch.setattr(cross_validation, "_train", train)
    said = unrolled("train", "classify", "--data", "tickets.csv", "--folds", "2", *FLAGS)
    assert said.status == 130
    assert "stopped with 0 of 2 folds finished; the same command continues it" in said.err


def test_a_single_fold_is_an_ordinary_run(unrolled, tickets, home):
    words = ("train", "classify", "--data", "tickets.csv", "--folds", "3", "--fold", "1", "--run", "one")
    assert unrolled(*words, *FLAGS).status == 0
    model = package.load("one")
    assert model.evaluate()["texts"] == 8
    assert (model.config.data.folds, model.config.data.fold) == (3, 1)
