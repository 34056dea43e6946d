"""The fonts of a machine and their characters."""

import struct

import pytest

from unrolled.data import system_fonts as module
from unrolled.data.system_fonts import font_of, matching, system_fonts


def font_file(table):
    """A file with a table ``cmap`` alone."""
    return struct.pack(">4sHHHH", b"\0\1\0\0", 1, 0, 0, 0) + struct.pack(">4sIII", b"cmap", 0, 28, len(table)) + table


def cmap(form, body):
    return struct.pack(">HHHHI", 0, 1, 3, 10 if form == 12 else 1, 12) + body


FORMAT_4 = cmap(4, struct.pack(">HHHHHHH3HH3H", 4, 0, 0, 6, 0, 0, 0, 0x5A, 0x7A, 0xFFFF, 0, 0x41, 0x61, 0xFFFF))
FORMAT_12 = cmap(12, struct.pack(">HHIII6I", 12, 0, 0, 0, 2, 0x41, 0x5A, 1, 0x1F600, 0x1F601, 30))


def test_characters_are_read_from_both_formats():
    narrow, wide = font_of("a", "a", font_file(FORMAT_4)), font_of("b", "b", font_file(FORMAT_12))
    assert narrow.ranges.tolist() == [[0x41, 0x5A], [0x61, 0x7A]]
    assert narrow.has("AZaz")
    assert narrow.has("")
    assert not narrow.has("Aä")
    assert wide.ranges.tolist() == [[0x41, 0x5A], [0x1F600, 0x1F601]]
    assert wide.has("A\U0001f601")
    assert not wide.has("a")


@pytest.mark.parametrize("cut", [0, 3, 11, 20, 30, 40, 60])
def test_damaged_fonts_have_no_characters(cut):
    font = font_of("a", "a", font_file(FORMAT_4)[:cut])
    assert len(font.ranges) == 0
    assert not font.has("A")


def test_fonts_are_found_in_folders(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/Good-Bold.TTF").write_bytes(font_file(FORMAT_4))
    (tmp_path / "bad.otf").write_bytes(b"")
    (tmp_path / "note.txt").write_bytes(font_file(FORMAT_4))
    monkeypatch.setattr(module, "FOLDERS", (str(tmp_path),))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert [font.name for font in system_fonts.__wrapped__()] == ["Good-Bold"]
    assert matching("Good-Bold", ["Good*"])
    assert not matching("Good-Bold", ["good*"])
