"""The task ``ocr``: what is learned, checked, read and drawn."""

import io

import numpy as np
import pytest
from PIL import Image

import unrolled
from unrolled.data.text_order import TextOrder
from unrolled.decoding.transcript import Piece, Transcript
from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.common.unaligned.alphabet import Alphabet
from unrolled.tasks.common.unaligned.decoding import DecodingOptions, Reading
from unrolled.tasks.common.unaligned.drawing import characters_under
from unrolled.tasks.common.unaligned.examples import usable
from unrolled.tasks.common.unaligned.preview import alignment, blank_share, blank_sign, phase
from unrolled.tasks.ocr.config import OcrConfig
from unrolled.tasks.ocr.task import LineRecognition
from unrolled.training.config import update

SMALL = {"height": 16, "maps": (4, 8, 8), "stride": 2, "hidden_size": 8, "batch_size": 4}


def strokes(text):
    """A line of 16 pixels in which "a" is a low stroke and "b" a high one."""
    line = np.full((16, 12 * len(text) + 4), 255, np.uint8)
    for n, letter in enumerate(text):
        line[8 if letter == "a" else 1 : 15, 12 * n + 4 : 12 * n + 10] = 0
    return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    random = np.random.default_rng(0)
    for n in range(60):
        text = "".join(random.choice(["a", "b"], random.integers(2, 6)))
        Image.fromarray(strokes(text)).save(folder / f"{n:02}.png")
        (folder / f"{n:02}.gt.txt").write_text(f"{text}\n")
    return folder


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_CACHE", str(tmp_path_factory.mktemp("cache")))
        run = tmp_path_factory.mktemp("runs") / "strokes"
        options = SMALL | {"noise": 0.0, "blur": 0.0, "lr": 1e-2, "average": "none"}
        yield unrolled.train("ocr", data=str(folder), run=run, steps=150, eval_every=150, **options)


def test_lines_are_read_without_error(trained):
    assert trained.evaluate(split="valid")["cer"] == 0
    report = trained.evaluate()
    assert report["cer"] == 0
    assert report["exact"] == 1
    assert report["characters"] > 10
    found = trained.predict([strokes("abba")], explain=True)[0]
    assert found.answer == "abba"
    assert [row["text"] for row in found.more["characters"]] == list("abba")
    middles = [(row["begin"] + row["end"]) / 2 for row in found.more["characters"]]
    assert all(abs(middle - (12 * n + 7)) < 9 for n, middle in enumerate(middles))
    assert 0.5 < found.more["confidence"] <= 1
    with Image.open(io.BytesIO(found.parts[0].png)) as picture:
        assert picture.width > 100


def test_transcripts_are_the_same_in_batches_and_alone(trained):
    lines = [strokes(text) for text in ("ab", "babab", "aab")]
    widths = [line.shape[1] for line in lines]
    together = [best.text for best, *_ in trained.transcripts(lines, widths)]
    alone = [trained.transcripts([line], [width])[0][0].text for line, width in zip(lines, widths, strict=True)]
    assert together == alone == ["ab", "babab", "aab"]


def test_words_and_hot_words_decide(trained, tmp_path):
    (tmp_path / "words").write_text("bb ba\n")
    options = DecodingOptions(words=str(tmp_path / "words"), unknown_word=-1e4)
    found = trained.transcripts([strokes("bab")], [40], Reading(trained.alphabet, options))
    assert found[0][0].text in ("bb", "ba")
    with pytest.raises(ArgumentError, match="hot_words"):
        DecodingOptions(hot_words=("Jena",))
    with pytest.raises(ArgumentError, match="lm_weight must be omitted without --lm"):
        DecodingOptions(lm_weight=1.0)


def test_batches_are_functions_of_the_step(folder):
    task = LineRecognition(update(OcrConfig(), data=str(folder), **SMALL))
    task.prepare()
    first, again = task.batch(3), task.batch(3)
    assert (first.inputs == again.inputs).all()
    assert (first.targets.ids == again.targets.ids).all()
    assert (first.inputs != task.batch(3 + round(task.steps_per_epoch)).inputs[:, :, :1]).any()


def test_a_text_that_is_too_long_for_its_line_is_named(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for n in range(60):
        (tmp_path / f"{n:02}.gt.txt").write_text("a" * 40 if n == 7 else "ab")
    config = update(OcrConfig(), data=str(tmp_path), fractions=(0.98, 0.02, 0.0), **SMALL)
    with pytest.raises(DataError, match=r"07\.png: its text has 40 symbols and 39 blanks .* at least 79 frames, and"):
        LineRecognition(config).prepare()
    task = LineRecognition(update(config, too_long="skip"))
    assert any("1 examples omitted" in note for note in task.prepare())
    assert len(task.targets) == 58


def test_usable_omits_empty_texts():
    class Few:
        names = ("x", "y")

        def __len__(self):
            return 2

    assert usable(Few(), [np.array([1]), np.array([], int)], np.array([5, 5]), "", "error")[0] == [0]


def test_alphabets_have_the_order_of_the_frames():
    alphabet = Alphabet.of(["שלום", "ab"], TextOrder())
    assert alphabet.symbols[0] == ""
    ids = alphabet.encode("שלום")
    assert [alphabet.symbols[n] for n in ids] == list("םולש")  # from left to right
    assert alphabet.text([alphabet.symbols[n] for n in ids]) == "שלום"
    assert alphabet.unknown(["abc c"]) == {"c": 2, " ": 1}


def test_alignments_of_previews():
    pieces = [Piece("a", 0, 2, 1.0), Piece("v", 3, 4, 1.0), Piece("a", 5, 6, 1.0), Piece("i", 8, 9, 1.0)]
    found = Transcript([*pieces, Piece("l", 9, 10, 1.0)], 0.0, 0.0)
    assert alignment(found, 10, "-") == "aa-v-a--il"
    assert blank_share([found], [10]) == pytest.approx(0.4)
    assert blank_sign("ab-") == "·"
    assert phase(1.0, True, 10).endswith("only blanks so far: normal until about step 600")
    assert "which is not normal" in phase(1.0, True, 900)
    assert phase(0.5, False, 900) == "blank frames: 50%"


def test_wide_drawings_have_several_rows():
    picture = characters_under(Image.new("RGB", (1500, 20)), [Piece("a", 0, 2, 0.9), Piece("b", 370, 372, 0.2)], 4)
    with Image.open(io.BytesIO(picture)) as image:
        assert image.width < 1300
        assert image.height > 2 * 40
