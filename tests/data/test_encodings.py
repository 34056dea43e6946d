"""Which bytes are read as Windows-1252 without an option, and which are not."""

import pytest

from unrolled.data.encodings import AUTO, guess
from unrolled.data.textfile import TextFile
from unrolled.errors import DataError

FRENCH = "Le café de l’été, déjà vu – « où ? » à 5 €. Straße, Übung, naïve, señor. ÉTÉ."


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (FRENCH, "cp1252", "cp1252"),
        ("caf\xe9", "latin-1", "cp1252"),
        ("plain", "ascii", "utf-8"),
        (FRENCH, "utf-8", "utf-8"),
        (FRENCH.replace("’", "'").replace("–", "-").replace("€", "E"), "mac-roman", "utf-8"),
        ("schöne Übung für die Straße, naïve Bären", "cp850", "utf-8"),
        ("Zażółć gęślą jaźń, święto, mąż, pięć", "cp1250", "utf-8"),
        ("Это русский текст без знаков", "cp1251", "utf-8"),
        ("日本語のテキストです", "shift-jis", "utf-8"),
        ("caf\xe9", "utf-16", "utf-8"),
    ],
)
def test_what_is_guessed(text, encoding, expected):
    data = text.encode(encoding, "replace")
    assert guess(lambda: [data[:5], data[5:]]) == expected


def test_utf8_with_one_stray_byte_is_damaged_and_not_guessed():
    damaged = "déjà vu, ".encode() + b"caf\xe9"
    assert guess(lambda: [damaged]) == "utf-8"
    assert guess(lambda: [b"caf\xe9, " + "déjà vu, été".encode()]) == "utf-8"


def test_a_file_is_read_with_the_guess_unless_an_encoding_is_given(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(FRENCH.encode("cp1252"))
    assert "".join(TextFile(path, AUTO).read()) == FRENCH
    assert TextFile(path, AUTO).is_guessed
    with pytest.raises(DataError, match="not valid utf-8: byte 0xe9"):
        list(TextFile(path, "utf-8").read())
    assert "caf\ufffd" in "".join(TextFile(path, AUTO, "replace").read())  # as asked for: UTF-8 with replacements
    path.write_text("now UTF-8: é")
    assert "".join(TextFile(path, AUTO).read()) == "now UTF-8: é"
