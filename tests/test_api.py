"""The public names: all there, all documented, and loaded only when they are used."""

import inspect
import os
import subprocess
import sys
import types

import pytest

import unrolled
from unrolled.errors import ArgumentError, RunError


@pytest.mark.parametrize("name", unrolled.__all__)
def test_every_public_name_exists_and_is_documented(name):
    value = getattr(unrolled, name)
    assert inspect.getdoc(value)
    assert value is getattr(unrolled, name)
    if isinstance(value, types.ModuleType):
        assert value.__name__ == f"unrolled.{name}"
        for inner in getattr(value, "__all__", ()):
            found = getattr(value, inner)
            if inspect.isclass(found) or inspect.isfunction(found):
                assert inspect.getdoc(found), f"unrolled.{name}.{inner} has no docstring"


def test_the_list_is_sorted_and_complete():
    assert unrolled.__all__ == sorted(unrolled.__all__)
    assert set(unrolled.__all__) == set(unrolled._MODULE_OF) | set(unrolled._MODULES)
    assert dir(unrolled) == unrolled.__all__
    with pytest.raises(AttributeError, match="module 'unrolled' has no attribute 'trian'"):
        _ = unrolled.trian


@pytest.mark.parametrize("first", ["unrolled.scan"])
def test_the_function_scan_wins_over_its_module(first):
    assert run(f"import {first}; print(unrolled.scan.__name__, unrolled.scan is unrolled.scan)") == ["scan", "True"]


def test_a_folder_that_has_the_name_of_another_tasks_data_is_a_path(tmp_path, monkeypatch):
    """``copy`` is a problem of the task memory; to a language model it is a folder, from wherever it goes on."""
    (tmp_path / "here" / "copy").mkdir(parents=True)
    (tmp_path / "here" / "copy" / "a.txt").write_text("the cat sat on the mat. " * 40)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run = tmp_path / "run"
    tiny = {"hidden_size": 4, "num_layers": 1, "batch_size": 2, "bptt": 8, "steps": 2}
    model = unrolled.train("lm", data="copy", run=run, **tiny)
    assert model.config.data.data == str(tmp_path / "here" / "copy")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert unrolled.resume(run, steps=3).steps == 3


def test_importing_unrolled_does_not_import_torch():
    code = "import unrolled.data, unrolled.errors; print('torch' in sys.modules, unrolled.__version__)"
    assert run(code) == ["False", unrolled.__version__]


def run(code):
    """The words that a fresh Python prints."""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys, unrolled; " + code], capture_output=True, text=True, env=paths, check=True
    )
    return done.stdout.split()


def test_no_file_decides_which_code_is_imported(tmp_path, monkeypatch):
    """A model file, a run and a recipe may come from anyone: naming a module must not run it."""
    from unrolled.training import modelfile

    (tmp_path / "marker.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    run = tmp_path / "run"
    unrolled.train("lm", data="text:" + "hello " * 50, hidden_size=4, bptt=4, batch_size=2, steps=1, run=run)
    file = modelfile.load(run / "model.safetensors")
    config = file.config.replace('cell = "lstm"', 'cell = "marker:Cell"').replace("forget_bias = 1.0\n", "")
    assert "marker:Cell" in config
    hostile = tmp_path / "hostile.safetensors"
    modelfile.save(hostile, file.tensors, file.task, config, file.assets)
    (run / "config.toml").write_text(config)
    for attempt in (lambda: unrolled.load(hostile), lambda: unrolled.resume(run)):
        with pytest.raises(RunError, match="code outside unrolled; if you trust that code, name it too"):
            attempt()
    with pytest.raises(RunError, match="uses the cell marker:Cell, not other:Cell; pass --cell marker:Cell"):
        unrolled.load(hostile, cell="other:Cell")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ArgumentError, match="has no class Cell"):
        unrolled.load(hostile, cell="marker:Cell")
    assert (tmp_path / "ran").exists()
