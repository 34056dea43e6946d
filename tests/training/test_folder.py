"""A run's folder: made, opened, refused."""

import os

import pytest

from unrolled.errors import RunError, SaveError
from unrolled.training.folder import RunFolder, new_path, runs_folder


def test_making_and_opening(tmp_path):
    folder = RunFolder.create(tmp_path / "runs" / "a")
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoints", "previews"]
    folder.write_config('task = "lm"\n')
    folder.write_preview(7, "héllo")
    assert (folder.path / "previews" / "step-0000007.txt").read_text(encoding="utf-8") == "héllo"
    assert RunFolder.open(folder.path) == folder


def test_a_run_is_not_overwritten(tmp_path):
    RunFolder.create(tmp_path / "a").write_config("")
    with pytest.raises(RunError, match=r"a already holds a run; continue it with: unrolled resume .*a, or use another"):
        RunFolder.create(tmp_path / "a")


def test_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is not a folder; list your runs with: unrolled runs"):
        RunFolder.open(tmp_path / "missing")
    with pytest.raises(RunError, match=r"is not a run: it has no config\.toml; list your runs"):
        RunFolder.open(tmp_path)
    (tmp_path / "fold-0").mkdir()
    (tmp_path / "fold-0" / "config.toml").write_text("")
    with pytest.raises(RunError, match=r"is a cross-validation, .*, such as .*fold-0, or train the final model"):
        RunFolder.open(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match=r"cannot create a run in .*file"):
        RunFolder.create(tmp_path / "file")
    with pytest.raises(SaveError, match="Not a directory"):
        RunFolder.create(tmp_path / "file" / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SaveError, match="Permission denied"):
        RunFolder.create(tmp_path / "run")


def test_what_never_began_leaves_nothing(tmp_path):
    folder = RunFolder.create(tmp_path / "a")
    folder.discard_unused()
    assert not folder.path.exists()
    folder = RunFolder.create(tmp_path / "b")
    (folder.path / "mine.txt").write_text("")
    folder.discard_unused()
    assert (folder.path / "mine.txt").exists()
    folder = RunFolder.create(tmp_path / "c")
    folder.write_config("")
    folder.discard_unused()
    assert folder.checkpoints.is_dir()


def test_names_of_new_runs(tmp_path, monkeypatch):
    assert new_path(tmp_path, "lm-x") == tmp_path / "lm-x-1"
    (tmp_path / "lm-x-1").mkdir()
    (tmp_path / "lm-x-3").mkdir()
    assert new_path(tmp_path, "lm-x") == tmp_path / "lm-x-2"
    monkeypatch.setenv("UNROLLED_RUNS", str(tmp_path))
    assert runs_folder() == tmp_path
