"""unrolled train and resume: flags, recipes, reports."""

from __future__ import annotations

import json
import os
import signal
import tomllib
from pathlib import Path

import pytest
from cli_parts import TINY

import unrolled.training.loop as loop
from unrolled import api, recipes
from unrolled.errors import RunError
from unrolled.tasks import TASKS
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.training.log import Silent


def config(run: Path) -> dict:
    body = tomllib.loads((run / "config.toml").read_text())
    return {key: value for group in body.values() if isinstance(group, dict) for key, value in group.items()}


def test_makes_a_run_and_says_what_next(unrolled, home: Path, text_file: Path) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--steps", "4", *TINY)
    assert (said.status, said.err) == (0, "")
    run = home / "runs" / "lm-cats-1"
    assert (run / "model.safetensors").is_file()
    for expected in ("--- before training ---", "step 4: validation", "bits per character", f"unrolled sample {run}"):
        assert expected in said.out


def test_other_tools_names_and_spellings(unrolled, home: Path, text_file: Path) -> None:
    said = unrolled(
        "train", "lm", "-data", text_file, "-rnn_size", "8", "--nlayers=2", "--seq_length", "12", "--batch_size", "2",
        "--learning-rate", "1e-2", "--no-locked-dropout", "--fractions", "0.8,0.1,0.1", "--steps", "1",
    )  # fmt: skip
    assert said.status == 0, said.err
    saved = config(home / "runs" / "lm-cats-1")
    expected = {"hidden_size": 8, "num_layers": 2, "bptt": 12, "batch_size": 2, "lr": 0.01, "locked_dropout": False}
    assert {name: saved[name] for name in expected} == expected
    assert saved["fractions"] == [0.8, 0.1, 0.1]


def test_data_is_stored_so_that_any_folder_can_resume(
    unrolled, home: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "own.txt").write_text(text_file.read_text())
    assert unrolled("train", "lm", "--data", "own.txt", "--run", "r", "--steps", "2", *TINY).status == 0
    assert config(home / "r")["data"] == str(home / "own.txt")
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    said = unrolled("resume", "../r", "--steps", "3")
    assert said.status == 0, said.err
    assert "resuming at step 2 of 3" in said.out


def test_json_is_one_object_per_line(unrolled, home: Path, text_file: Path) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--json", "--steps", "3", *TINY)
    events = [json.loads(line) for line in said.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert {"progress", "evaluated", "preview"} <= set(kinds)
    assert events[-1]["folder"] == str(home / "runs" / "lm-cats-1")
    assert events[0]["config"]["hidden_size"] == 16


def test_a_recipe_by_file_and_flags_that_change_it(unrolled, home: Path, text_file: Path) -> None:
    recipe = home / "mine.toml"
    recipe.write_text(
        f'task = "lm"\n[data]\ndata = "{text_file}"\n[model]\nhidden_size = 8\nnum_layers = 1\n'
        "[training]\nsteps = 2\nbatch_size = 2\n[result]\nloss = 1.0\n"
    )
    assert unrolled("train", "--recipe", recipe, "--run", "a", "--batch-size", "3").status == 0
    saved = config(home / "a")
    assert (saved["hidden_size"], saved["batch_size"], saved["steps"]) == (8, 3, 2)
    assert unrolled("train", "lm", f"--recipe={recipe}", "--run", "b", "--epochs", "0.01").status == 0
    assert config(home / "b")["steps"] != 2  # --epochs replaced the recipe's steps


def test_hello_writes_hello(unrolled, home: Path) -> None:
    assert unrolled("train", "--recipe", "hello", "--run", "hello").status == 0
    assert unrolled("sample", "hello", "--prompt", "h", "--length", "4", "--greedy").out == "hello\n"


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes_are_valid(name: str) -> None:
    from unrolled.tasks import task_class
    from unrolled.training.config import update

    recipe = recipes.read(name)
    update(task_class(recipe.task).Config(), **recipe.options)


def test_a_cell_of_ones_own_lies_in_the_current_folder(unrolled, home: Path, text_file: Path) -> None:
    (home / "mycell_of_cli_test.py").write_text(
        "from unrolled.cells import RNNCell\n\nclass Mine(RNNCell):\n    pass\n"
    )
    said = unrolled("train", "lm", "--data", text_file, "--cell", "mycell_of_cli_test:Mine", "--steps", "2", *TINY)
    assert said.status == 0, said.err
    run, mine = home / "runs" / "lm-cats-1", ("--cell", "mycell_of_cli_test:Mine")
    assert "name it too: --cell mycell_of_cli_test:Mine" in unrolled("sample", run, "--length", "5").err
    assert unrolled("sample", run, "--length", "5", *mine).status == 0
    assert unrolled("evaluate", run, *mine).status == 0
    assert unrolled("resume", run, "--steps", "3", *mine).status == 0


def test_without_a_task_the_tasks_are_listed(unrolled) -> None:
    said = unrolled("train")
    assert said.status == 2
    assert "lm" in said.out
    assert "hello" in said.out


def test_resume_of_a_finished_run_says_so(unrolled, trained: Path) -> None:
    said = unrolled("resume", trained)
    assert said.status == 0
    assert "is finished: 20 of 20 steps" in said.out
    assert f"unrolled resume {trained} --steps 40" in said.out
    assert unrolled("resume", trained, "--steps", "22").status == 0
    assert config(trained)["steps"] == 22
    assert unrolled("resume", trained, "--steps", "22").status == 2


def test_resume_for_longer_by_time(unrolled, trained: Path) -> None:
    assert unrolled("resume", trained, "--time", "1s").status == 0
    assert config(trained)["steps"] > 20


def test_ctrl_c_keeps_what_was_learned(unrolled, home: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = loop.Stepper.step

    def interrupted(self: loop.Stepper, number: int) -> tuple[float, float, float]:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, number)

    monkeypatch.setattr(loop.Stepper, "step", interrupted)
    words = ["train", "lm", "--data", text_file, "--run", "r", "--steps", "10", *TINY]
    said = unrolled(*words)
    assert said.status == 130
    assert "stopping" in said.out
    assert "resume: unrolled resume r" in said.out
    assert unrolled("sample", "r", "--length", "3").status == 0


def test_a_second_ctrl_c_stops_at_once(unrolled, home: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: loop.Stepper, number: int) -> tuple[float, float, float]:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("unreachable")

    monkeypatch.setattr(loop.Stepper, "step", interrupted)
    said = unrolled("train", "lm", "--data", text_file, "--run", "r", "--steps", "10", *TINY)
    assert said.status == 130
    assert said.err == "stopped at once; resume with: unrolled resume r\n"


def test_an_ngram_model_is_counted(unrolled, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = unrolled("train", "lm", "--data", text_file, "--kind", "ngram", "--order", "4", "--run", "runs/counted")
    assert said.status == 0, said.err
    lines = dict(line.split(": ", 1) for line in said.out.splitlines() if line.startswith(("fitted:", "test:")))
    assert lines["fitted"].startswith("in 0:0")
    model = api.load("runs/counted")
    assert lines["test"].startswith(f"{model.evaluate(model.config.data.read().test)['loss']:.4f} nats")
    assert "resume" not in said.out
    row = next(line for line in unrolled("runs").out.splitlines() if "runs/counted" in line)
    assert "4-gram" in row
    assert "?" not in row
    assert "fitted at once and cannot be resumed" in unrolled("resume", "runs/counted").err
    said = unrolled("train", "lm", "--data", text_file, "--kind", "ngram", "--time", "1m")
    assert "--time must be omitted with --kind ngram, which has no such option, got '1m'" in said.err
    written = unrolled("sample", "runs/counted", "--length", "40", "--prompt", "the ").out
    assert written == "the " + model.generate("the ", 40).removesuffix("\n") + "\n"
    said = unrolled("sample", "runs/counted", "--precision", "int8")
    assert "--precision must be float32 for this model, got 'int8'; there are no kernels for a NGram" in said.err
    monkeypatch.setattr("unrolled.tasks.lm.ngram.NGram.fit", stop)
    said = unrolled("train", "lm", "--data", text_file, "--kind", "ngram", "--run", "runs/stopped")
    assert (said.status, said.err) == (130, "stopped by Ctrl-C\n")
    assert not Path("runs/stopped").exists()


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_task_whose_modules_are_missing_does_nothing(unrolled, trained: Path, home: Path, monkeypatch) -> None:
    monkeypatch.setattr(LanguageModelling, "extras", {"nowhere_av": "video"})
    line = "error: the task lm needs the module nowhere_av; install with: pip install 'unrolled[video]'\n"
    for words in (["train", "lm"], ["resume", trained, "--steps", "25"], ["sample", trained], ["evaluate", trained]):
        assert unrolled(*words) == (2, "", line)
    for call in (lambda: api.train("lm"), lambda: api.start("lm", LanguageModelling.Config(), None, Silent())):
        with pytest.raises(RunError, match="needs the module nowhere_av"):
            call()
    assert [path.name for path in (home / "runs").iterdir()] == ["tiny"]
    assert unrolled("train", "lm", "--help").status == 0


def test_help_names_the_recipes_of_its_task(unrolled, monkeypatch) -> None:
    assert "Recipes: adding-200, copy, mnist-rows.\n" in unrolled("train", "memory", "--help").out
    every = unrolled("train").out
    assert all(name in every for name in recipes.names())
    assert sorted(name for task in TASKS for name in recipes.names(task)) == recipes.names()
    monkeypatch.setattr(recipes, "names", lambda task=None: [])
    assert "ecipes" not in unrolled("train", "memory", "--help").out.split("\n options")[0]
