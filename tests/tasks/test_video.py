"""The task video: a class per clip and a label per frame, whole and step by step, beside the best single frame."""

import io
import itertools
import json
import shutil
import sys

import numpy as np
import pytest
import torch

import unrolled
from unrolled.cli import main
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.tasks import registry
from unrolled.training import checkpoint
from unrolled.training.config import update
from unrolled.training.log import Silent

SMALL = {
    "maps": (4, 6), "encoder_size": 12, "hidden_size": 12, "batch_size": 8, "precision": "float32", "shift": 0,
    "bidirectional": False,
}  # fmt: skip


def moving(random, way, frames):
    """A dot that goes up or down, beginning anywhere: no single frame says which way."""
    rows = (random.integers(0, 12) + way * np.arange(frames)) % 12
    clip = random.integers(0, 60, (frames, 12, 10))
    column = random.integers(0, 9)
    for t, row in enumerate(rows):
        clip[t, row, column : column + 2] = 250
    return clip.astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for n in range(60):
        (root / ("up", "down")[n % 2]).mkdir(exist_ok=True)
        np.save(root / ("up", "down")[n % 2] / f"{n}.npy", moving(random, n % 2 * 2 - 1, 4 + n % 7))
    return root


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "dots"
    unrolled.train("video", data=data, run=folder, steps=100, lr=0.02, **SMALL)
    return folder


@pytest.fixture(scope="module")
def framed(tmp_path_factory):
    """Clips that are dark, then light, then dark again, with a table of the light stretches."""
    root, random, rows = (
        tmp_path_factory.mktemp("framed"),
        np.random.default_rng(1),
        ["path,start_frame,end_frame,label"],
    )
    for n in range(30):
        begin, end = 3 + n % 4, 8 + n % 5
        clip = random.integers(0, 60, (15, 8, 8))
        clip[begin:end] += 120
        np.save(root / f"{n}.npy", clip.astype(np.uint8))
        rows.append(f"{n}.npy,{begin},{end},light")
    (root / "labels.csv").write_text("\n".join(rows))
    folder = tmp_path_factory.mktemp("runs") / "framed"
    unrolled.train("video", data=root, labels="frame", run=folder, steps=40, lr=0.02, **SMALL)
    return folder


def test_motion_is_learned_and_a_single_frame_does_not_tell(run):
    model = unrolled.load(run)
    report = model.evaluate(split="train")
    assert report["accuracy"] >= 0.95
    assert report["single_frame"] <= 0.75
    assert report["majority"] == pytest.approx(0.5, abs=0.05)
    assert "best single frame" in str(report)
    assert (model.config.data.size, model.config.data.channels) == ((12, 10), 1)


def test_logits_in_batches_alone_and_frame_by_frame(run):
    model = unrolled.load(run)
    clips, _ = model.find(None, "train")
    answers = model.answers(clips)
    for number in range(4):
        alone = model.answers(clips.pick([number]))[0]
        assert np.allclose(alone.probabilities, answers[number].probabilities, atol=1e-6)
        state = None
        for frame in clips[number]:
            shares, state = model.step(frame, state)
        assert list(shares.values()) == pytest.approx(answers[number].probabilities.tolist(), abs=1e-6)
        [said] = model.predict([np.array(clips[number])])
        assert list(said.probabilities.values()) == pytest.approx(list(shares.values()), abs=1e-6)


def test_a_prediction_is_drawn_over_time(run, data):
    [said] = unrolled.load(run).predict([data / "up" / "0.npy"])
    assert said.answer in ("up", "down")
    assert said.more["frames"] == 4
    assert said.parts[0].png.startswith(b"\x89PNG")


def pipe(monkeypatch, frames):
    class Standard:
        buffer = io.BytesIO(np.ascontiguousarray(frames).tobytes())

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdin", Standard())


def test_frames_from_a_pipe(run, data, monkeypatch, capsys):
    frames = np.load(data / "down" / "5.npy")
    [whole] = unrolled.load(run).predict([frames])
    pipe(monkeypatch, frames)
    assert main(["predict", str(run), "-", "--raw", "12", "10", "1", "--json"]) == 0
    *_, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert last["last"] is True
    assert last["frame"] == len(frames)
    assert last["probabilities"] == pytest.approx(whole.probabilities, abs=1e-6)
    pipe(monkeypatch, frames.ravel()[:-7])
    assert main(["predict", str(run), "-", "--raw", "12", "10", "1"]) == 2
    assert "ends within frame" in capsys.readouterr().err


def test_labels_of_frames(framed, monkeypatch, capsys):
    model = unrolled.load(framed)
    report = model.evaluate()
    assert report["accuracy"] >= 0.9
    assert report["f1_50"] >= 0.9
    assert report["edit"] >= 90
    assert report["intervals"].keys() <= {"accuracy", "edit", "f1_10", "f1_25", "f1_50"}
    clip = np.full((9, 8, 8), 30, np.uint8)
    clip[4:] = 150
    [said] = model.predict([clip])
    assert [(part["begin"], part["end"], part["label"]) for part in said.more["segments"]] == [
        (0, 4, "background"), (4, 9, "light"),
    ]  # fmt: skip
    assert said.parts[0].png.startswith(b"\x89PNG")
    pipe(monkeypatch, clip)
    assert main(["predict", str(framed), "-", "--raw", "8", "8", "1"]) == 0
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
        ["frame", "1", "background"], ["frame", "5", "light"],
    ]  # fmt: skip


def test_a_resumed_run_sees_the_same_frames(data, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = {"data": data, "most_frames": 5, "eval_every": 10, **SMALL | {"shift": 2}}
    unrolled.train("video", run=whole, steps=6, **options)
    unrolled.train("video", run=parts, steps=3, **options)
    shutil.copytree(parts, tmp_path / "again")
    task = registry.task_class("video")(update(unrolled.load(parts).config, data=str(data)))
    task.prepare()
    first, again = task.batch(5), task.batch(5)
    assert torch.equal(first.frames, again.frames)
    assert first.lengths.max() == 5
    assert first.frames.shape[0] == first.lengths.sum()
    assert not torch.equal(task.batch(6).singles, first.singles)
    assert checkpoint.load(parts / "checkpoints" / "step-3")[1]["step"] == 3


def test_it_starts_from_another_run(run, data, tmp_path):
    other = tmp_path / "other"
    for n, (way, file) in enumerate(itertools.product(("up", "down"), range(0, 20, 2))):
        (other / f"class {n % 3}").mkdir(parents=True, exist_ok=True)
        shutil.copy(data / way / f"{file + (way == 'down')}.npy", other / f"class {n % 3}" / f"{n}.npy")
    options = {name: SMALL[name] for name in ("batch_size", "precision", "shift")}
    unrolled.train("video", data=other, run=tmp_path / "run", steps=1, from_run=run, head="new", lr=1e-9, **options)
    old, new = unrolled.load(run).model, unrolled.load(tmp_path / "run").model
    torch.testing.assert_close(new.stack.state_dict(), old.stack.state_dict())
    assert new.head.out_features == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "actions"}, "labels must be frame with data='actions'"),
        ({"labels": "frame", "only": ("a",)}, "only must be omitted with --labels frame"),
        ({"labels": "frame", "pooling": "max"}, "pooling must be omitted with --labels frame"),
        ({"size": (4,)}, "size must be one or two numbers from 8 to 1024"),
        ({"maps": (2,) * 6}, "at most 5 blocks"),
        ({"rate": 0.0}, "rate must be frames per second"),
    ],
)
def test_options_are_checked_before_training(options, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        unrolled.train("video", run=tmp_path / "run", steps=1, **options)


def test_a_bidirectional_model_needs_the_whole_clip():
    model = unrolled.load("tests/fixtures/trained/video")
    with pytest.raises(RunError, match="cannot answer step by step: it reads a clip in both directions"):
        model.step(np.zeros((40, 40), np.uint8))


def test_one_rule_for_the_values_of_all_frames(run, data):
    model = unrolled.load(run)
    frames = np.load(data / "down" / "5.npy").astype(np.float64)
    frames[0] = frames[0] > 0  # by itself, a frame of floats in 0..1
    [floats], [whole] = model.predict([frames]), model.predict([frames.astype(np.uint8)])
    assert floats.probabilities == whole.probabilities
    with pytest.raises(DataError, match="the frame has values of type float64; give uint8"):
        model.step(frames[0])


def test_clips_that_are_none(run):
    model = unrolled.load(run)
    for given, message in (
        ([np.zeros((0, 4, 4), np.uint8)], "no frames"),
        ([7], "not a clip"),
        ([np.full((2, 4, 4), -1)], "clip 1"),
        ([[np.zeros((4, 4)), np.zeros((5, 4))]], "several shapes"),
    ):
        with pytest.raises(DataError, match=message):
            model.predict(given)


def test_clips_may_be_given_in_python(tmp_path):
    random = np.random.default_rng(2)
    rows = [(moving(random, n % 2 * 2 - 1, 5), ("up", "down")[n % 2]) for n in range(30)]
    options = {"reporter": Silent(), "steps": 1, **SMALL}
    model = unrolled.train("video", data=rows[:24], test=rows[24:], run=tmp_path / "clips", **options)
    assert (model.classes, model.evaluate()["clips"]) == (["down", "up"], 6)
    assert np.array_equal(np.load(tmp_path / "clips" / "data" / "data" / "000003.npy"), rows[3][0])
    framed = [(clip, ["a"] * (1 + n % 3) + ["b"] * (4 - n % 3)) for n, (clip, _) in enumerate(rows)]
    model = unrolled.train("video", data=framed, labels="frame", run=tmp_path / "frames", **options)
    clips, _ = model.find(None, "train")
    starts = sorted({tuple(track) for track in clips.tracks})
    assert starts == [tuple("abbbb"), tuple("aabbb"), tuple("aaabb")][::-1]
    drawn = next((tmp_path / "frames" / "previews").glob("*labels-1.png"))
    assert drawn.stat().st_size > 1000
    for data, message in (
        ([(np.zeros((5, 3)), "a")], r"data\[0\] \(clip\) must be a path or an array"),
        ([(rows[0][0], ["a", "b"])], r"data\[0\] \(label\) must be 5 labels, one for each frame, got 2"),
        ([rows[0], (rows[1][0], ["a"] * 5)], r"data\[1\] \(label\) must be like those before"),
        ([(rows[0][0], None)], r"data\[0\] \(label\) must be text"),
        ([("a.mp4", ["a"])], r"data\[0\] \(label\) must be one label; labels of frames need an array"),
        ([], "data must be a list with at least one row"),
    ):
        with pytest.raises(ArgumentError, match=message):
            unrolled.train("video", data=data, run=tmp_path / "wrong", **options)
