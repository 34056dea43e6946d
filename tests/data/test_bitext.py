"""Pairs of texts: every form in which people keep them, what is left out, and what is said of files that are not."""

import gzip
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import bitext, rows
from unrolled.data.bitext import BitextLayout, Pairs, keep, read_pairs
from unrolled.errors import ArgumentError, DataError

SOURCE = ['Er sagte "nein".', "Ünïcode\u2028fein", "drei"]
TARGET = ['He said "no".', "Ünïcode\x0bfine", "three"]
PAIRS = Pairs(SOURCE, TARGET)


def write(path, content, encoding="utf-8"):
    data = content if isinstance(content, bytes) else content.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def one(path, **layout):
    return read_pairs(path, None, BitextLayout(**layout))


def test_pairs():
    pairs = Pairs(["a", "b", "c"], ["x", "y", "z"], [2, 4, 6])
    assert len(pairs) == 3
    assert pairs.pick([2, 0]) == Pairs(["c", "a"], ["z", "x"])
    assert pairs.pick([2, 0]).lines == [6, 2]
    assert Pairs(["a", "b"], ["x", "y"]).pick([1]).lines == [2]
    assert pairs.digest() != Pairs(["a", "b", "c"], ["x", "y", "zz"]).digest()
    assert pairs.digest() != Pairs(pairs.target, pairs.source).digest()
    assert pairs.digest() == Pairs(pairs.source, pairs.target).digest()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_two_aligned_files(tmp_path, suffix, end, last):
    a = write(tmp_path / f"a.de{suffix}", "\ufeff" + end.join(SOURCE) + end * last)
    b = write(tmp_path / f"a.en{suffix}", end.join(TARGET) + end)
    assert read_pairs(a, b, BitextLayout()) == PAIRS


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(*[st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]))] * 2), min_size=1
    )
)
def test_aligned_files_come_back_as_they_were(tmp_path_factory, both):
    folder = tmp_path_factory.mktemp("pairs")
    a = write(folder / "a", "".join(f"{source}\n" for source, _ in both))
    b = write(folder / "b", "\ufeff" + "".join(f"{target}\r\n" for _, target in both))
    assert read_pairs(a, b, BitextLayout()) == Pairs([source for source, _ in both], [target for _, target in both])


def test_other_encodings(tmp_path):
    a, b = write(tmp_path / "a", "für\n", "latin-1"), write(tmp_path / "b", "f\xfcr\n", "latin-1")
    assert read_pairs(a, b, BitextLayout(encoding="latin-1")) == Pairs(["für"], ["für"])
    with pytest.raises(DataError, match=r"a is not valid utf-8: byte 0xfc at offset 1 .* use --encoding cp1252"):
        read_pairs(a, b, BitextLayout())
    assert read_pairs(a, b, BitextLayout(errors="ignore")) == Pairs(["fr"], ["fr"])
    with pytest.raises(ArgumentError, match="the name of a text encoding"):
        BitextLayout(encoding="utf-9")


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.txt"])
def test_tabs(tmp_path, name):
    path = write(tmp_path / name, "".join(f"{a}\t{b}\trest\n" for a, b in zip(SOURCE, TARGET, strict=True)))
    assert one(path) == PAIRS
    assert one(path, source_column="2", target_column="1") == Pairs(TARGET, SOURCE)


def test_tabs_with_a_header(tmp_path):
    path = write(tmp_path / "a.tsv", "id\ttarget\tsource\n\n1\tx\ta\n2\ty\tb\n")
    expected = Pairs(["a", "b"], ["x", "y"])
    assert one(path) == one(path, source_column="Source", target_column="target") == expected
    assert one(path).lines == [3, 4]
    assert one(path, source_column="source") == one(path, source_column="source", target_column="2") == expected
    assert one(path, header=False) == Pairs(["id", "1", "2"], ["target", "x", "y"])
    languages = write(tmp_path / "b.tsv", "de\ten\na\tx\n")
    assert one(languages, header=True) == Pairs(["a"], ["x"])
    assert one(languages) == Pairs(["de", "a"], ["en", "x"])


def test_commas(tmp_path):
    path = write(tmp_path / "a.csv", '\ufeff"de","en"\n"He, ""you""\nthere",x\nb,y\n')
    expected = Pairs(['He, "you"\nthere', "b"], ["x", "y"])
    assert one(path, source_column="de", target_column="en") == one(path, header=True) == expected
    assert one(path, header=True).lines == [2, 4]
    assert len(one(path, header=False)) == 3
    assert one(write(tmp_path / "b.csv", "src,tgt\na,x\n")) == Pairs(["a"], ["x"])


def test_objects(tmp_path):
    objects = [{"target": b, "source": a, "n": 1} for a, b in zip(SOURCE, TARGET, strict=True)]
    path = write(tmp_path / "a.jsonl.gz", "\n\n".join(map(json.dumps, objects)))
    assert one(path) == PAIRS
    assert one(path).lines == [1, 3, 5]
    assert one(path, source_column="n", target_column="source") == Pairs(["1"] * 3, SOURCE)
    inner = write(tmp_path / "b.jsonl", '{"translation": {"de": "ein", "en": "one"}}\n')
    assert one(inner, source_column="translation.de", target_column="translation.en") == Pairs(["ein"], ["one"])


@pytest.mark.parametrize(
    ("name", "content", "layout", "expected"),
    [
        ("a.tsv", "", {}, ["no pairs"]),
        ("a.tsv", "\n\n", {}, ["no pairs"]),
        ("a.tsv", "source\ttarget\n", {}, ["no pairs"]),
        ("a.txt", "alone\n", {}, ["only one column, 'alone'", "--target"]),
        ("a.tsv", "a\tx\nb\n", {}, ["line 2", "1 columns, the first row has 2"]),
        ("a.csv", "a,b\n1,2\n", {}, ["its first row is a, b", "--source-column", "--no-header"]),
        ("a.csv", "text,b\n1,2\n", {"source_column": "texts", "target_column": "b"}, ["no column 'texts'", "'text'?"]),
        ("a.csv", "a,b\n1,2\n", {"source_column": "a"}, ["none of the usual columns", "--target-column"]),
        ("a.csv", 'source,target\n"open,1\n', {}, ["after line 1", "is a quote missing"]),
        ("a.jsonl", '{"source": "x", "target": 1}\n{"source": \n', {}, ["line 2 is not JSON"]),
        ("a.jsonl", '["x"]\n', {}, ["line 1 must be an object", '"target"']),
        ("a.jsonl", '{"source": "x", "targets": 1}\n', {}, ["none of the usual", "source, targets", "--target-column"]),
        ("a.jsonl", '{"source": "x"}\n', {"target_column": "t.en"}, ["no column 't.en'"]),
        (
            "a.jsonl",
            '{"source": "x", "target": 1}\n{"source": "x"}\n',
            {},
            ["line 2", "'target'", "its keys are source"],
        ),
        ("a.jsonl", '{"source": "x", "target": [1]}\n', {}, ["line 1", "no text or number under 'target'"]),
        ("a.jsonl", '{"source": "\\ud83d", "target": 1}\n', {}, ["line 1", "a lone surrogate"]),
        ("a.tsv", b"caf\xe9\t1\n", {}, ["byte 0xe9 at offset 3", "--encoding cp1252"]),
        ("a.tsv", b"a\0\t1\n", {}, ["zero byte at offset 1 (line 1)", "--errors ignore"]),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, layout, expected):
    path = write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        one(path, **layout)
    for text in (name, *expected):
        assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ({"source_column": "3", "target_column": "1"}, "--source-column must be a number from 1 to 2"),
        (
            {"source_column": "1", "target_column": "1"},
            "--target-column must be different from the column of the source",
        ),
        ({"source_column": "x", "target_column": "1", "header": False}, "--source-column must be a number from 1 to 2"),
        ({"form": "lines"}, "target must be the file whose line n corresponds to line n of"),
    ],
)
def test_layouts_that_do_not_fit(tmp_path, layout, expected):
    with pytest.raises(ArgumentError) as caught:
        one(write(tmp_path / "a.tsv", "a\tx\n"), **layout)
    assert expected in str(caught.value)


def test_two_files_are_of_lines(tmp_path):
    a, b = write(tmp_path / "a", "x\ty\n"), write(tmp_path / "b", "z\n")
    assert read_pairs(a, b, BitextLayout()) == Pairs(["x\ty"], ["z"])
    with pytest.raises(ArgumentError, match="target must be omitted: a file of form tsv contains both sides"):
        read_pairs(a, b, BitextLayout(form="tsv"))
    with pytest.raises(ArgumentError, match="--target-column must be omitted for two aligned files"):
        read_pairs(a, b, BitextLayout(target_column="2"))
    with pytest.raises(ArgumentError, match="header must be omitted for two aligned files"):
        read_pairs(a, b, BitextLayout(header=True))
    with pytest.raises(DataError, match=r"there is no file .*none; give a file with one text"):
        read_pairs(a, tmp_path / "none", BitextLayout())
    with pytest.raises(DataError, match="there is no file"):
        read_pairs(tmp_path, None, BitextLayout())


@pytest.mark.parametrize(("first", "second"), [(3, 1200), (1200, 3), (1, 0)])
def test_files_of_different_length(tmp_path, first, second):
    a, b = write(tmp_path / "a.de", "x\n" * first), write(tmp_path / "b.en", "y\n" * second)
    with pytest.raises(DataError) as caught:
        read_pairs(a, b, BitextLayout())
    assert f"{a} has {first:,} lines and {b} has {second:,};" in str(caught.value)


def test_broken_and_boundless_archives(tmp_path, monkeypatch):
    good = write(tmp_path / "a.gz", "x\n" * 10)
    whole = gzip.compress(os.urandom(5000).hex().encode())
    for name, content in (
        ("cut.gz", whole[: len(whole) // 2]),
        ("none.gz", b"text\n"),
        ("bad.gz", whole[:-8] + b"12345678"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"cannot read .*{name}: \w.*"):
            read_pairs(good, tmp_path / name, BitextLayout())
    wide = write(tmp_path / "wide.gz", b"a" * (1 << 22))  # 4 kB that become 4 MB
    monkeypatch.setattr(rows, "LONGEST", 1 << 20)
    with pytest.raises(DataError, match=r"wide.gz has a line of over 1,048,576 characters"):
        read_pairs(wide, good, BitextLayout())
    monkeypatch.setattr(bitext, "MOST", 5)
    with pytest.raises(DataError, match=r"a.gz has more than 5 pairs"):
        read_pairs(good, good, BitextLayout())
    monkeypatch.setattr(bitext, "MOST", 50)
    monkeypatch.setattr(bitext, "CHARACTERS", 9)
    with pytest.raises(DataError, match=r"a.gz has more than 9 characters"):
        read_pairs(good, good, BitextLayout())


def words(count):
    return " ".join(["w"] * count)


def test_what_cannot_be_learned_is_left_out_and_told():
    lengths = [(3, 3), (0, 2), (3, 8), (3, 7), (11, 9), (10, 10), (2, 0), (12, 1), (4, 0)]
    pairs = Pairs([f" {words(a)}\u2003" for a, _ in lengths], [words(b) for _, b in lengths], list(range(101, 110)))
    kept, notes = keep(pairs, max_length=10, max_ratio=2)
    assert kept == Pairs([words(3), words(3), words(10)], [words(3), words(7), words(10)])
    assert kept.lines == [101, 104, 106]
    assert notes == [
        "3 pairs skipped: an empty side (first in line 102)",
        "2 pairs skipped: a side of more than 10 words (first in line 105)",
        "1 pair skipped: one side more than 2 times as long as the other (first in line 103)",
    ]


def test_the_remedy_is_one_for_what_was_left_out():
    empty, long, unlike = ("", "x"), (words(11), words(11)), (words(2), words(9))
    give = "give pairs with text on both sides"
    for some, remedy in (
        ([empty], give),
        ([long], "raise --max-words"),
        ([unlike], "raise --max-ratio"),
        ([unlike, empty, long], f"{give} or raise --max-words or raise --max-ratio"),
        ([], "give some"),
    ):
        with pytest.raises(DataError, match=r"^no pairs remain: .*") as found:
            keep(Pairs([a for a, _ in some], [b for _, b in some]), max_length=10, max_ratio=2)
        assert str(found.value).rpartition("; ")[2] == remedy


def test_where_words_tell_no_length_there_is_no_ratio():
    dates = Pairs([words(7)] * 3, ["2016-11-05", "2016-11-06", words(1)])
    assert keep(dates, max_length=10, max_ratio=1.5) == (dates, [])
    mixed = Pairs([words(7)] * 4, [words(7), words(7), words(1), words(1)])
    assert len(keep(mixed, max_length=10, max_ratio=1.5)[0]) == 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1), st.integers(1, 12), st.floats(1, 6))
def test_all_that_are_kept_are_within_the_limits(lengths, most, ratio):
    lengths = [(1, 1), (2, 2), *lengths] if most > 1 else [(1, 1), *lengths]
    kept, notes = keep(
        Pairs([words(a) for a, _ in lengths], [words(b) for _, b in lengths]), max_length=most, max_ratio=ratio
    )
    sizes = [(len(a.split()), len(b.split())) for a, b in zip(kept.source, kept.target, strict=True)]
    assert sizes == [lengths[line - 1] for line in kept.lines]
    assert all(min(pair) >= 1 and max(pair) <= most for pair in sizes)
    assert sum(int(note.split()[0]) for note in notes) == len(lengths) - len(kept)
