"""The picture of a confusion matrix: it is a PNG file, and names of classes are no mathematics."""

import struct

import numpy as np
import pytest

from unrolled.analysis.confusion_picture import confusion_picture
from unrolled.analysis.picture import shown


def test_it_is_larger_with_more_classes_whatever_they_are_called():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    names = ["$$", "$x^", "\x1b[2J\n", "a" * 300]
    sizes = []
    for count in (2, 4):
        png = confusion_picture(np.eye(count, dtype=np.int64), names[:count], "accuracy 100.0%")
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        sizes.append(struct.unpack(">II", png[16:24]))
    assert sizes == [(480, 480), (555, 555)]


def test_words_in_pictures():
    assert shown("$x\x1b\n", 5) == r"\$x��"
    assert shown("abcdef", 5) == "abcd…"
