"""Captions of clips: the network, generated and own clips, the command line, and what it refuses."""

import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

import unrolled
from unrolled.cli import main
from unrolled.data import generated_actions, generated_scenes
from unrolled.errors import ArgumentError, DataError
from unrolled.layers.decoder import inside
from unrolled.tasks.caption.clip_drawing import clip_drawing
from unrolled.tasks.caption.clip_model import ClipCaptioner
from unrolled.tasks.caption.config import CaptionConfig, ClipReading, Describer, PictureEncoder
from unrolled.tasks.caption.inputs import ReadClips, mean_features, tensors
from unrolled.tasks.caption.losses import caption_loss
from unrolled.tasks.common.language import shifted
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.training.config import update
from unrolled.training.log import Silent

TINY = {
    "hidden_size": 12, "encoder_size": 8, "embedding_size": 8, "maps": (2, 4), "size": 16, "batch_size": 6, "seed": 1,
    "encoder": "cnn", "min_count": 1, "dropout": 0.0,
}  # fmt: skip
FLAGS = ["--hidden-size", "12", "--encoder-size", "8", "--embedding-size", "8", "--maps", "2", "4", "--size", "16",
         "--encoder", "cnn", "--min-count", "1", "--batch-size", "8"]  # fmt: skip

LEARNS = ["--hidden-size", "12", "--encoder-size", "24", "--embedding-size", "8", "--maps", "8", "8", "--size", "16",
          "--encoder", "cnn", "--min-count", "1", "--batch-size", "8"]  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def actions(monkeypatch):
    monkeypatch.setattr(generated_actions, "SIZES", {"train": 12, "valid": 4, "test": 4})
    monkeypatch.setattr(generated_scenes, "SIZES", {"train": 12, "valid": 4, "test": 4})


@pytest.fixture
def videos(tmp_path):
    """Twenty-four clips of a bright square that moves left or right: arrays, animations and folders of frames."""
    rows, random = ["clip,caption"], np.random.default_rng(0)
    folder = tmp_path / "clips"
    folder.mkdir()
    for n in range(24):
        way = 1 if n % 2 else -1
        frames = np.full((5 + n % 4, 16, 20, 3), 40, np.uint8)
        for t, frame in enumerate(frames):
            left = 8 + way * (2 * t - 5)
            frame[6:11, max(0, left) : left + 4] = 200 + random.integers(0, 50)
        name = f"clip{n}"
        pictures = [Image.fromarray(frame) for frame in frames]
        if n % 3 == 0:
            np.savez(folder / f"{name}.npz", frames=frames)
        elif n % 3 == 1:
            pictures[0].save(folder / f"{name}.gif", save_all=True, append_images=pictures[1:], duration=100)
        else:
            (folder / name).mkdir()
            for number, picture in enumerate(pictures, 1):
                picture.save(folder / name / f"{number}.png")
        rows.append(f"{name},it moves {'right' if way > 0 else 'left'}")
    (tmp_path / "captions.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "captions.csv"


def a_model(shape=(8, 8, 1), **options):
    torch.manual_seed(0)
    recurrent = Recurrent(cell="gru", hidden_size=6, num_layers=1, dropout=0.0)
    clips = ClipReading(**{name: options.pop(name) for name in ("clip_encoder", "bidirectional") if name in options})
    pictures = PictureEncoder(encoder="cnn", size=None, maps=(3, 4)) if shape[0] > 1 else None
    describer = Describer(encoder_size=6, embedding_size=4, **options)
    return ClipCaptioner(9, shape, recurrent, describer, pictures, clips).eval()


def some_clips(shape=(8, 8, 1)):
    random = np.random.default_rng(1)
    return ReadClips([random.integers(0, 256, (length, *shape)).astype(np.uint8) for length in (3, 7, 1)], 100)


MODELS = [
    {},
    {"bidirectional": False},
    {"clip_encoder": "mean"},
    {"attention": "none"},
    {"attention": "none", "clip_encoder": "mean", "image": "every"},
    {"attention": "hard"},
]


@pytest.mark.parametrize("options", MODELS)
def test_a_clip_in_a_batch_is_described_as_alone_and_depends_on_its_frames(options):
    model, clips = a_model(**options), some_clips()
    before = torch.randint(1, 9, (4, 3), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([4, 4, 4])
    frames, sizes = tensors(clips)
    together, weights = model(frames, torch.arange(3), before, lengths, None, sizes)
    for n in range(3):
        frames, sizes = tensors(clips[np.array([n])])
        alone, own = model(frames, torch.zeros(1, dtype=torch.int64), before[:, n : n + 1], lengths[:1], None, sizes)
        torch.testing.assert_close(alone[:, 0], together[:, n], atol=1e-5, rtol=1e-5)
        if weights is not None:
            torch.testing.assert_close(own[:, 0], weights[:, n, : len(frames)], atol=1e-5, rtol=1e-5)
            assert not weights[:, n, len(frames) :].any()
        other, _ = model(frames // 2, torch.zeros(1, dtype=torch.int64), before[:, n : n + 1], lengths[:1], None, sizes)
        assert (other - alone).abs().max() > 1e-5


def test_only_the_recurrent_encoder_and_the_changes_depend_on_the_order_of_the_frames():
    frames, sizes = tensors(some_clips((1, 1, 5))[np.array([1])])
    for encoder, differs in (("recurrent", True), ("mean", False)):
        model = a_model((1, 1, 5), clip_encoder=encoder)
        model.frames.differences = False
        model.frames.project = torch.nn.Linear(5, 6)
        contexts = [model.encode(x.float(), sizes).context for x in (frames, frames.flip(0))]
        assert ((contexts[0] - contexts[1]).abs().max() > 1e-4) == differs


def test_the_loss_of_clips_has_a_gradient_for_all_parameters():
    model, clips = a_model().train(), some_clips()
    target = torch.randint(2, 9, (5, 3), generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([5, 2, 4])
    target = target * inside(5, lengths)
    frames, sizes = tensors(clips)
    outputs, weights = model(frames, torch.arange(3), shifted(target), lengths, None, sizes)
    caption_loss(model, outputs, weights, target, lengths, None).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.frames.features.blocks[0].convolutions[0].weight.grad.abs().max() > 0


def test_long_clips_are_thinned_evenly():
    frames = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    assert ReadClips([frames], 5)[0].ravel().tolist() == [10, 30, 50, 70, 90]
    assert ReadClips([frames], 100)[0].ravel().tolist() == list(range(100))
    assert ReadClips([frames[:10]], 100, every=2.0)[0].ravel().tolist() == [1, 3, 5, 7, 9]
    assert ReadClips([frames[:1]], 100, every=4.0)[0].ravel().tolist() == [0]
    clips = ReadClips([frames[:n] for n in (2, 3, 4)], 3)
    flat, sizes = tensors(clips[1:])
    assert (flat.ravel().tolist(), sizes.tolist()) == ([0, 1, 2, 0, 2, 3], [3, 3])
    features = ReadClips([frames[:n].astype(np.float16) for n in (2, 3, 5)], 3)
    assert mean_features(features).ravel().tolist() == pytest.approx([0.5, 1, 2])


def test_generated_clips_are_described_drawn_and_inspected(actions, tmp_path, capsys):
    run = str(tmp_path / "run")
    flags = ["--steps", "2", "--run", run, "--rate", "6"]
    assert main(["train", "caption", "--data", "actions", *FLAGS, *flags]) == 0
    shown = capsys.readouterr().out
    assert "12 training, 4 validation, 4 test clips" in shown
    assert "frames of 16 × 16 pixels" in shown
    preview = Image.open(next((tmp_path / "run" / "previews").glob("step-0000002-attention-1.png")))
    assert preview.width > 900
    model = unrolled.load(run)
    assert model.config.clips.rate == 6
    report = model.evaluate(baselines=True)
    assert report["baselines"]["one for all"]["exact"] <= 1
    frames = generated_actions.clip(3, 0).frames
    caption, *_ = model.caption([frames])[0]
    assert caption.weights.shape == (len(caption.tokens), len(frames))
    np.testing.assert_allclose(caption.weights.sum(1), 1, rtol=1e-5)
    lines = model.own_lines()[:2]
    reading = model.reading("\n".join([*lines, "a figure sleeps"]))
    from unrolled.analysis import capture

    names = []
    with torch.no_grad(), capture(reading.stack(reading.model), lambda name, at, trace: names.append(name)):
        for batch in reading.passes():
            batch.run()
    assert names[0] == "layers.0.0.cell"
    exported = model.modules()
    read, sizes = tensors(model.reader.together([model.reader.read(frames)]))
    before = torch.tensor([[0], [2]])
    assert exported.whole(read, sizes, before).shape == (2, 1, len(model.language))


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(actions, tmp_path):
    options = {**TINY, "data": "actions", "eval_every": 2}
    for run, steps in (("whole", 4), ("halves", 2)):
        unrolled.train("caption", run=tmp_path / run, reporter=Silent(), steps=steps, schedule="constant", **options)
    unrolled.resume(tmp_path / "halves", reporter=Silent(), steps=4)
    whole, halves = ((tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "halves"))
    late = [[row["loss"] for row in map(json.loads, rows) if row["step"] > 2] for rows in (whole, halves)]
    assert late[0]
    assert late[0] == late[1]


def test_own_clips_of_all_forms_are_learned_and_described(videos, tmp_path, capsys):
    run = str(tmp_path / "run")
    flags = ["--steps", "60", "--lr", "2e-2", "--run", run]
    assert main(["train", "caption", "--data", str(videos), "--inputs", "clips", *LEARNS, *flags]) == 0
    shown = capsys.readouterr().out
    assert "24 captions of 24" in shown
    assert "split by a hash of the clip's name" in shown
    files = [str(tmp_path / "clips" / name) for name in ("clip3.npz", "clip1.gif", "clip2")]
    out = ["--out", str(tmp_path / "out"), "--json", "--explain"]
    assert main(["predict", run, *files, *out]) == 0
    answers = [json.loads(line)["answer"] for line in capsys.readouterr().out.splitlines()[:3]]
    assert answers == ["it moves right", "it moves right", "it moves left"]
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    assert main(["predict", run, str(tmp_path / "clips")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 24
    again = ["--min-count", "1", "--from", run, "--steps", "1", "--run", f"{run}2"]
    assert main(["train", "caption", "--data", str(videos), "--inputs", "clips", *again]) == 0
    assert main(["evaluate", run, "--data", "scenes"]) != 0
    assert "scenes are pictures, but the model describes clips" in capsys.readouterr().err


def test_features_of_frames_are_computed_once(videos, tmp_path, monkeypatch):
    code = (
        "class Mean:\n    size = 16\n    def __call__(self, x):\n        return x.permute(0, 3, 1, 2).float() / 255\n"
    )
    (tmp_path / "mean_extractor.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    options = TINY | {"encoder": "mean_extractor:Mean", "inputs": "clips", "data": str(videos)}
    options = {name: value for name, value in options.items() if name not in ("maps", "size")}
    unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), steps=1, **options)
    entries = sorted(path.name for path in (tmp_path / "cache" / "derived").glob("clip-features-*"))
    model = unrolled.load(tmp_path / "run")
    model.evaluate(split="valid")
    assert sorted(path.name for path in (tmp_path / "cache" / "derived").glob("clip-features-*")) == entries
    read = model.reader.read_all(model.own_sets().train)
    assert read.shape[1:] == (1, 1, 3)
    first = model.own_sets().train.pictures[0]
    assert np.array_equal(read[0], model.reader.together([model.reader.read(first)])[0])


def test_the_drawing_has_a_row_for_each_word_and_a_cell_for_each_frame():
    frames = np.full((8, 10, 10, 1), 90, np.uint8)
    weights = np.zeros((2, 4), np.float32)
    weights[0, 0] = weights[1, 3] = 1
    picture = np.asarray(Image.open(io.BytesIO(clip_drawing(frames, ["one", "two"], weights))).convert("L"))
    rows = picture[:, 110:-10]
    dark = rows < 100
    last = np.flatnonzero(dark[:, -120:].mean(1) > 0.9)
    first = np.flatnonzero(dark[:, :120].mean(1) > 0.9)
    shades = [set(first.tolist()) - set(last.tolist()), set(last.tolist()) - set(first.tolist())]
    assert len(shades[0]) == len(shades[1]) == 18
    assert max(shades[0]) < min(shades[1])


def test_a_clip_that_is_damaged_or_empty_is_named(videos, tmp_path):
    (tmp_path / "clips" / "clip3.npz").write_bytes(b"not a clip")
    with pytest.raises(DataError, match=r"clip3\.npz"):
        unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), data=str(videos), steps=1, inputs="clips",
                       **TINY)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "actions", "doubly_stochastic": 0.5}, "doubly_stochastic must be 0 for clips"),
        ({"data": "scenes", "rate": 5.0}, "rate must be omitted for pictures"),
        ({"data": "actions", "inputs": "pictures"}, "inputs must be omitted with --data actions"),
        ({"data": "actions", "clip_encoder": "mean", "bidirectional": False}, "bidirectional must be omitted"),
        ({"data": "actions", "most_frames": 0}, "most_frames must be"),
        ({"data": "actions", "rate": 0.0}, "rate must be"),
    ],
)
def test_options_that_do_not_fit_are_named(actions, tmp_path, options, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), steps=1, **options)
    assert update(CaptionConfig(), data="actions").data.clips
