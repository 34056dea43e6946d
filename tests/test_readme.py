"""The README's commands and Python run as they stand, with small sizes and files in the place of the reader's."""

import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unrolled
from unrolled import cli
from unrolled.data.generated_speech import example_wav

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SMALL = {"steps": 3, "batch_size": 4, "hidden_size": 8}
IMAGES = {"steps": 3, "batch_size": 4, "maps": 4}
CAPTIONS = {**SMALL, "encoder": "cnn"}
STRIPES = (np.arange(6 * 8 * 8).reshape(6, 8, 8) % 120).astype(np.uint8)
TEXT = "Once the cat sat on the mat, and the dog sat by the door.\n" * 60


@pytest.fixture(autouse=True, scope="module")
def here(tmp_path_factory):
    """A folder with the files that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("book.txt", "another.txt", "my.txt"):
            (folder / name).write_text(TEXT)
        rows = [
            f'"{word} film number {n}",{label}' for n in range(30) for word, label in (("good", "pos"), ("bad", "neg"))
        ]
        (folder / "reviews.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
        (folder / "names.conll").write_text("Anna B-person\nsings O\n\nBob B-person\nsits O\n\n" * 20)
        (folder / "a.de").write_text("".join(f"ein Hund {n}\n" for n in range(40)))
        (folder / "a.en").write_text("".join(f"a dog {n}\n" for n in range(40)))
        for label, shade in (("cat", 40), ("dog", 200)):
            (folder / "photos" / label).mkdir(parents=True)
            for n in range(12):
                Image.new("RGB", (16, 16), (shade, n, 0)).save(folder / "photos" / label / f"{n}.png")
        (folder / "flickr8k" / "Images").mkdir(parents=True)
        for n in range(60):
            Image.new("RGB", (16, 16), (4 * n, n, 0)).save(folder / "flickr8k" / "Images" / f"{n}.png")
        rows = [f"{n}.png,{'dark' if n < 30 else 'bright'} picture number {n}" for n in range(60)]
        (folder / "flickr8k" / "captions.txt").write_text("image,caption\n" + "\n".join(rows) + "\n")
        for label, clip in (("up", STRIPES), ("down", STRIPES[::-1])):
            (folder / "clips" / label).mkdir(parents=True)
            for n in range(10):
                np.save(folder / "clips" / label / f"{n}.npy", clip + n)
        (folder / "recordings").mkdir()
        for n in range(20):
            (folder / "recordings" / f"{n}.wav").write_bytes(example_wav(n))
            (folder / "recordings" / f"{n}.txt").write_text(f"take {n}")
        (folder / "lines").mkdir()
        for n in range(40):
            Image.new("L", (80, 16), 5 * n).save(folder / "lines" / f"{n}.png")
            (folder / "lines" / f"{n}.gt.txt").write_text(f"no {n}\n")
        np.save(folder / "clips.npy", np.arange(12 * 20 * 64).reshape(12, 20, 8, 8) % 251)
        yield folder


def commands():
    """The command lines of code blocks and tables, in order, without those that start a server or take long."""
    lines = re.findall(r"^    (unrolled .+?)(?:  +#.*)?$|`(unrolled [^`]+)`", README, re.MULTILINE)
    return [a or b for a, b in lines if not re.search(r"--web|\bRUN\b|bench|doctor|lab ", a or b)]


def smaller(words):
    """The words with options that make a training short."""
    if words[0] == "resume":
        return [*words, "--steps", "4"]
    if words[0] != "train":
        return words
    if "--time" in words:
        at = words.index("--time")
        words = words[:at] + words[at + 2 :]
    if "memory" in words:
        words[words.index("--length") + 1] = "5"
    small = IMAGES if {"image", "frames"} & {*words} else CAPTIONS if "caption" in words else SMALL
    return [*words, *(f"--{name.replace('_', '-')}={value}" for name, value in small.items())]


def test_the_commands_run(here, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    every = [smaller(shlex.split(line)[1:]) for line in commands()]
    assert len(every) >= 12
    trainings = sorted((words for words in every if words[0] == "train"), key=every.index)
    others = [words for words in every if words[0] != "train"]
    assert cli.main([*trainings[0], "--run", "runs/lm-book-2"]) == 0  # the README compares two runs
    for words in [*trainings, *others]:
        assert cli.main(words) == 0, (words, capsys.readouterr().err)


def test_the_python_runs(here, monkeypatch, capsys):
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    train = unrolled.train

    def short(task, **options):
        options.pop("time", None)
        return train(task, **{**options, **SMALL})

    monkeypatch.setattr(unrolled, "train", short)
    code = code.replace('"ROMEO:"', '"the "')
    exec(compile(code, "README.md", "exec"), {})
    assert "pos" in capsys.readouterr().out
