"""Checkpoints: whole or not at all, the newest that verifies, two kept, nothing lost when a write fails."""

import errno
import os
import shutil

import pytest
import torch

from unrolled.errors import RunError, SaveError
from unrolled.training import checkpoint, files

FILES = ("tensors.safetensors", "state.json", "manifest.json")


def put(folder, step):
    tensors = {
        "w": torch.full((3, 4), float(step)),
        "step": torch.tensor(step),
        "h": torch.ones(2, dtype=torch.bfloat16),
    }
    checkpoint.save(folder, step, tensors, {"step": step, "loss": 0.1 + step})


def newest(folder):
    found = checkpoint.load_newest(folder)
    if found is None:
        return None
    tensors, state = found
    assert tensors["w"].tolist() == [[float(state["step"])] * 4] * 3
    assert tensors["h"].dtype == torch.bfloat16
    assert state["loss"] == 0.1 + state["step"]  # to the last bit
    return state["step"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def alter(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def delete(path):
    path.unlink()


def test_there_and_back(tmp_path):
    assert newest(tmp_path / "none") is None
    assert newest(tmp_path) is None
    put(tmp_path / "deep" / "down", 7)
    assert newest(tmp_path / "deep" / "down") == 7


def test_two_are_kept_in_the_order_of_steps(tmp_path):
    for step in (0, 9, 10, 100):
        put(tmp_path, step)
    assert names(tmp_path) == ["latest", "step-10", "step-100"]
    assert (tmp_path / "latest").read_text() == "step-100"
    assert newest(tmp_path) == 100


@pytest.mark.parametrize("damage", [truncate, empty, alter, delete])
@pytest.mark.parametrize("name", FILES)
def test_when_the_newest_is_damaged_the_older_is_used(tmp_path, name, damage):
    put(tmp_path, 1)
    put(tmp_path, 2)
    damage(tmp_path / "step-2" / name)
    assert newest(tmp_path) == 1
    damage(tmp_path / "step-1" / name)
    with pytest.raises(
        RunError, match=r"every checkpoint in .* is damaged; restore one from a backup or train a new run"
    ):
        newest(tmp_path)


def test_a_manifest_of_another_kind_is_damage(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    for nonsense in ("[]", "3", '{"state.json": 1}'):
        (tmp_path / "step-2" / "manifest.json").write_text(nonsense)
        assert newest(tmp_path) == 1


def test_a_run_that_went_back_does_not_keep_the_damaged_one(tmp_path):
    put(tmp_path, 10)
    put(tmp_path, 20)
    alter(tmp_path / "step-20" / "tensors.safetensors")
    put(tmp_path, 15)  # resumed at 10
    assert names(tmp_path) == ["latest", "step-10", "step-15"]
    assert newest(tmp_path) == 15


def test_leftovers_of_a_killed_save_are_ignored_and_cleared_away(tmp_path):
    put(tmp_path, 1)
    shutil.copytree(tmp_path / "step-1", tmp_path / ".step-5.part")
    (tmp_path / ".step-5.part" / "state.json").unlink()
    (tmp_path / "step-x").mkdir()
    assert newest(tmp_path) == 1
    put(tmp_path, 6)
    assert names(tmp_path) == ["latest", "step-1", "step-6", "step-x"]


def test_the_same_step_again_replaces_it(tmp_path):
    put(tmp_path, 3)
    alter(tmp_path / "step-3" / "state.json")
    put(tmp_path, 3)
    assert newest(tmp_path) == 3


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_full_disk_leaves_the_old_ones(tmp_path, monkeypatch, at):
    put(tmp_path, 1)
    put(tmp_path, 2)
    written = 0

    def full(path, data):
        nonlocal written
        written += 1
        if written == at:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        files.write_synced(path, data)

    monkeypatch.setattr(checkpoint, "write_synced", full)
    with pytest.raises(SaveError, match=r"step-3: No space left on device; earlier files are intact\. Free some space"):
        put(tmp_path, 3)
    assert names(tmp_path) == ["latest", "step-1", "step-2"]
    assert newest(tmp_path) == 2
    put(tmp_path, 3)  # there is room again
    assert newest(tmp_path) == 3


def test_a_kill_between_any_two_system_calls_leaves_a_checkpoint(tmp_path, monkeypatch):
    """Stop the save at its n-th call, for every n, as a kill would; what stands then must verify."""

    class Killed(BaseException):
        pass

    seen = set()
    for at in range(1, 40):
        folder = tmp_path / str(at)
        put(folder, 1)
        put(folder, 2)
        calls = 0

        def step(real, *args, limit=at, **kwargs):
            nonlocal calls
            calls += 1
            if calls == limit:
                raise Killed
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            for name in ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "open"):
                real = getattr(os, name)
                patch.setattr(os, name, lambda *a, real=real, **k: step(real, *a, **k))
            try:
                put(folder, 3)
                finished = True
            except Killed:
                finished = False
        found = newest(folder)
        assert found in (2, 3)
        seen.add(found)
        if finished:
            assert found == 3
            break
    assert finished
    assert seen == {2, 3}


def test_writing_a_file_atomically(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match=r"cannot write .*file: No space left on device"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
    monkeypatch.undo()
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(SaveError, match="No such file"):
        files.write_atomically(tmp_path / "missing" / "file", b"")
