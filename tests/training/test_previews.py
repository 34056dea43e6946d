"""Previews that are not only text: their files lie beside the text, and the reporter is told where."""

import io

import pytest
import torch
from PIL import Image
from test_fit import Listener
from test_loop import Notebook, Toy, config

from unrolled.errors import SaveError
from unrolled.results import Picture, Text
from unrolled.training import checkpoint, folder, loop
from unrolled.training.folder import RunFolder


def picture(grey, name="picture"):
    """A picture of one grey."""

    def draw():
        stream = io.BytesIO()
        Image.new("L", (3, 2), grey).save(stream, "PNG")
        return stream.getvalue()

    return Picture(name, draw, f"a picture of grey {grey}")


class Painter(Toy):
    """The toy, whose preview is a picture that is as light as steps are done, and a text."""

    def preview(self, model):
        grey = round(-4 * float(model.w.detach()))
        return [picture(grey), Text(f"grey is {grey}")]


class Gallery(Notebook):
    """A notebook that keeps previews."""

    def __init__(self):
        super().__init__()
        self.previews = {}

    def preview(self, step, text):
        self.previews[step] = text


def paint(path, task, *, resume=False):
    gallery = Gallery()
    loop.train(task, RunFolder.open(path) if resume else RunFolder.create(path), gallery, resume=resume)
    return gallery.previews


def tree(path):
    return {file.name: file.read_bytes() for file in (path / "previews").iterdir()}


def options(**more):
    return config(steps=6, eval_every=3, checkpoint_seconds=1e-9, **more)


def test_pictures_and_text_of_a_training(tmp_path):
    told = paint(tmp_path / "run", Painter(options()))
    previews = tmp_path / "run" / "previews"
    for step in (0, 3, 6):
        path = previews / f"step-{step:07d}-picture.png"
        assert Image.open(path).getpixel((2, 1)) == step
        text = (previews / f"step-{step:07d}.txt").read_text()
        assert text == f"a picture of grey {step}: {path.name}\ngrey is {step}"
        assert told[step] == text.replace(path.name, str(path))
    assert len(list(previews.iterdir())) == 6


def test_a_run_that_goes_on_has_the_same_previews(tmp_path):
    paint(tmp_path / "whole", Painter(options()))

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(tmp_path / "run", Painter(options(), at={4: stop}))
    told = paint(tmp_path / "run", Painter(options()), resume=True)
    assert list(told) == [6]
    assert tree(tmp_path / "run") == tree(tmp_path / "whole")


def test_a_full_disk_while_a_picture_is_written(tmp_path, monkeypatch):
    real = folder.write_atomically

    def full(path, data):
        if path.name == "step-0000003-picture.png":
            raise SaveError("cannot write: No space left on device")
        real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_atomically", full)
        with pytest.raises(SaveError, match="No space left"):
            paint(tmp_path / "run", Painter(options()))
    assert checkpoint.load_newest(tmp_path / "run" / "checkpoints")[1]["step"] == 2
    assert sorted(tree(tmp_path / "run")) == ["step-0000000-picture.png", "step-0000000.txt"]
    assert list(paint(tmp_path / "run", Painter(options()), resume=True)) == [3, 6]
    assert len(tree(tmp_path / "run")) == 6


def test_a_model_made_at_once(tmp_path):
    class Fitted(Painter):
        def fit(self):
            return self.build_model

        def build_model(self):
            torch.manual_seed(0)
            return super().build_model()

    listener = Listener()
    loop.train(Fitted(config()), RunFolder.create(tmp_path / "run"), listener)
    path = tmp_path / "run" / "previews" / "step-0000001-picture.png"
    assert ("preview", 1, f"a picture of grey 0: {path}\ngrey is 0") in listener.told
    assert Image.open(path).size == (3, 2)


def test_names_are_told_apart_and_stay_in_the_folder(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    names = ["a", "a", "../b/c", "a", "a-2", ".."]
    told = run.write_preview(7, [picture(n, name) for n, name in enumerate(names)])
    expected = ["a.png", "a-2.png", "..-b-c.png", "a-3.png", "a-2-2.png", "...png"]
    paths = [run.previews / f"step-0000007-{name}" for name in expected]
    assert told.split("\n") == [f"a picture of grey {n}: {path}" for n, path in enumerate(paths)]
    found = {path.name.removeprefix("step-0000007-"): path for path in run.previews.glob("step-0000007-*")}
    assert {name: Image.open(path).getpixel((0, 0)) for name, path in found.items()} == {
        name: n for n, name in enumerate(expected)
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_parts_without_files_are_text(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    assert run.write_preview(7, [Text("a"), Text("b\nc")]) == "a\nb\nc"
    assert run.write_preview(8, []) == ""
    assert run.write_preview(9, "héllo") == "héllo"
    assert tree(run.path) == {
        "step-0000007.txt": b"a\nb\nc",
        "step-0000008.txt": b"",
        "step-0000009.txt": "héllo".encode(),
    }
