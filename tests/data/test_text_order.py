"""The order of text against python-bidi, examples of the Unicode standard, and the way back."""

import os
import random
import tarfile
from pathlib import Path

import pytest

from unrolled.data.bidi import REMOVED, bidi_class, levels, mirrored, reorder, restore
from unrolled.data.text_order import TextOrder
from unrolled.errors import ArgumentError

CHARACTERS = "abאבגاب123٣ .,()[]%+-:/<\u05b0\u0301\u200f"
EXPLICIT = "abאב1٣ .,()[\u05b0\u200d\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HEBREW, ARABIC = "שלום עולם ספר בית".split(), "كتاب بيت ولد مدينة".split()
OTHERS = "Web 3D iPod 12 3.14 50% 7:30 -5 ١٢٣ (a) [ב] .".split()


def lines(words, count=60):
    draw = random.Random(5)
    return [" ".join(draw.choices([*words, *OTHERS], k=draw.randrange(2, 9))) for _ in range(count)]


@pytest.mark.parametrize("characters", [CHARACTERS, EXPLICIT], ids=["implicit", "explicit"])
def test_levels_are_those_of_a_second_implementation(characters):
    reference = pytest.importorskip("bidi")
    draw = random.Random(1)

    def visible(text):
        return "".join(character for character in text if bidi_class(character) not in REMOVED)

    for _ in range(1500):
        text = "ב" + "".join(draw.choices(characters, k=draw.randrange(14)))
        for base in (0, 1):
            mine = "".join(text[place] for place in reorder(levels(text, base)))
            assert visible(mine) == visible(reference.get_display(text, base_dir="LR"[base])), ascii((text, base))


def test_restore_is_the_inverse_of_reorder():
    found = [0, 1, 1, 2, 2, 1, 3, 0, 4, 4, 1]
    order = reorder(found)
    back = restore([found[place] for place in order])
    assert [order[place] for place in back] == list(range(len(found)))


def test_mirrored_characters_come_in_pairs():
    assert [mirrored(character) for character in "([{«<≤‹a"] == list(")]}»>≥›a")
    assert all(mirrored(mirrored(chr(code))) == chr(code) for code in range(0x3100))


def test_order_of_mixed_lines():
    order = TextOrder()
    assert "".join(order.symbols("abc אבג (ד) 12")) == "abc 12 (ד) גבא"
    assert "".join(order.symbols("אב (abc) 12.")) == ".12 (abc) בא"
    assert order.places("אב 12.") == [5, 3, 4, 2, 1, 0]
    assert "".join(TextOrder("ltr").symbols("אב!")) == "בא!"
    assert "".join(TextOrder("rtl").symbols("ab!")) == "!ab"
    assert order.symbols("שָׁלוֹם")[:2] == ["ם", "ו"]  # a mark follows its letter
    assert order.symbols("שָׁ") == list("שָׁ")


def test_left_standing_signs_precede_their_consonants():
    order = TextOrder()
    assert "".join(order.symbols("स्थिति हिन्दी")) == "िस्थित िहन्दी"
    assert order.places("कि") == [1, 0]
    assert "".join(order.symbols("கெ க்கெ")) == "ெக க்ெக"  # Tamil: the virama is visible
    assert "".join(order.symbols("किं")) == "िकं"
    for text in ("स्थिति", "किं", "क्षत्रियः पङ्क्ति", "கெ க்கெ", "কি ক্ষি", "ស្ត្រេ", "မြေ", "क्\u200cषि", "र्\u200dकि"):
        assert order.text(order.symbols(text)) == text
        assert sorted(order.places(text)) == list(range(len(text)))


def test_clusters_are_letters_with_all_their_marks():
    order = TextOrder(units="clusters")
    assert order.symbols("स्थिति é") == ["स्थि", "ति", " ", "é"]
    assert order.places("स्थिति") == [0, 4]
    assert order.symbols("שָׁלו") == ["ו", "ל", "שָׁ"]


@pytest.mark.parametrize("units", ["code-points", "clusters"])
@pytest.mark.parametrize("direction", ["auto", "ltr", "rtl"])
def test_the_way_back_has_exactly_the_same_symbols(direction, units):
    order = TextOrder(direction, units)
    for text in lines(HEBREW) + lines(ARABIC):
        symbols = order.symbols(text)
        assert order.symbols(order.text(symbols)) == symbols, ascii(text)


def test_lines_with_one_reading_come_back():
    for direction in ("auto", "rtl"):
        order = TextOrder(direction)
        for text in (
            "שלום (עולם), 12.5 ספר!",
            "كتاب ١٩٦٣ . ٨٤ ص .",
            "ادوار، ج١ .",
            "ספר Web 2 בית",
            "٣١ - ٣ - ٥٤ افتتح",
        ):
            assert order.text(order.symbols(text)) == text
    assert TextOrder().text(TextOrder().symbols("see שלום, here")) == "see שלום, here"


def test_odd_lines():
    order = TextOrder()
    for text in ("", " ", "\u0301", "\u202e", "\u202eabc", "ि", "א\u2067", "\tא \t"):
        symbols = order.symbols(text)
        assert sorted(symbols) == sorted(text)
        assert sorted(order.text(symbols)) == sorted(text)


def test_unknown_options_are_refused():
    with pytest.raises(ArgumentError, match="direction must be one of auto, ltr, rtl"):
        TextOrder("left")
    with pytest.raises(ArgumentError, match="units must be one of code-points, clusters"):
        TextOrder(units="bytes")


@pytest.mark.parametrize("archive", ["arabic-jstor", "devanagari-synthetic"])
def test_real_lines_come_back(archive):
    path = Path(os.environ.get("UNROLLED_DATA", "")) / f"ocr/{archive}.tar"
    if not path.is_file():
        pytest.skip(f"UNROLLED_DATA has no ocr/{archive}.tar")
    with tarfile.open(path) as tar:
        names = [name for name in tar.getnames() if name.endswith(".gt.txt")][::9]
        texts = [tar.extractfile(name).read().decode().strip("\ufeff\n") for name in names]
    assert len(texts) > 40
    for order in (TextOrder(), TextOrder(units="clusters")):
        changed = [text for text in texts if order.symbols(text) != list(text)]
        assert len(changed) > len(texts) / 2
        assert [order.text(order.symbols(text)) for text in texts] == texts
