"""One file as text: marks, line ends and zero bytes, wherever the blocks are cut."""

import codecs
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import encode_text, open_corpus, prepare
from unrolled.data.textfile import BLOCK, TextFile, describe_changes, normal
from unrolled.errors import DataError


def text_of(path, *how):
    changed = set()
    return "".join(TextFile(path, *how).read(changed)), changed


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("aé字\r\n\ufeff"), max_size=30),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    block=st.integers(1, 5),
    packed=st.booleans(),
)
def test_marks_and_line_ends_wherever_the_blocks_are_cut(tmp_path_factory, text, encoding, block, packed):
    path = tmp_path_factory.mktemp("ends") / ("a.gz" if packed else "a")
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    read_as = "utf-8" if encoding == "utf-8-sig" else encoding  # the mark is left out whoever names it
    marked = encoding == "utf-8-sig" or (encoding != "utf-16" and text.startswith("\ufeff"))
    plain = text.removeprefix("\ufeff") if encoding in ("utf-8", "utf-16-le", "utf-16") else text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unrolled.data.textfile.BLOCK", block)
        assert text_of(path, read_as, "strict", "keep")[0] == plain
        unified, changed = text_of(path, read_as, "strict", "unify")
        assert text_of(path, read_as, "strict", None)[0] == ("\ufeff" if encoding == "utf-8-sig" else "") + text
    assert unified == plain.replace("\r\n", "\n").replace("\r", "\n")
    assert ("\r\n" in changed, "\r" in changed) == ("\r\n" in plain, "\r" in plain.replace("\r\n", ""))
    assert "\ufeff" in changed or not marked


def test_what_was_changed_is_told():
    assert describe_changes({"\r\n", "\n"}) == [r"CRLF line endings converted to \n"]
    assert describe_changes({"\r\n", "\r", "\ufeff"}, "; so") == [
        r"CRLF and CR line endings converted to \n; so",
        "byte order mark removed",
    ]
    assert describe_changes({"\n"}) == []
    assert [normal("\ufeffa\r\nb\r", rule) for rule in ("unify", "keep", None)] == [
        "a\nb\n",
        "a\r\nb\r",
        "\ufeffa\r\nb\r",
    ]


@pytest.mark.parametrize("before", [0, BLOCK - 3, BLOCK, 2 * BLOCK])
def test_a_zero_byte_and_the_ways_on(tmp_path, before):
    path = tmp_path / "a.txt"
    begin = ("x" * 62 + "\r\n").encode() * (before // 64)
    path.write_bytes(begin + b"ab\n\0cd\n")
    line = before // 64 + 2
    with pytest.raises(DataError) as caught:
        text_of(path)
    assert f"a zero byte at offset {len(begin) + 3:,} (line {line:,})" in str(caught.value)
    assert "utf-16" not in str(caught.value)
    assert text_of(path, "utf-8", "ignore")[0] == begin.decode() + "ab\ncd\n"
    assert text_of(path, "utf-8", "replace")[0] == begin.decode() + "ab\n\ufffdcd\n"
    assert "".join(TextFile(path, zeros=True).read()) == begin.decode() + "ab\n\0cd\n"


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (codecs.BOM_UTF16_LE + "some text".encode("utf-16-le"), "--encoding utf-16"),
        ("some text".encode("utf-16-le"), "--encoding utf-16-le"),
        ("some text".encode("utf-16-be"), "--encoding utf-16-be"),
        (codecs.BOM_UTF16_BE + "文字".encode("utf-16-be"), "--encoding utf-16"),
        (codecs.BOM_UTF32_LE + "some text".encode("utf-32-le"), "--encoding utf-32"),
        (codecs.BOM_UTF32_BE + "文字 text".encode("utf-32-be"), "--encoding utf-32"),
        ("some text".encode("utf-32-le"), "--encoding utf-32-le"),
        ("some text".encode("utf-32-be"), "--encoding utf-32-be"),
    ],
)
def test_wide_encodings_are_named_where_they_are(tmp_path, data, remedy):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    for errors in ("strict", "ignore") if 0 in data else ("strict",):
        with pytest.raises(DataError) as caught:
            text_of(path, "utf-8", errors)
        assert f"use {remedy}" in str(caught.value)
    text_of(path, remedy.split()[1])


def test_zeros_left_in_a_wide_encoding(tmp_path):
    """Many tell of another encoding; a single one may be a character of the text, as it always was."""
    path = tmp_path / "a.txt"
    path.write_bytes("some\ntext".encode("utf-32-le"))
    with pytest.raises(
        DataError, match=r"many zeros \(U\+0000, first in line 1\) when read as utf-16-le; .* --encoding utf-32-le"
    ):
        text_of(path, "utf-16-le")
    path.write_bytes("some\nlonger te\0xt".encode("utf-16"))
    assert text_of(path, "utf-16")[0] == "some\nlonger te\0xt"


def test_what_a_binary_file_is_told(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"MZ\0\1\2\3" * 100)
    with pytest.raises(DataError, match=r"is not a text file: it has a zero byte at offset 2 .* give a text file$"):
        text_of(path)


def test_a_corpus_by_each_rule_and_its_cache(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n\r\ntwo\r\rthree".encode())
    parts = {}
    for rule in ("unify", "keep", None):
        corpus = open_corpus(str(path), separator="\r\n\r\n", line_ends=rule)
        chunks = list(corpus.chunks())
        parts[rule] = "".join(chunk.text for chunk in chunks), sum(len(chunk.starts) for chunk in chunks)
        for _ in range(2):  # the second time from the cache
            data = prepare(open_corpus(str(path), line_ends=rule), cache=tmp_path / "cache", fractions=(1.0, 0.0, 0.0))
            notes = (
                [r"CRLF and CR line endings converted to \n; --line-ends keep keeps them"] if rule == "unify" else []
            )
            assert data.notes == ([*notes, "byte order mark removed"] if rule else [])
            assert data.vocabulary.decode(data.train.tokens) == parts[rule][0]
            assert len(encode_text(open_corpus(str(path), line_ends=rule), data.vocabulary)) == len(data.train)
    assert parts == {
        "unify": ("one\n\ntwo\n\nthree", 3),
        "keep": ("one\r\n\r\ntwo\r\rthree", 2),
        None: ("\ufeffone\r\n\r\ntwo\r\rthree", 2),
    }
    fingerprints = [open_corpus(str(path), line_ends=rule).fingerprint() for rule in parts]
    assert all(fingerprints.count(one) == 1 for one in fingerprints)
    assert fingerprints[2][1][-1] == "strict"  # as before there were rules: what is cached stays


def test_what_systems_leave_in_a_folder(tmp_path):
    for name, content in {"a.txt": b"a", "desktop.ini": b"[x]", "Thumbs.db": b"\xd0\0", "~$a.doc": b"x"}.items():
        (tmp_path / name).write_bytes(content)
    corpus = open_corpus(str(tmp_path))
    assert [file.path.name for file in corpus.files] == ["a.txt"]
    assert corpus.notes == ["3 system files skipped"]
    assert len(open_corpus(str(tmp_path), line_ends=None).files) == 3  # as runs from before remember it
