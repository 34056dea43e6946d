"""Lines rendered with the fonts of the machine; scripts without font or layout are skipped."""

import unicodedata

import numpy as np
import pytest

from unrolled.data import rendered_lines as module
from unrolled.data.line_words import SCRIPTS, Draws, line_text
from unrolled.data.rendered_lines import BUILT_IN, LineRenderer, LineStyle, available_scripts, fonts_of
from unrolled.errors import ArgumentError, DataError


@pytest.fixture
def no_fonts(monkeypatch):
    monkeypatch.setattr(module, "system_fonts", lambda: ())


def renderer(script, **options):
    if script not in available_scripts():
        pytest.skip(f"no font or no Raqm for {script}: install fonts-noto-core and libfribidi0")
    return LineRenderer(LineStyle(scripts=[script], **options), seed=3)


@pytest.mark.parametrize("script", SCRIPTS)
def test_texts_are_normal_and_of_the_right_length(script):
    for index in range(150):
        text = line_text(SCRIPTS[script], Draws(1, index), 10, 25, lambda word: True)
        assert 10 <= len(text) <= 25
        assert text == unicodedata.normalize("NFC", text)
        assert text == " ".join(text.split())
    narrow = line_text(SCRIPTS[script], Draws(1, 1), 3, 3, set(SCRIPTS[script].letters).issuperset)
    assert len(narrow) == 3
    assert set(narrow) <= {*SCRIPTS[script].letters, " "}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_line_is_a_function_of_seed_and_index(script):
    first, second = renderer(script), renderer(script)
    for index in range(4):
        line, again = first(index), second(index)
        assert (line.text, line.script, line.font) == (again.text, script, again.font)
        assert np.array_equal(line.pixels, again.pixels)
        assert line.pixels.shape[0] == 48
        assert line.pixels.dtype == np.uint8
    assert first(0).text != first(1).text


@pytest.mark.parametrize("script", SCRIPTS)
def test_ink_is_inside_the_picture(script):
    draw = renderer(script, disturbed=False, height=32)
    for index in range(6):
        ink = draw(index).pixels < 128
        assert ink.any()
        assert not ink[:, [0, -1]].any()
        rows = np.flatnonzero(ink.any(1))
        assert rows[-1] - rows[0] >= 5


def test_no_character_is_missing_in_the_font():
    scripts = available_scripts()
    draw = LineRenderer(LineStyle(scripts=scripts), seed=5)
    fonts = {font.name: font for name in scripts for font in fonts_of(name)}
    for index in range(60):
        line = draw(index)
        assert fonts[line.font].has(line.text), (line.font, line.text)


def test_mixed_lines_are_drawn_in_visual_order():
    """The word at the left of a Hebrew line is its last one."""
    draw = renderer("hebrew", disturbed=False)
    font = draw.fonts["hebrew"][0]
    ink = np.asarray(module._written("ווו שש", "לק", font.path, Draws(0, 0), 48)) > 128
    columns = ink.any(0)
    gaps = np.flatnonzero(np.diff(columns.astype(int)))
    strokes = len(gaps) // 2
    letters = [ink[:, a + 1 : b + 1] for a, b in zip(gaps[::2], gaps[1::2], strict=True)]
    assert strokes == 5
    assert min(letter.shape[1] for letter in letters[:2]) > 1.5 * max(letter.shape[1] for letter in letters[2:])


def test_fonts_can_be_chosen_and_kept():
    names = [font.name for font in fonts_of("latin")]
    assert [font.name for font in fonts_of("latin", fonts=[names[0]])] == names[:1]
    assert names[0] not in [font.name for font in fonts_of("latin", exclude=[names[0]])]
    draw = LineRenderer(LineStyle(scripts=["latin"], fonts=[names[0]]))
    assert {draw(index).font for index in range(5)} == {names[0]}


def test_a_machine_without_fonts_has_latin_lines(no_fonts):
    assert available_scripts() == ["latin"]
    line = LineRenderer(LineStyle(scripts=["latin"]))(0)
    assert line.font == BUILT_IN
    assert line.text.isascii()
    assert (line.pixels < line.pixels.max() - 60).any()
    with pytest.raises(DataError, match="no font for greek lines; install some, such as Debian's package"):
        LineRenderer(LineStyle(scripts=["greek"]))


def test_scripts_that_need_raqm_are_refused_without_it(monkeypatch):
    monkeypatch.setattr(module, "has_raqm", lambda: False)
    monkeypatch.setattr(module, "fonts_of", lambda script, *_: ["a font"])
    assert available_scripts() == ["latin", "greek", "cyrillic"]
    with pytest.raises(DataError, match="arabic lines need Pillow's text layout Raqm; install the library FriBiDi"):
        LineRenderer(LineStyle(scripts=["arabic"]))


def test_wrong_options_are_refused():
    with pytest.raises(ArgumentError, match=r"scripts must be names among latin, .* got 'klingon'"):
        LineStyle(scripts=["latin", "klingon"])
    with pytest.raises(ArgumentError, match="height must be 16 to 256"):
        LineStyle(height=4)
    with pytest.raises(ArgumentError, match="lengths must be"):
        LineStyle(lengths=(5, 4))
