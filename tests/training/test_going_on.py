"""Going on with a run that has lost something: what was learned is never written over in silence."""

import shutil
import threading

import pytest
from test_loop import Notebook, Toy, config, rows, train

from unrolled.errors import ArgumentError, RunError, SaveError
from unrolled.training import checkpoint, loop, modelfile
from unrolled.training.folder import RunFolder
from unrolled.training.log import MetricsFile


def saved(path):
    """The step and the weight of the model that is kept."""
    file = modelfile.load(path / "model.safetensors")
    return file.scores["step"], float(file.tensors["w"])


def again(path, **options):
    """Go on as `unrolled.resume` does."""
    folder, notebook = RunFolder.open(path), Notebook()
    with folder.resumed():
        summary = loop.train(Toy(config(**{"steps": 12, "eval_every": 2, **options})), folder, notebook, resume=True)
    return summary, notebook.notes


def damage(path):
    path.write_bytes(path.read_bytes()[:-1])


def state(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def stopped(tmp_path, at=7):
    """A run of which seven of twelve steps are done, saved after each."""

    def full():
        raise SaveError("full")

    path = tmp_path / "run"
    with pytest.raises(SaveError):
        train(path, Toy(config(steps=12, eval_every=2, checkpoint_seconds=1e-9), at={at: full}))
    assert {p.name for p in (path / "checkpoints").glob("step-*")} == {f"step-{at - 1}", f"step-{at}"}
    return path


@pytest.mark.parametrize("rest", [("model.safetensors", "metrics.jsonl"), ("model.safetensors",), ("metrics.jsonl",)])
def test_without_checkpoints_nothing_is_begun_over_what_is_there(tmp_path, rest):
    path = stopped(tmp_path)
    shutil.rmtree(path / "checkpoints")
    for name in {"model.safetensors", "metrics.jsonl"} - set(rest):
        (path / name).unlink()
    before = state(path)
    with pytest.raises(RunError) as caught:
        again(path)
    assert str(caught.value) == (
        f"{path} has no checkpoint to resume from, and training from step 0 would overwrite its "
        f"{' and '.join(rest)}; restore {path}/checkpoints from a backup, or train a new run with the same options: "
        f"unrolled train --recipe {path}/config.toml --run FOLDER"
    )
    assert state(path) == before
    (path / "config.toml").unlink()
    with pytest.raises(RunError, match=r"holds a run without config\.toml; restore that file from a backup"):
        train(path, Toy(config(steps=3)))


def test_a_damaged_newest_checkpoint_is_told_and_the_older_one_taken(tmp_path):
    path = stopped(tmp_path)
    damage(path / "checkpoints" / "step-7" / "state.json")
    summary, notes = again(path)
    assert notes == [
        f"{path}/checkpoints/step-7 is damaged: resuming from step 6 instead",
        "resuming at step 6 of 12",
    ]
    assert [row["step"] for row in rows(path)] == list(range(1, 13))
    assert (summary.steps, saved(path)) == (12, (12, -3.0))


def test_a_checkpoint_that_latest_names_and_that_is_missing_is_told(tmp_path):
    path = stopped(tmp_path)
    shutil.rmtree(path / "checkpoints" / "step-7")
    assert again(path)[1][0] == f"{path}/checkpoints/step-7 is missing: resuming from step 6 instead"
    for nonsense in ("step-3", "elsewhere", "../step-99", ""):  # killed before it was written, or not ours
        (path / "checkpoints" / "latest").write_text(nonsense)
        assert again(path)[1] == ["resuming at step 12 of 12"]
    for each in (path / "checkpoints").glob("step-*"):
        shutil.rmtree(each)
    with pytest.raises(RunError, match="has no checkpoint to resume from"):
        again(path)


def test_a_better_model_of_steps_that_are_done_again_stays_until_there_is_as_good_a_one(tmp_path):
    """Losses at 2, 4 … 12: the model of step 12 is the best; its checkpoint is lost, the one of step 3 is there."""
    path, losses = tmp_path / "run", [5.0, 4.0, 3.0, 2.0, 1.5, 1.0]
    kept = tmp_path / "kept"
    at = {4: lambda: shutil.copytree(path / "checkpoints" / "step-3", kept)}
    train(path, Toy(config(steps=12, eval_every=2, checkpoint_seconds=1e-9), losses=losses, at=at))
    for each in (path / "checkpoints").glob("step-*"):
        shutil.rmtree(each)
    shutil.copytree(kept, path / "checkpoints" / "step-3")
    best = modelfile.load(path / "model.safetensors")
    assert best.scores == {"loss": 1.0, "step": 12}

    def stop():
        raise KeyboardInterrupt

    for until in (7, 9):  # stopped twice on its way
        folder, notebook = RunFolder.open(path), Notebook()
        losses = {7: [4.0, 3.0], 9: [2.0]}[until]
        task = Toy(config(steps=12, eval_every=2, checkpoint_seconds=1e-9), losses=losses, at={until: stop})
        with pytest.raises(KeyboardInterrupt):
            loop.train(task, folder, notebook, resume=True)
        assert modelfile.load(path / "model.safetensors").scores == best.scores
        assert [best for _, _, best in notebook.evaluations] == [True] * len(losses)
    assert notebook.notes == ["resuming at step 7 of 12"]
    summary, _ = train(path, Toy(config(steps=12, eval_every=2), losses=[1.5, 1.25]), resume=True)
    assert summary.best == {"loss": 1.0, "step": 12}  # of this run's first time: that is what was kept
    assert float(modelfile.load(path / "model.safetensors").tensors["w"]) == float(best.tensors["w"])
    summary, _ = train(path, Toy(config(steps=14, eval_every=2), losses=[0.5]), resume=True)
    assert (summary.best, saved(path)) == ({"loss": 0.5, "step": 14}, (14, -3.5))


def test_a_model_is_kept_also_from_a_checkpoint_before_any_evaluation(tmp_path):
    path, kept = tmp_path / "run", tmp_path / "kept"
    at = {0: lambda: shutil.copytree(path / "checkpoints" / "step-0", kept)}
    train(path, Toy(config(steps=4, eval_every=2), losses=[1.0, 2.0], at=at))
    shutil.rmtree(path / "checkpoints")
    shutil.copytree(kept, path / "checkpoints" / "step-0")
    summary, notebook = train(path, Toy(config(steps=4, eval_every=2), losses=[3.0, 2.5]), resume=True)
    assert [best for _, _, best in notebook.evaluations] == [True, True]
    assert (summary.best, saved(path)) == ({"loss": 1.0, "step": 2}, (2, -0.5))


@pytest.mark.parametrize("damaged", [False, True])
def test_a_lost_model_is_made_again(tmp_path, damaged):
    path = stopped(tmp_path)
    model = path / "model.safetensors"
    damage(model) if damaged else model.unlink()
    summary, notes = again(path)
    what = "damaged" if damaged else "missing"
    assert notes[0] == f"{model} is {what}: the best model from here on replaces it"
    assert (summary.steps, saved(path)) == (12, (12, -3.0))
    damage(model) if damaged else model.unlink()
    summary, notes = again(path)  # of a finished run: the model of its last step
    assert (summary.best, saved(path)) == ({"loss": -3.0, "step": 12}, (12, -3.0))
    assert again(path)[1] == ["resuming at step 12 of 12"]


def test_folders_that_are_missing_are_made_again_and_lost_lines_are_told(tmp_path):
    path = stopped(tmp_path)
    shutil.rmtree(path / "previews")
    (path / "metrics.jsonl").unlink()
    assert again(path)[1][0] == f"{path}/metrics.jsonl has lost its last lines: metrics before this step are missing"
    assert [row["step"] for row in rows(path)] == list(range(8, 13))
    assert (path / "previews" / "step-0000012.txt").exists()


@pytest.mark.parametrize("name", ["metrics.jsonl", "model.safetensors", "checkpoints/latest"])
def test_what_cannot_be_written_is_found_before_training(tmp_path, name):
    path = stopped(tmp_path)
    (path / name).unlink()
    (path / name).mkdir()
    with pytest.raises(SaveError, match=f"cannot write {path / name}: Is a directory"):
        again(path)
    (path / name).rmdir()
    shutil.rmtree(path / "previews")
    (path / "previews").touch()
    with pytest.raises(SaveError, match=f"cannot write {path}/previews: File exists"):
        again(path)


def test_fewer_steps_than_are_done(tmp_path):
    path = stopped(tmp_path)
    before = state(path)
    with pytest.raises(ArgumentError, match="steps must be at least 7, the steps already done, got 5"):
        again(path, steps=5)
    assert state(path) == before


def test_a_training_is_refused_while_another_one_goes_on(tmp_path):
    path, began, end, said = tmp_path / "run", threading.Event(), threading.Event(), []

    def wait():
        began.set()
        end.wait(10)

    def first():
        with RunFolder.new(path) as folder:
            said.append(loop.train(Toy(config(steps=6), at={3: wait}), folder, Notebook()).steps)

    thread = threading.Thread(target=first)
    thread.start()
    assert began.wait(10)
    before = state(path)
    try:
        with pytest.raises(RunError, match="is being trained by process"):
            again(path)
        with pytest.raises(RunError, match="already holds a run"), RunFolder.new(path):
            pass
        assert state(path) == before
    finally:
        end.set()
        thread.join()
    assert said == [6]
    assert checkpoint.load_newest(path / "checkpoints")[1]["step"] == 6
    assert not (path / ".lock").exists()


def test_a_model_file_of_before_has_no_scores(tmp_path):
    path = stopped(tmp_path)
    file = modelfile.load(path / "model.safetensors")
    modelfile.save(path / "model.safetensors", file.tensors, file.task, file.config, file.assets)
    assert modelfile.load(path / "model.safetensors").scores == {}
    summary, notes = again(path)
    assert (summary.steps, notes) == (12, ["resuming at step 7 of 12"])


def test_tensorboard_is_looked_for_before_a_file_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(ArgumentError), RunFolder.new(tmp_path / "run") as folder:
        MetricsFile(folder.metrics, tensorboard=True)
    assert not (tmp_path / "run").exists()
    with RunFolder.new(tmp_path / "run") as folder:
        folder.metrics.touch()  # as one that was killed
    assert not (tmp_path / "run").exists()
