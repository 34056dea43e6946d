"""Corpora: what a name, file, folder or pattern gives, and what is said when it cannot be read."""

import codecs
import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import open_corpus
from unrolled.data.textfile import BLOCK, TextFile
from unrolled.errors import ArgumentError, DataError


def read(corpus):
    """The text, and the positions where documents begin."""
    text, starts = "", []
    for chunk in corpus.chunks():
        starts += [len(text) + start for start in chunk.starts]
        text += chunk.text
    return text, starts


def test_a_file_is_one_document_with_its_line_ends(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("a\r\nb\rc\né😀".encode())
    assert read(open_corpus(str(file))) == ("a\r\nb\rc\né😀", [0])


@given(text=st.text(st.sampled_from("aé字😀\r\n"), min_size=1), block=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_characters_across_blocks(tmp_path_factory, text, block):
    file = tmp_path_factory.mktemp("blocks") / "a.txt"
    file.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unrolled.data.textfile.BLOCK", block)
        parts = list(TextFile(file).read())
    assert "".join(parts) == text
    assert all(parts)
    assert max(map(len, parts)) <= block + 3


def test_reading_is_lazy(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("x" * (3 * BLOCK))
    chunks = list(open_corpus(str(file)).chunks())
    assert [len(chunk.text) for chunk in chunks] == [BLOCK] * 3


def test_a_folder_is_read_in_order_without_what_is_not_text(tmp_path):
    for name, content in {
        "b.txt": b"bb",
        "a/z.txt": b"az",
        "a.txt": b"a",
        ".hidden/x.txt": b"no",
        ".secret": b"no",
        "picture.png": b"\x89PNG\0\0",
        "empty.txt": b"",
        "c.txt.gz": gzip.compress(b"cc"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    corpus = open_corpus(str(tmp_path))
    assert [str(file.path.relative_to(tmp_path)) for file in corpus.files] == [
        "a/z.txt",
        "a.txt",
        "b.txt",
        "c.txt.gz",
    ]
    assert read(corpus) == ("azabbcc", [0, 2, 3, 5])
    assert corpus.notes == ["1 binary file skipped", "1 empty file skipped"]


def test_a_pattern(tmp_path):
    for name in ("x1.txt", "x2.txt", "y.txt"):
        (tmp_path / name).write_text(name)
    assert read(open_corpus(str(tmp_path / "x*.txt"))) == ("x1.txtx2.txt", [0, 6])
    with pytest.raises(DataError, match="no text files found"):
        open_corpus(str(tmp_path / "q*.txt"))


def test_a_separator_ends_documents(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one\n\ntwo\n\nthree")
    assert read(open_corpus(str(file), separator="\n\n")) == ("one\n\ntwo\n\nthree", [0, 5, 10])
    file.write_text("one|")
    assert read(open_corpus(str(file), separator="|")) == ("one|", [0])
    with pytest.raises(ArgumentError, match="separator"):
        open_corpus(str(file), separator="")


def test_the_standard_library_is_always_there():
    corpus = open_corpus("stdlib")
    inside = [os.path.relpath(file.path, os.path.dirname(os.path.realpath(os.__file__))) for file in corpus.files]
    assert {"os.py", "tokenize.py", os.path.join("json", "decoder.py")} <= set(inside)
    parts = {part for path in inside for part in path.split(os.sep)}
    assert not parts & {"test", "tests", "idle_test", "site-packages", "__pycache__"}
    assert all(path.endswith(".py") for path in inside)
    assert sum(file.path.stat().st_size for file in corpus.files) > 5_000_000
    corpus.files = [file for file in corpus.files if file.path.name in ("os.py", "tokenize.py")]
    text, starts = read(corpus)
    assert len(starts) == len(corpus.files) >= 2
    assert "def walk(top" in text


def test_coding_lines_of_the_standard_library_are_honoured(tmp_path, monkeypatch):
    (tmp_path / "latin.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\n")
    (tmp_path / "odd.py").write_bytes(b"# coding: nonsense\n")
    (tmp_path / "os.py").write_bytes(b"import sys\n")
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    corpus = open_corpus("stdlib")
    assert read(corpus) == ("# coding: latin-1\nx = 'é'\nimport sys\n", [0, 26])
    assert len(corpus.notes) == 1
    assert "odd.py" in corpus.notes[0]


def failure(path, **options):
    """The message of the error, which must be a single line."""
    with pytest.raises(DataError) as caught:
        read(open_corpus(str(path), **options))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000, "~nobody-of-this-name/x", "["])
def test_names_that_no_file_has(name):
    assert "does not exist" in failure(name) or "no text files found" in failure(name)


def test_bad_files_are_named_with_a_remedy(tmp_path):
    (tmp_path / "story.txt").write_text("x")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "binary.txt").write_bytes(b"abc\0def")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert "did you mean" in failure(tmp_path / "stroy.txt")
    assert "story.txt" in failure(tmp_path / "stroy.txt")
    assert "did you mean 'shakespeare'" in failure("shakespear")
    assert "is empty" in failure(tmp_path / "empty.txt")
    assert "zero byte at offset 3" in failure(tmp_path / "binary.txt")
    assert "cannot read" in failure(tmp_path / "cut.txt.gz")
    assert "no text files found" in failure(tmp_path / "folder")
    assert "not a regular file" in failure(tmp_path / "pipe")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    file.write_text("x")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who may run this, can read every file
    assert "permission denied" in failure(file)


@pytest.mark.parametrize("before", [0, 3, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
def test_the_offset_of_bytes_that_are_not_utf8(tmp_path, before):
    file = tmp_path / "a.txt"
    file.write_bytes(b"x" * before + b"\xe9t\xe9")
    message = failure(file)
    assert f"byte 0xe9 at offset {before} " in message
    assert f"--encoding {'cp1252' if before else 'latin-1'}" in message
    assert "--errors replace" in message
    assert read(open_corpus(str(file), encoding="latin-1"))[0].endswith("été")
    assert read(open_corpus(str(file), errors="replace"))[0].endswith("\ufffdt\ufffd")


def test_a_character_cut_off_at_the_end(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc\xf0\x9f")
    assert "at offset 3" in failure(file)


def test_utf16_has_zero_bytes_and_is_text(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(codecs.BOM_UTF16_LE + "abc é".encode("utf-16-le"))
    assert read(open_corpus(str(file), encoding="utf-16"))[0] == "abc é"


@pytest.mark.parametrize("options", [{"encoding": "utf8x"}, {"encoding": "base64"}, {"errors": "surrogateescape"}])
def test_wrong_options(tmp_path, options):
    with pytest.raises(ArgumentError):
        open_corpus(str(tmp_path), **options)


def test_the_fingerprint_tells_changes(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("x")
    before = open_corpus(str(file)).fingerprint()
    assert before == open_corpus(str(file)).fingerprint()
    assert before != open_corpus(str(file), separator="x").fingerprint()
    assert before != open_corpus(str(file), encoding="latin-1").fingerprint()
    file.write_text("xy")
    assert before != open_corpus(str(file)).fingerprint()


def test_literal_text_is_a_corpus_and_its_text_is_its_fingerprint():
    assert "".join(chunk.text for chunk in open_corpus("text:hello\n").chunks()) == "hello\n"
    assert open_corpus("text:a").fingerprint() != open_corpus("text:b").fingerprint()
    with pytest.raises(DataError, match="text:hello"):
        open_corpus("text:")
