"""Small tasks in the place of coming ones (pictures, video, sound, series, strokes), as a user types them."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import re
import struct
import sys
import wave
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import numpy as np
import pytest
from coming_base import png
from coming_tasks import PLACES, registered, trained
from PIL import Image

import unrolled as package
from unrolled.errors import DataError
from unrolled.results import Input
from unrolled.tasks.registry import task_class

LM = Path(__file__).parents[1] / "fixtures" / "trained" / "lm"
LIGHT, DARK = np.full((4, 6), 0.75), np.zeros((4, 6))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each of the tasks."""
    folder = tmp_path_factory.mktemp("coming")
    with pytest.MonkeyPatch.context() as patch:
        registered(patch)
        patch.setenv("UNROLLED_CACHE", str(folder / "cache"))
        yield {name: trained(folder, name) for name in PLACES}


@pytest.fixture
def given(monkeypatch):
    """Bytes on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def answers(said):
    """The objects of --json, without errors."""
    assert (said.status, said.err) == (0, "")
    return [json.loads(line) for line in said.out.splitlines()]


def write_pictures(home):
    """A folder of two pictures."""
    (home / "in").mkdir()
    for name, pixels in (("a-10.png", DARK), ("a-9.png", LIGHT)):
        (home / "in" / name).write_bytes(png(pixels))


def chunk(kind, data):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side):
    """A PNG file of some bytes whose header says that it has side² pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_by_path_as_bytes_and_as_json(runs, unrolled, home, given):
    write_pictures(home)
    assert unrolled("predict", runs["pictures"], "in").out == (
        "light 75%  dark 25%\tin/a-9.png\ndark 100%  light 0%\tin/a-10.png\n"
    )
    given(png(LIGHT))
    assert unrolled("predict", runs["pictures"], "-").out == "light 75%  dark 25%\tstandard input\n"
    (home / "b.json").write_text(json.dumps({"png": base64.b64encode(png(DARK)).decode()}))
    assert unrolled("predict", runs["pictures"], "b.json").out == "dark 100%  light 0%\tb.json\n"
    model = package.load(runs["pictures"])
    sent = [Input({"png": base64.b64encode(png(DARK)).decode()}), Input(png(LIGHT), "an upload")]
    told = list(model.predictions([sent], task_class("pictures").Predict()))
    assert [(one.text, one.answer) for one in told] == [("the input", "dark"), ("an upload", "light")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bomb(2000), "x.png has 2000 × 2000 pixels, more than the 1,000,000 that are read"),
        (bomb(100_000), "x.png is larger than the 1,000,000 pixels that are read; make it smaller"),
        (b"GIF89a", "x.png is no PNG file"),
        (png(LIGHT)[:45], "x.png is no PNG file"),
        ({"jpg": ""}, "x.png has no picture in base64 under png; send one"),
        ({"png": "%"}, "x.png has no picture in base64 under png; send one"),
    ],
)
def test_pictures_that_are_refused(runs, content, expected):
    model = package.load(runs["pictures"])
    with pytest.raises(DataError) as raised:
        list(model.predictions([[Input(content, "x.png")]], task_class("pictures").Predict()))
    assert str(raised.value).startswith(expected)


def test_a_limit_on_pixels_is_an_option(runs, unrolled, home):
    write_pictures(home)
    said = unrolled("predict", runs["pictures"], "in/a-9.png", "--most-pixels", "23")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: in/a-9.png has 6 × 4 pixels, more than the 23 that are read\n"


def test_captions_have_a_picture_of_where_was_looked(runs, unrolled, home):
    write_pictures(home)
    said = unrolled("predict", runs["captions"], "in", "--out", "kept", "--html", "page.html")
    assert said.out == (
        "the dog sat by the door\tin/a-9.png\nwhere was looked: kept/0001-looked.png\n"
        "the cat sat on the mat\tin/a-10.png\nwhere was looked: kept/0002-looked.png\n"
    )
    assert said.err == "results: kept\npage: page.html\n"
    for name in ("0001-looked.png", "0002-looked.png"):
        with Image.open(home / "kept" / name) as picture:
            assert picture.size == (6, 4)
    lines = map(json.loads, (home / "kept" / "predictions.jsonl").read_text().splitlines())
    assert [line["files"] for line in lines] == [["0001-looked.png"], ["0002-looked.png"]]
    assert (home / "page.html").read_text().count('alt="where was looked" src="data:image/png;base64,') == 2
    said = unrolled("predict", runs["captions"], "in")
    assert "looked" not in said.out
    assert said.err == "note: 2 pictures were not saved; --out FOLDER saves pictures\n"
    assert unrolled("predict", runs["captions"], "in", "--html", "page.html").err == "page: page.html\n"
    [one, _] = answers(unrolled("predict", runs["captions"], "in", "--json"))
    assert base64.b64decode(one["parts"][0]["png"]).startswith(b"\x89PNG")


def test_on_a_terminal_each_answer_is_followed_by_its_input(runs, unrolled, home, monkeypatch):
    write_pictures(home)
    monkeypatch.setattr("unrolled.cli.predict.to_terminal", lambda: True)
    assert unrolled("predict", runs["captions"], "in").out.splitlines() == [
        "the dog sat by the door",
        "in/a-9.png",
        "the cat sat on the mat",
        "in/a-10.png",
    ]
    assert unrolled("predict", runs["pixels"], "in/a-9.png").out == "in/a-9.png\n"


def test_a_language_model_has_a_say_in_captions(runs, unrolled, home):
    write_pictures(home)
    words = ["predict", runs["captions"], "in/a-9.png", "--beam", "2", "--language-model"]
    [one] = answers(unrolled(*words, LM, "--json"))
    assert one["answer"] == "the cat sat on the mat"  # the shorter one
    said = unrolled(*words, runs["pixels"])
    assert said.err == (f"error: --language-model must be a run of a language model, got {str(runs['pixels'])!r}\n")
    assert unrolled(*words, "nowhere").err.startswith("error: nowhere is not a file")


def test_evaluation_compares_captions(runs, unrolled, home):
    said = unrolled("evaluate", runs["captions"], "--out", "kept", "--shown", "1")
    _, table = said.out.split("\n\n")
    header, line = table.splitlines()
    assert header.split() == "picture caption people say words wrong".split()
    assert line.split() == "0.png the cat sat on the mat the cat sat on the mat 0".split()
    with (home / "kept" / "captions.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["0.png", "the cat sat on the mat", "the cat sat on the mat", "0"]
    refused = unrolled("evaluate", runs["captions"], "--shown", "-1")
    assert refused.err.startswith("error: --shown must be")


def test_a_line_of_handwriting(runs, unrolled, home):
    pixels = np.ones((3, 7))
    pixels[:, [1, 2, 4]] = 0
    (home / "line.png").write_bytes(png(pixels))
    assert unrolled("predict", runs["handwriting"], "line.png").out == "ll\tline.png\n"


def test_drawn_pixels_are_pictures(runs, unrolled, home):
    said = unrolled("sample", runs["pixels"], "--samples", "2", "--side", "5", "--out", "kept")
    assert said.out == (
        "--- sample 1 of 2 ---\npicture: kept/sample-1-drawn.png\n\n"
        "--- sample 2 of 2 ---\npicture: kept/sample-2-drawn.png\n"
    )
    with Image.open(home / "kept" / "sample-2-drawn.png") as picture:
        assert (picture.size, picture.getpixel((4, 4))) == ((5, 5), 1)
    said = unrolled("sample", runs["pixels"])
    assert (said.out, said.err) == ("", "note: 1 picture was not saved; --out FOLDER saves pictures\n")
    [one] = answers(unrolled("sample", runs["pixels"], "--json"))
    assert one["parts"][0]["kind"] == "picture"


def test_a_picture_is_completed(runs, unrolled, home):
    write_pictures(home)
    (home / "mask.png").write_bytes(png(np.eye(4, 6) < 1))
    said = unrolled("predict", runs["pixels"], "in/a-10.png", "--mask", "mask.png", "--out", "kept")
    assert said.out == "in/a-10.png\ncompleted: kept/0001-completed.png\n"
    with Image.open(home / "kept" / "0001-completed.png") as picture:
        assert np.array_equal(np.asarray(picture), 255 * np.eye(4, 6))
    (home / "small.png").write_bytes(png(np.ones((2, 2))))
    said = unrolled("predict", runs["pixels"], "small.png", "--mask", "mask.png")
    assert said.err == "error: small.png and the mask mask.png differ in size; give one of the same size\n"


def test_strokes_are_drawings(runs, unrolled, home):
    said = unrolled("sample", runs["strokes"], "--text", "hi", "--out", "kept")
    assert said.out == "hi\nhandwriting: kept/sample-1-strokes.svg\n"
    assert (home / "kept" / "sample-1.txt").read_text() == "hi"
    root = ElementTree.parse(home / "kept" / "sample-1-strokes.svg").getroot()
    assert root[0].get("points") == "0,0 9,9"
    (home / "a.json").write_text('{"points": [[1, 2], [3, 4.5]]}')
    said = unrolled("predict", runs["strokes"], "a.json", "--out", "more", "--html", "page.html")
    assert said.out == "a line of 2 points\ta.json\ngoes on: more/0001-continued.svg\n"
    assert ElementTree.parse(home / "more" / "0001-continued.svg").getroot()[0].get("points") == "1,2 3,4.5 0,0"
    assert "data:image/svg+xml;base64," in (home / "page.html").read_text()
    for text, expected in (("[", "a.json is not JSON"), ('{"points": [3]}', "a.json has no list of points")):
        (home / "a.json").write_text(text)
        assert unrolled("predict", runs["strokes"], "a.json").err.startswith(f"error: {expected}")
    said = unrolled("evaluate", runs["strokes"])
    assert said.err == (
        f"error: {runs['strokes']} is a model of the task strokes, which cannot be evaluated; let it draw: unrolled "
        f"sample {runs['strokes']}; let it go on with a drawing: unrolled predict {runs['strokes']}\n"
    )


def test_a_folder_of_frames_is_one_video(runs, unrolled, home):
    for name, pixels in (("frame-2", DARK), ("frame-10", LIGHT), ("frame-1", DARK), ("frame-11", LIGHT)):
        (home / "all" / "clip").mkdir(parents=True, exist_ok=True)
        (home / "all" / "clip" / f"{name}.png").write_bytes(png(pixels))
    np.savez(home / "all" / "b.npz", frames=np.stack([LIGHT, DARK, DARK]) * 255)
    said = unrolled("predict", runs["videos"], "all", "--out", "kept")
    assert said.out == (
        "night\tall/b.npz\n    0.00–0.50 s  day\n    0.50–1.50 s  night\n"
        "day\tall/clip\n    0.00–1.00 s  night\n    1.00–2.00 s  day\n"
    )
    assert (home / "kept" / "0002-scenes.csv").read_text() == "begin,end,label\n0.0,1.0,night\n1.0,2.0,day\n"
    assert unrolled("predict", runs["videos"], "all/clip").out == said.out[said.out.index("day\tall/clip") :]
    np.savez_compressed(home / "large.npz", frames=np.zeros((100, 200, 200), np.uint8))
    assert unrolled("predict", runs["videos"], "large.npz").err.startswith("error: large.npz has 4,000,128 bytes of")


def test_raw_frames_are_answered_as_they_arrive(runs, unrolled, home, given):
    given(bytes(6) + bytes([200] * 12))
    said = unrolled("predict", runs["videos"], "-", "--size", "3,2", "--fps", "1")
    assert said.out == ("night\tframe 0\nday\tframe 1\nday\tframe 2\n    0.00–1.00 s  night\n    1.00–3.00 s  day\n")
    given(bytes(8))
    said = unrolled("predict", runs["videos"], "--size", "3,2")
    assert (said.status, said.out) == (2, "night\tframe 0\n")
    assert said.err == "error: standard input ends after 2 of 6 bytes; send whole ones\n"
    said = unrolled("predict", runs["videos"], "x.npz", "--size", "3,2")
    assert said.err.startswith("error: --size must be omitted unless raw frames come on standard input")


def sound():
    """Half a second, loud from 0.1 to 0.2 s and from 0.4 s on."""
    loud = np.repeat([0, 20_000, 0, 0, -20_000], 80).astype("<i2")
    return loud.tobytes()


def test_a_recording_and_sound_as_it_arrives(runs, unrolled, home, given):
    with wave.open(str(home / "a.wav"), "wb") as file:
        file.setparams((1, 2, 800, 0, "NONE", ""))
        file.writeframes(sound())
    said = unrolled("predict", runs["speech"], "a.wav")
    assert said.out == "dada…\ta.wav\n    0.10–0.20 s  da\n    0.40–0.50 s  da\n"
    given(sound())
    said = unrolled("predict", runs["speech"], "--rate", "800", "-")
    assert said.out == "da\nda\ndada…\n"
    given(sound())
    found = answers(unrolled("predict", runs["speech"], "--rate", "800", "-", "--json"))
    assert [one["so_far"] for one in found] == ["", "da", "da", "da", "dada"]
    (home / "a.wav").write_bytes(b"RIFF")
    assert unrolled("predict", runs["speech"], "a.wav").err.startswith("error: a.wav is no .wav file")


def test_rows_of_a_table_and_the_days_after(runs, unrolled, home, given):
    rows = "2024-02-27,10\n2024-02-28,12.5\n"
    (home / "days.csv").write_text(rows)
    said = unrolled("predict", runs["forecast"], "--file", "days.csv", "--ahead", "2", "--out", "kept")
    *lines, low, _, _ = said.out.splitlines()
    assert lines == ["11.00\t2024-02-27,10", "13.50\t2024-02-28,12.5"]
    assert low == "low   ▁█  12.5 to 13.5 MW"
    assert (home / "kept" / "forecast.csv").read_text() == (
        ",low,mean,high\n2024-02-29,12.5,13.5,14.5\n2024-03-01,13.5,14.5,15.5\n"
    )
    given(rows.encode())
    assert unrolled("predict", runs["forecast"], "--file", "-", "--ahead", "2").out == said.out
    assert unrolled("predict", runs["forecast"], "2024-02-27,ten").err.startswith("error: '2024-02-27,ten' is no row")


def test_baselines_and_units_of_a_forecast(runs, unrolled):
    said = unrolled("evaluate", runs["forecast"])
    assert [line.rsplit(maxsplit=1)[0] for line in said.out.splitlines()[1:]] == [
        "model",
        "the last number again",
        "that of a week before",
    ]
    [found] = answers(unrolled("evaluate", runs["forecast"], "--json"))
    assert found["baselines"]["the last number again"] == pytest.approx(found["mae"] + 1)
    config = task_class("forecast").Config()
    assert config.data.loss_unit == "nats per day"
    log = (runs["forecast"] / "metrics.jsonl").read_text()
    assert '"mae"' in log


def test_units_of_training_are_the_tasks(runs, unrolled, home):
    said = unrolled("train", "forecast", "--run", "run")
    assert "nats per day" in said.out
    assert "MW mean absolute error" in said.out


@pytest.mark.parametrize("name", PLACES)
def test_every_verb_as_json(runs, unrolled, home, name):
    task = task_class(name)
    np.savez(home / "a.npz", frames=np.zeros((2, 2, 2)))
    with wave.open(str(home / "a.wav"), "wb") as file:
        file.setparams((1, 2, 800, 0, "NONE", ""))
        file.writeframes(sound())
    (home / "a.png").write_bytes(png(LIGHT))
    (home / "a.json").write_text('{"points": [[1, 2]]}')
    word = {"videos": "a.npz", "speech": "a.wav", "forecast": "2024-02-27,10", "strokes": "a.json"}.get(name, "a.png")
    found = answers(unrolled("predict", runs[name], word, word, "--json"))
    assert [one["event"] for one in found] == ["prediction"] * 2
    assert {one["text"] for one in found} == {word}
    if task.Evaluate is not None:
        [found] = answers(unrolled("evaluate", runs[name], "--json"))
        assert (found["event"], found["run"]) == ("evaluated", str(runs[name]))
        assert isinstance(found[task.decides], float)
    if task.Sample is not None:
        found = answers(unrolled("sample", runs[name], "--samples", "2", "--json"))
        assert [(one["event"], one["number"], len(one["parts"])) for one in found] == [
            ("sample", 0, 1),
            ("sample", 1, 1),
        ]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("verb", ["evaluate", "predict", "sample"])
def test_help_shows_the_tasks_own_options_only(runs, unrolled, name, verb):
    own = getattr(task_class(name), verb.capitalize())
    said = unrolled(verb, runs[name], "--help")
    if own is None:
        assert (said.status, said.out) == (2, "")
        return
    general = {"evaluate": "cell out json", "predict": "html cell out json", "sample": "cell out json"}[verb].split()
    expected = {"help", "no-json", *general, *(one.name.replace("_", "-") for one in dataclasses.fields(own))}
    assert set(re.findall(r"--([a-z][a-z-]*)", said.out)) == expected
