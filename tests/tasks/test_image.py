"""The task image: trained on small pictures, resumed exactly, asked, explained, and started from."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import unrolled
from unrolled.analysis.picture_saliency import covered, gradient_by_input, top_share
from unrolled.cli import main
from unrolled.errors import ArgumentError, DataError
from unrolled.tasks import registry
from unrolled.tasks.image.explanation import drawing
from unrolled.training import checkpoint
from unrolled.training.config import update

SMALL = {"maps": (6, 8), "depth": 1, "batch_size": 8, "precision": "float32"}


def stripes(count=40, size=12):
    """Pictures with stripes across or along, anywhere, in noise."""
    random = np.random.default_rng(0)
    rows = []
    for n in range(count):
        picture = random.integers(0, 60, (size, size, 3))
        at = random.integers(0, 3)
        (picture if n % 2 else picture.swapaxes(0, 1))[at::3] += 150
        rows.append((picture.astype(np.uint8), ("along", "across")[n % 2]))
    return rows


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("stripes")
    for n, (pixels, label) in enumerate(stripes(60)):
        (root / label).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / label / f"{n}.png")
    return root


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    unrolled.train("image", data=data, run=folder, steps=60, lr=0.02, **SMALL)
    return folder


def test_it_learns_and_decides_by_the_data(run):
    model = unrolled.load(run)
    report = model.evaluate()
    assert report["accuracy"] == 1.0
    assert report["pictures"] == 6
    config = model.config
    assert (config.data.size, config.data.channels) == (12, 3)
    assert (config.augmentation.shift, config.augmentation.flip, config.augmentation.cutout) == (1, True, 3)
    assert "12 × 12 pixels, RGB" in str(model)


def test_resumed_training_is_exact(data, tmp_path):
    options = {**SMALL, "steps": 4, "eval_every": 2, "checkpoint_seconds": 1e-9}
    whole = tmp_path / "whole"
    unrolled.train("image", data=data, run=whole, **options)
    part = shutil.copytree(whole, tmp_path / "part")
    shutil.rmtree(part / "checkpoints" / "step-4")
    (part / "checkpoints" / "latest").write_text("step-3")
    unrolled.resume(part)
    first, second = (checkpoint.load(run / "checkpoints" / "step-4")[0] for run in (whole, part))
    assert first.keys() == second.keys()
    assert any("running_mean" in name and name.startswith("average.") for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["average.features.blocks.0.norms.0.running_mean"], torch.zeros(6))


def test_predictions_alone_and_together(run, data):
    model = unrolled.load(run)
    files = [str(path) for path in sorted(data.rglob("*.png"))[:20]]
    together = model.predict(files)
    assert [p.answer for p in together] == [p.split("/")[-2] for p in files]
    for file, prediction in zip(files, together, strict=True):
        [alone] = model.predict([file])
        assert alone.probabilities == pytest.approx(prediction.probabilities, abs=1e-6)
    opened = Image.open(files[0])
    [by_image, by_array, by_floats] = model.predict([opened, np.asarray(opened), np.asarray(opened) / 255])
    for other in (by_image, by_array, by_floats):
        assert other.probabilities == pytest.approx(together[0].probabilities, abs=1e-6)


def test_explanation(run, data):
    model = unrolled.load(run)
    file = sorted(data.rglob("*.png"))[0]
    [prediction] = model.predict([file], explain=True)
    assert prediction.parts[0].png.startswith(b"\x89PNG")
    x = model.model.normalised(torch.from_numpy(model.read(file).copy())[None])[0]
    best = model.classes.index(prediction.answer)

    def score(pictures):
        return model.model.answer(pictures).log_softmax(1)[:, best]

    with torch.no_grad():
        found = gradient_by_input(score, x)
        marked = score(covered(x, top_share(found))[None])
        least = score(covered(x, top_share(-found))[None])
    assert marked < least


def test_command_line(run, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = str(sorted(data.rglob("*.png"))[0])
    label = file.split("/")[-2]
    assert main(["predict", str(run), file, "--json", "--top-k", "1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["text"], answer["answer"], list(answer["probabilities"])) == (file, label, [label])
    assert main(["predict", str(run), file, "--explain", "--out", "out", "--html", "page.html"]) == 0
    assert (tmp_path / "out" / "0001-explained.png").exists()
    assert "data:image/png" in (tmp_path / "page.html").read_text()
    (tmp_path / "bad.jpg").write_text("text")
    capsys.readouterr()
    assert main(["predict", str(run), file, "bad.jpg"]) == 2
    captured = capsys.readouterr()
    assert file in captured.out
    remedy = "remove it, or save it as PNG or JPEG; --damaged skip omits it"
    assert captured.err == f"error: bad.jpg is not a picture but a text file; {remedy}\n"
    assert main(["predict", str(run), "bad.jpg", file, "--damaged", "skip"]) == 0
    assert capsys.readouterr().out.endswith(f"{file}\n1 image skipped, not readable: bad.jpg\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["predict", str(run), "-"]) == 2
    assert capsys.readouterr().err == "error: standard input is empty; give images or folders after RUN\n"
    example = run / "example.png"
    assert Image.open(example).size == (12, 12)
    assert main(["evaluate", str(run), "--data", str(data), "--out", "report", "--errors-out", "wrong.csv"]) == 0
    assert json.loads((tmp_path / "report" / "report.json").read_text())["pictures"] == 60
    assert main(["inspect", str(run), file, "--limit", "20", "--units", "2", "--out", "seen", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert seen["layers"][0] == "block 1 convolution 1"
    assert {"filters", "explained-1", "maps-1-block-2-pooling", "patches-block-2-convolution-1"} <= {*seen["pictures"]}
    page = (tmp_path / "seen" / "inspection.html").read_text()
    assert page.count("data:image/png") == len(seen["pictures"])
    assert main(["lab", "convolution", "--run", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["weights"] == 3 * 3 * 3 * 6


def test_from_another_run(run, data, tmp_path):
    other = unrolled.train(
        "image",
        data=stripes(24),
        from_run=run,
        run=tmp_path / "b",
        steps=2,
        freeze=("block 1", "block 2"),
        batch_size=8,
    )
    before, after = unrolled.load(run).model, other.model
    for (name, a), b in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
        assert torch.equal(a, b) == (not name.startswith("head.")), name
    rows = [(pixels, label + "!") for pixels, label in stripes(24)]
    with pytest.raises(ArgumentError, match="head must be new if the classes differ"):
        unrolled.train("image", data=rows, from_run=run, run=tmp_path / "c", steps=2)
    new = unrolled.train("image", data=rows, from_run=run, head="new", run=tmp_path / "d", steps=2, freeze=("block 1",))
    assert new.classes == ["across!", "along!"]


def _table(folder, row):
    (folder / "table.csv").write_text(f"path,label\n{row}\n")
    return folder / "table.csv"


def test_wrong_data(run, tmp_path):
    for n, (pixels, label) in enumerate(stripes(30)):
        (tmp_path / label).mkdir(exist_ok=True)
        dark = (pixels > 128).astype(np.uint8)
        dark[0, n // 3, n % 3] ^= 1  # all differ
        Image.fromarray(dark).save(tmp_path / label / f"{n}.png")
    task = registry.task_class("image")
    notes = task(update(task.Config(), data=str(tmp_path))).check()
    assert any("floats in 0..1 were probably saved" in note for note in notes)
    with pytest.raises(DataError, match=r"'no\.png'.*do not exist|do not exist: 'no\.png'"):
        unrolled.load(run).evaluate(_table(tmp_path, "no.png,along"))
    with pytest.raises(DataError, match=r"'other' .* is none of the model's classes"):
        unrolled.load(run).evaluate(_table(tmp_path, "along/0.png,other"))
    with pytest.raises(ArgumentError, match=r"data\[0\] \(picture\)"):
        unrolled.train("image", data=[(np.zeros((3, 3, 7)), "a")], run=tmp_path / "x", steps=1)
    with pytest.raises(ArgumentError, match="maps must be at most 3 blocks"):
        unrolled.train("image", data=stripes(24), maps=(2, 2, 2, 2), run=tmp_path / "y", steps=1)


def test_a_table_of_pictures_is_for_this_task_and_skipped_pictures_are_named(data, tmp_path, capsys):
    files = sorted(data.rglob("*.png"))
    rows = ["path,label", *(f"{file},{file.parent.name}" for file in files), "one.png,across", "two.png,across"]
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(b"")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows) + "\n")
    assert registry.task_class("image").likely(table)
    assert main(["data", str(table), "--task", "image", "--damaged", "skip"]) == 0
    shown = capsys.readouterr()
    assert "2 pictures skipped: one.png, two.png; the first: " in shown.err
    assert "training: labels.csv: columns separated by commas" in shown.out
    assert "alphabet" not in shown.out
    table.write_text("path,label\nnothing.png,a\n")
    assert not registry.task_class("image").likely(table)


def test_nothing_is_coloured_where_no_part_of_the_picture_matters():
    pixels = np.full((12, 12, 3), 90, np.uint8)
    weak, strong = np.zeros((2, 12, 12))
    weak[3, 3], strong[3, 3] = 9e-5, 1.0
    png = drawing(pixels, "a", ("a", "b"), [("weak", weak), ("strong", strong)])
    shown = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)
    coloured = (shown.max(2) - shown.min(2) > 30).any(0)
    width = shown.shape[1] // 3
    assert not coloured[: 2 * width].any()
    assert coloured[2 * width :].any()
