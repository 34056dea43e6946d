"""docs/adding-a-task.md: its task works, from another package and as a row of our own table, and needs nothing else."""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

import unrolled as package
from unrolled.cli import main
from unrolled.tasks import registry

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-task.md"
[BLOCK] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
POINT, _ = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
SMALL = ["--hidden-size", "8", "--warmup", "0", "--average", "none", "--schedule", "constant"]


class Example(NamedTuple):
    """What was trained with the page's task: the folder of its runs, two of them, and their data."""

    runs: Path
    first: Path
    second: Path
    numbers: Path


def numbers() -> str:
    """A series that rises by 1; in its validation data every twentieth number falls by 100 instead.

    As the network learns to say "one more", the mean absolute error falls and the mean squared error, which the falls
    decide, rises: the selected model is not that of the lowest loss.
    """
    x, every = 1000.0, []
    for n in range(800):
        every.append(x)
        x += -100 if n >= 640 and n % 20 == 0 else 1
    return "".join(f"{x:g}\n" for x in every)


@pytest.fixture(scope="module", params=["another package", "a row of the table"])
def example(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("series")
    site = home / "site"
    site.mkdir()
    (site / "next_value.py").write_text(BLOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("UNROLLED_CACHE", str(home / "cache"))
        if request.param == "another package":
            info = site / "next_value-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: next-value\nVersion: 1.0\n")
            group = POINT.replace('[project.entry-points."unrolled.tasks"]', "[unrolled.tasks]").replace('"', "")
            (info / "entry_points.txt").write_text(group)
        else:
            row = registry.Entry("next_value:NextValue", "the next number of a series")
            patch.setitem(registry.TASKS, "series", row)
        importlib.invalidate_caches()
        registry._external.cache_clear()
        (home / "numbers.txt").write_text(numbers())
        for run, steps in (("first", 6), ("second", 4)):
            words = ["train", "series", "--data", home / "numbers.txt", "--run", home / "runs" / run]
            assert main([*map(str, words), *SMALL, "--steps", str(steps), "--eval-every", "1"]) == 0
        yield Example(home / "runs", home / "runs" / "first", home / "runs" / "second", home / "numbers.txt")
    sys.modules.pop("next_value", None)
    registry._external.cache_clear()


def rows(run: Path) -> list[dict]:
    """The validation scores of a run, evaluation by evaluation."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("split") == "valid"]


def test_the_whole_task_is_short():
    assert len(BLOCK.splitlines()) < 150


def test_the_kept_model_has_the_smallest_mean_absolute_error_not_the_lowest_loss(example):
    scored = rows(example.first)
    kept = min(scored, key=lambda row: row["mae"])
    assert kept["loss"] > min(row["loss"] for row in scored)
    assert [row["step"] for row in scored if row["best"]][-1] == kept["step"]
    assert {row["by"] for row in scored} == {"mae"}
    model = package.load(example.first)
    assert model.task == "series"
    assert model.evaluation(registry.task_class("series").Evaluate(split="valid")).values["mae"] == pytest.approx(
        kept["mae"], rel=1e-6
    )


def test_previews_are_pictures(example):
    names = sorted(path.name for path in (example.first / "previews").glob("*.png"))
    assert names == [f"step-{n:07}-series.png" for n in range(7)]
    for name in names:
        with Image.open(example.first / "previews" / name) as picture:
            assert (picture.format, picture.size) == ("PNG", (320, 120))
    told = (example.first / "previews" / "step-0000006.txt").read_text()
    assert told.splitlines()[0] == "black: the series, red: the predictions"
    assert "step-0000006-series.png" in told


def test_it_can_be_resumed(example, unrolled, home):
    assert "is finished: 4 of 4 steps" in unrolled("resume", example.second).out
    said = unrolled("resume", example.second, "--steps", "5")
    assert said.status == 0, said.err
    assert "resuming at step 4 of 5" in said.out
    assert [row["step"] for row in rows(example.second)] == [1, 2, 3, 4, 5]


def test_evaluate(example, unrolled, home):
    said = unrolled("evaluate", example.first)
    assert said.status == 0, said.err
    assert [re.split(r"\s{2,}", line)[0] for line in said.out.splitlines()] == [
        "data",
        "squared error",
        "mean absolute error",
    ]
    found = json.loads(unrolled("evaluate", example.first, "--json", "--split", "valid").out)
    assert set(found) == {"event", "run", "data", "date", "split", "loss", "mae"}
    assert found["mae"] == min(row["mae"] for row in rows(example.first))
    assert unrolled("evaluate", example.first, "--out", "report").status == 0
    kept = json.loads((home / "report" / "report.json").read_text())
    assert set(kept) == {"run", "data", "date", "split", "loss", "mae"}


def test_evaluate_two_runs_side_by_side(example, unrolled, home):
    said = unrolled("evaluate", example.first, example.second, "--out", "both")
    header, *lines = said.out.splitlines()
    assert header.split("  ")[0] == "run"
    assert "squared error" in header
    assert "mean absolute error" in header
    assert [line.split()[0] for line in lines] == [str(example.first), str(example.second)]
    assert (home / "both" / "first" / "report.json").is_file()
    assert (home / "both" / "comparison.csv").read_text().startswith("run,squared error,mean absolute error\n")
    said = unrolled("evaluate", example.first, example.second, "--json")
    assert [json.loads(line)["run"] for line in said.out.splitlines()] == [str(example.first), str(example.second)]


def test_predict_files_folders_and_standard_input(example, unrolled, home, monkeypatch):
    asked = home / "asked"
    asked.mkdir()
    for name, last in (("x-10.txt", 30), ("x-9.txt", 20), (".hidden", 5)):
        (asked / name).write_text(f"{last - 2}\n{last - 1}\n{last}\n")
    said = unrolled("predict", example.first, "asked/x-10.txt")
    answer, name = said.out.rstrip("\n").split("\t")
    assert re.fullmatch(r"-?\d+\.\d{4}", answer)
    assert name == "asked/x-10.txt"
    said = unrolled("predict", example.first, "asked")
    assert [line.split("\t")[1] for line in said.out.splitlines()] == ["asked/x-9.txt", "asked/x-10.txt"]
    for words in ((), ("-",)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"28\n29\n30\n")))
        assert unrolled("predict", example.first, *words).out == f"{answer}\tstandard input\n"


def test_what_cannot_be_read_is_one_line_after_the_answers_before(example, unrolled, home):
    (home / "good.txt").write_text("1 2 3")
    (home / "bad.txt").write_text("1 2 x")
    said = unrolled("predict", example.first, "good.txt", "missing.txt")
    assert said.status == 2
    assert said.out.endswith("\tgood.txt\n")
    assert said.err == "error: cannot read missing.txt: No such file or directory; check the path\n"
    said = unrolled("predict", example.first, "bad.txt")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: bad.txt: could not convert string to float: 'x'; give a file with a number on each line\n"
    )


def test_predict_as_json_as_files_and_as_a_page(example, unrolled, home):
    (home / "x.txt").write_text("1 2 3")
    said = unrolled("predict", example.first, "x.txt", "x.txt", "--json", "--out", "kept", "--html", "page.html")
    assert said.status == 0, said.err
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [one.pop("event") for one in answers] == ["prediction", "prediction"]
    assert answers[0] == answers[1]
    assert answers[0]["text"] == "x.txt"
    kept = [json.loads(line) for line in (home / "kept" / "predictions.jsonl").read_text().splitlines()]
    assert kept == [{**one, "files": []} for one in answers]
    assert answers[0]["answer"] in (home / "page.html").read_text()


def test_runs_shows_the_metric_that_decides_with_its_unit(example, unrolled, monkeypatch):
    monkeypatch.setenv("UNROLLED_RUNS", str(example.runs))
    best = min(row["mae"] for row in rows(example.first))
    assert f"{best:.4f} mean absolute error" in unrolled("runs").out
    listed = {Path(one["run"]).name: one for one in map(json.loads, unrolled("runs", "--json").out.splitlines())}
    assert listed["first"]["selected_by"] == "mae"
    assert listed["first"]["damage"] == ""


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict", "resume", "runs", "data"])
def test_help(example, unrolled, verb):
    words = {"train": ["series"], "evaluate": [example.first], "predict": [example.first]}.get(verb, [])
    said = unrolled(verb, *words, "--help")
    assert (said.status, said.err) == (0, "")
    own = {"train": "--length", "evaluate": "--split", "predict": "[FILE …]"}
    assert own.get(verb, "--") in said.out


def test_what_it_cannot_do_is_one_line_that_says_what_it_can(example, unrolled):
    said = unrolled("sample", example.first)
    assert said.err == (
        f"error: {example.first} is a model of the task series, which cannot generate samples; predict: unrolled "
        f"predict {example.first}; evaluate it: unrolled evaluate {example.first}\n"
    )
    assert "\n  series" in unrolled("evaluate", "--help").out
    assert "\n  series" in unrolled("predict", "--help").out
    assert "series" not in unrolled("sample", "--help").out


def test_data_is_described(example, unrolled, home):
    said = unrolled("data", "sine")
    assert (said.status, said.err) == (0, "note: sine: 600 numbers\n")
    assert re.fullmatch(r"train with +unrolled train series --data sine\n", said.out)
    said = unrolled("data", example.numbers, "--task", "series", "--json")
    [read] = json.loads(said.out)["read"]
    assert (read["task"], read["how"]) == ("series", f"{example.numbers}: 800 numbers")
    (home / "few.txt").write_text("1 2 3")
    said = unrolled("data", "few.txt", "--task", "series")
    assert said.err == "error: few.txt has 3 numbers, fewer than the 170 that windows of 17 take\n"
    assert unrolled("data").status == 0
    assert "shakespeare" not in unrolled("data", "--task", "series").out  # which has no named sets
