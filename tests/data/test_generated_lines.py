"""Named sets of lines: rendered text, and strings of digits."""

import numpy as np
import pytest
from PIL import Image

from unrolled.data import generated_lines as module
from unrolled.data.digit_strings import digit_string
from unrolled.data.generated_lines import GeneratedLayout, generated_lines
from unrolled.data.line_pictures import normal_line
from unrolled.data.line_sets import LineLayout, open_lines, read_lines
from unrolled.data.rendered_lines import fonts_of
from unrolled.errors import ArgumentError


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "VALID", 4)
    monkeypatch.setattr(module, "TEST", 12)


def test_test_lines_have_fonts_that_training_has_not():
    if len(fonts_of("latin")) < 4:
        pytest.skip("too few fonts")
    kept, few = module._unseen(["latin"], ())
    assert 1 <= len(kept) < len(fonts_of("latin"))
    assert few == []
    sets = generated_lines("generated", 32, GeneratedLayout(lines=6, scripts=["latin"]))
    assert [len(part) for part in sets.parts().values()] == [6, 4, 12]
    assert set(sets.test.groups) == {"latin"}
    assert sets.train[0].shape == (32, sets.train.widths[0])
    assert not set(sets.train.digests) & set(sets.test.digests)
    assert all(name in sets.how[0] for name in kept)
    again = generated_lines("generated", 32, GeneratedLayout(lines=6, scripts=["latin"]))
    assert again.digest() == sets.digest()


def test_patterns_must_leave_fonts_for_training():
    with pytest.raises(ArgumentError, match="unseen_fonts must be patterns that leave a font"):
        generated_lines("generated", 32, GeneratedLayout(scripts=["latin"], unseen_fonts=["*"]))
    with pytest.raises(ArgumentError, match="scripts must be names among"):
        generated_lines("generated", 32, GeneratedLayout(scripts=["runes"]))
    with pytest.raises(ArgumentError, match="lines must be 1 to"):
        GeneratedLayout(lines=0)


def test_strings_of_digits():
    layout = LineLayout(height=32, generated=GeneratedLayout(lines=30))
    sets = open_lines("drawn-digits", layout)
    assert all(5 <= len(text) <= 10 and text.isdigit() for text in sets.train.texts)
    assert set("".join(sets.train.texts)) == set("0123456789")
    for number in range(3):
        pixels, text = digit_string("train", number, 32, built_in=True)
        assert np.array_equal(normal_line(Image.fromarray(pixels), 32).pixels, sets.train[number])
        assert text == sets.train.texts[number]
    assert read_lines("drawn-digits", layout)[0].digest() == sets.test.digest()
    with pytest.raises(ArgumentError, match="folds must be 0 with the data drawn-digits"):
        open_lines("drawn-digits", layout, folds=3)
