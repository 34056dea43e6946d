"""The task frames: the measures, training, resuming, evaluation, prediction, and what is refused."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import unrolled
from unrolled.cli import main
from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.frames.config import FramesConfig, Network
from unrolled.tasks.frames.drawing import Shown, animation, strips
from unrolled.tasks.frames.measures import measured, ssim
from unrolled.tasks.frames.model import FramePredictor, frame_loss
from unrolled.tasks.frames.task import FramePrediction
from unrolled.training.config import update

TINY = {"maps": (4, 4), "patch": 2, "context": 3, "horizon": 2, "batch_size": 4, "seed": 1}
FLAGS = ["--maps", "4", "4", "--patch", "2", "--context", "3", "--horizon", "2", "--batch-size", "4"]


def clips(count=24, frames=6, side=8):
    """A bright square that moves to the right by one pixel in each frame, ``(N, T, H, W)``."""
    found = np.zeros((count, frames, side, side), np.uint8)
    for n in range(count):
        for t in range(frames):
            found[n, t, n % 5 : n % 5 + 3, (n + t) % side] = 200 + n
    return found


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "clips.npy", clips())
    return tmp_path / "clips.npy"


def of_scikit_image(x, y, window=7):
    """The mean structural similarity of two grey pictures, window by window, as scikit-image defines it by default."""
    found = []
    for row in range(len(x) - window + 1):
        for column in range(len(x[0]) - window + 1):
            a, b = (v[row : row + window, column : column + window].ravel() for v in (x, y))
            covariance = np.cov(a, b)  # of the sample
            c1, c2 = 0.01**2, 0.03**2
            top = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
            found.append(top / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)))
    return np.mean(found)


def test_measures():
    generator = np.random.default_rng(0)
    y, p = generator.random((2, 3, 9, 10, 3)), generator.random((2, 3, 9, 10, 3))
    found = measured(torch.from_numpy(y), torch.from_numpy(p))
    np.testing.assert_allclose(found["mse"], ((y - p) ** 2).sum((2, 3, 4)))
    np.testing.assert_allclose(found["mae"], abs(y - p).sum((2, 3, 4)))
    np.testing.assert_allclose(found["nats"], -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum((2, 3, 4)))
    np.testing.assert_allclose(found["psnr"], 10 * np.log10(1 / ((y - p) ** 2).mean((2, 3, 4))))
    similar = [[np.mean([of_scikit_image(y[n, t, ..., c], p[n, t, ..., c]) for c in range(3)]) for t in range(3)]
               for n in range(2)]  # fmt: skip
    np.testing.assert_allclose(found["ssim"], similar)
    same = torch.from_numpy(y)
    assert ssim(same, same).tolist() == pytest.approx(np.ones((2, 3)))
    assert measured(same, same)["psnr"].eq(100).all()


def test_the_loss_is_a_sum_over_pixels_in_mean_over_frames():
    z, y = torch.randn(2, 3, 4, 5, 1), torch.rand(2, 3, 4, 5, 1)
    p = torch.sigmoid(z)
    nats = measured(y, p)["nats"].mean()
    square = measured(y, p)["mse"].mean()
    for objective, expected in (("cross-entropy", nats), ("mse", square), ("both", nats + square)):
        torch.testing.assert_close(frame_loss(z, y, objective), expected)


@pytest.mark.parametrize("options", [{}, {"feedback": True}, {"feedback": True, "motions": 2}, {"cell": "convlstm"}])
def test_the_network_predicts_frames_of_any_size(options):
    torch.manual_seed(0)
    model = FramePredictor(3, Network(maps=(4, 5), patch=2, **options), (7, 9))
    z = model(torch.rand(2, 3, 7, 9, 3), 4)
    assert z.shape == (2, 4, 7, 9, 3)
    z.square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    frames = torch.rand(1, 2, 7, 9, 3)
    torch.testing.assert_close(model.pixels(model.patches(frames), (7, 9)), frames)


def test_scheduled_sampling_reads_the_true_frames():
    torch.manual_seed(0)
    model = FramePredictor(1, Network(maps=(4,), patch=2, feedback=True, motions=2), (4, 4)).eval()
    clip = torch.rand(1, 5, 4, 4, 1)
    given, true = clip[:, :3], clip[:, 3:]
    none, every = torch.zeros(2, 1, dtype=torch.bool), torch.ones(2, 1, dtype=torch.bool)
    free = model(given, 2)
    torch.testing.assert_close(model(given, 2, true, none), free)
    forced = model(given, 2, true, every)
    torch.testing.assert_close(forced[:, 0], free[:, 0])
    assert not torch.allclose(forced[:, 1], free[:, 1])
    task = FramePrediction(update(FramesConfig(), feedback=True, sampling_steps=10, horizon=400, batch_size=50))
    assert task._chosen(10) is None
    assert task._chosen(4).float().mean().item() == pytest.approx(0.6, abs=0.02)
    assert task._chosen(4).equal(task._chosen(4))


def test_it_learns_and_beats_the_last_frame(data, tmp_path):
    run = tmp_path / "run"
    model = unrolled.train("frames", data=str(data), run=str(run), steps=40, lr=2e-2, eval_every=40, **TINY)
    report = model.evaluate(split="valid")
    assert report["clips"] == 2
    assert report["mse"] < 0.6 * report["baselines"]["last frame"]["mse"]
    assert len(report["by_frame"]["mse"]) == 2
    assert np.mean(report["by_frame"]["mse"]) == pytest.approx(report["mse"])
    [predicted] = model.predict([clips()[0, :3]], horizon=4)
    assert predicted.shape == (4, 8, 8, 1)
    assert predicted.dtype == np.uint8
    with pytest.raises(DataError, match="clip 1 has 2 frames, and the model reads 3; give a longer clip"):
        model.predict([clips()[0, :2]])
    assert model.modules().whole(torch.zeros(1, 3, 8, 8, 1)).shape == (1, 2, 8, 8, 1)


def test_a_run_that_was_stopped_continues_with_the_same_numbers(data, tmp_path):
    options = {"data": str(data), "feedback": True, "motions": 2, "sampling_steps": 4, "eval_every": 2, **TINY}
    unrolled.train("frames", run=str(tmp_path / "whole"), steps=4, schedule="constant", **options)
    unrolled.train("frames", run=str(tmp_path / "half"), steps=2, schedule="constant", **options)
    assert main(["resume", str(tmp_path / "half"), "--steps", "4"]) == 0
    whole, half = (
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1]) for name in ("whole", "half")
    )
    assert {**whole, "best": 0} == {**half, "best": 0}


def test_the_command_line(data, tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "frames", "--data", str(data), *FLAGS, "--steps", "2", "--run", run]) == 0
    assert {file.suffix for file in (tmp_path / "run" / "previews").iterdir()} == {".txt", ".png", ".gif"}
    capsys.readouterr()
    assert main(["evaluate", run, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert [line.split("  ")[0] for line in out.splitlines() if "  " in line][4:8] == [
        "model", "zeros", "mean image", "last frame",
    ]  # fmt: skip
    saved = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"measures.csv", "by-frame.csv", "strip.png", "clip.gif", "report.json"} <= saved
    np.save(tmp_path / "one.npy", clips()[3])
    words = ["predict", run, str(tmp_path / "one.npy"), "--at", "4", "--out", str(tmp_path / "next")]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[0] == "one.npy: frames 5 to 6"
    assert np.load(tmp_path / "next" / "0001-predicted.npy").shape == (2, 8, 8, 1)
    assert Image.open(tmp_path / "next" / "0001-frames.gif").n_frames >= 5
    assert main(["data", str(data), "--task", "frames", "--context", "3", "--horizon", "2"]) == 0
    assert "8 × 8 pixels, grey" in capsys.readouterr().out
    assert main([*words[:4], "7"]) == 2
    assert "has 6 frames, and frame 7 is to be the last one read" in capsys.readouterr().err
    assert main([*words[:2], str(data)]) == 2
    assert "clips.npy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon must be"),
        ({"maps": ()}, "maps must be 1 to 6 numbers"),
        ({"kernel_size": 2}, "kernel_size must be odd"),
        ({"motions": 2}, "motions must be at most 64, and 0 without --feedback"),
        ({"sampling_steps": 5}, "sampling_steps must be 0 without --feedback"),
        ({"fractions": (0.5, 0.25, 0.25)}, "fractions must be omitted with --data moving-digits"),
        ({"data": "x.npy", "digits": 3}, "digits must be omitted with --data x.npy"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ArgumentError) as raised:
        update(FramesConfig(), **options)
    assert message in str(raised.value)


def test_drawings_show_the_true_frames_above_the_predicted_ones():
    grey = np.full((3, 8, 8, 1), 100, np.uint8)
    clip = Shown(grey, grey + 50, grey + 100, first=4)
    strip = np.asarray(Image.open(io.BytesIO(strips([clip, clip]))))
    values = {tuple(pixel) for pixel in strip.reshape(-1, 3).tolist()}
    assert {(100,) * 3, (150,) * 3, (200,) * 3} <= values
    first = strip[:, 80:130]  # the first frame of each row
    rows = [np.flatnonzero((first == level).all((1, 2))).min() for level in (100, 150, 200)]
    assert rows == sorted(rows)
    moving = Image.open(io.BytesIO(animation(clip)))
    assert moving.n_frames >= 3
