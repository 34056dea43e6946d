"""Three sets of pairs, from names and from files."""

import gzip
import hashlib
from dataclasses import replace
from functools import partial

import pytest

from unrolled.data import bitext_sets, registry
from unrolled.data.bitext import BitextLayout, Pairs
from unrolled.data.bitext_sets import BitextSets, bitext_names, divide, open_bitext
from unrolled.data.generated_dates import dates
from unrolled.errors import ArgumentError, DataError


def write(path, rows):
    path.write_text("".join(f"{a}\t{b}\n" for a, b in rows))
    return str(path)


def rows(count, prefix=""):
    return [(f"{prefix}s{n} ist da", f"{prefix}t{n} is there") for n in range(count)]


def test_names():
    assert list(bitext_names()) == [
        "dates", "reversal", "numbers", "summaries",
        "multi30k-de-en", "multi30k-en-de", "multi30k-fr-en", "multi30k-en-fr",
    ]  # fmt: skip


def test_made_up_sets(monkeypatch):
    for name, (title, make) in bitext_sets.GENERATED.items():
        monkeypatch.setitem(bitext_sets.GENERATED, name, (title, partial(make, sizes=(200, 10, 20))))
    sets = open_bitext("dates")
    assert (sets.train, sets.valid, sets.test) == dates(sizes=(200, 10, 20))
    assert sets.notes == ["200 training, 10 validation, 20 test pairs"]
    assert [len(open_bitext(name).test) for name in ("reversal", "numbers")] == [20, 20]
    short = open_bitext("dates", max_length=3)
    assert max(len(text.split()) for text in short.train.source) == 3
    assert max(len(text.split()) for text in short.test.source) > 3  # what is measured stays
    assert "a side of more than 3 words" in short.notes[0]


@pytest.fixture
def multi30k(tmp_path, monkeypatch):
    """Small files in place of the published ones."""
    for part, count in (("train", 1500), ("val", 20)):
        for language in ("de", "en", "fr"):
            name = f"multi30k/{part}.{language}"
            lines = [f"{language} {part} number {n}" for n in range(count)]
            if (part, language) == ("train", "de"):
                lines[3] = " "
            data = gzip.compress("".join(f"{line}\n" for line in lines).encode())
            place = tmp_path / registry.NAMED[name].path
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            monkeypatch.setitem(registry.NAMED, name, replace(registry.NAMED[name], size=len(data), sha256=digest))
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("source", "target"), [("de", "en"), ("en", "de"), ("fr", "en"), ("en", "fr")])
def test_published_sets(multi30k, source, target):
    sets = open_bitext(f"multi30k-{source}-{target}")
    empty = "de" in (source, target)
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (500 - empty, 1000, 20)
    assert sets.train.source[0] == f"{source} train number 0"
    assert sets.train.target[-1] == f"{target} train number 499"
    assert sets.valid.source == [f"{source} train number {n}" for n in range(500, 1500)]
    assert sets.test.target == [f"{target} val number {n}" for n in range(20)]
    note = f"multi30k-{source}-{target}: 1 pair skipped: an empty side (first in line 4)"
    assert sets.notes[:-1] == [note] * empty


def test_files_given_beside_a_name(multi30k):
    other = write(multi30k / "test.tsv", [("drei", "three")])
    sets = open_bitext("multi30k-de-en", test=other)
    assert (len(sets.valid), sets.test) == (1000, Pairs(["drei"], ["three"]))
    with pytest.raises(ArgumentError, match="target must be omitted: multi30k-de-en has its own targets"):
        open_bitext("multi30k-de-en", target="x")
    with pytest.raises(ArgumentError, match="fractions must be omitted: dates has its own split"):
        open_bitext("dates", fractions=(0.8, 0.1, 0.1))


def test_parts_are_cut_at_random_but_always_the_same(tmp_path):
    path = write(tmp_path / "a.tsv", rows(1000))
    sets = open_bitext(path)
    parts = (sets.train, sets.valid, sets.test)
    assert tuple(map(len, parts)) == (900, 50, 50)
    assert sorted(source for part in parts for source in part.source) == sorted(source for source, _ in rows(1000))
    assert sets == open_bitext(path)
    assert sets.test.lines == sorted(sets.test.lines) != list(range(951, 1001))
    assert sets.test.source == [rows(1000)[line - 1][0] for line in sets.test.lines]
    assert tuple(map(len, divide(Pairs(["a"] * 10, ["b"] * 10), 3, 0))) == (7, 3, 0)
    cut = open_bitext(path, fractions=(0.5, 0.3, 0.2))
    assert (len(cut.train), len(cut.valid), len(cut.test)) == (500, 300, 200)
    assert len(open_bitext(path, fractions=(0.9, 0.1, 0.0)).test) == 0


def test_no_more_than_is_needed_is_cut(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tsv", rows(1000))
    monkeypatch.setattr(bitext_sets, "MOST_CUT", 20)
    sets = open_bitext(path)
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (960, 20, 20)
    assert len(open_bitext(path, fractions=(0.8, 0.1, 0.1)).test) == 100


def test_two_files_and_parts_that_are_given(tmp_path):
    for part, count in (("train", 100), ("dev", 10), ("test", 5)):
        for at, side in enumerate(("de", "en")):
            text = "".join(f"{row[at]}\n" for row in [*rows(count, part), ("", "x")])
            (tmp_path / f"{part}.{side}").write_text(text)
    name = {
        f"{part}.{side}": str(tmp_path / f"{part}.{side}") for part in ("train", "dev", "test") for side in ("de", "en")
    }
    sets = open_bitext(
        name["train.de"],
        name["train.en"],
        valid=name["dev.de"],
        valid_target=name["dev.en"],
        test=name["test.de"],
        test_target=name["test.en"],
        max_length=3,
    )
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (100, 10, 5)
    assert sets.valid.target[0] == "devt0 is there"
    what = "1 pair skipped: an empty side (first in line"
    where = {part: f"{name[f'{part}.de']}: {what} " for part in ("dev", "test", "train")}
    assert sets.notes == [
        where["dev"] + "11)",
        where["test"] + "6)",
        where["train"] + "101)",
        "100 training, 10 validation, 5 test pairs",
    ]
    some = open_bitext(name["train.de"], name["train.en"], test=name["test.de"], test_target=name["test.en"])
    assert (len(some.train), len(some.valid), len(some.test)) == (95, 5, 5)


def test_what_is_learned_is_not_tested(tmp_path):
    pairs = [*rows(400), *rows(200), ("s0 ist da", "something else")]
    sets = open_bitext(write(tmp_path / "a.tsv", pairs), fractions=(0.6, 0.2, 0.2))
    learned = set(zip(sets.train.source, sets.train.target, strict=True))
    for part in (sets.valid, sets.test):
        assert not learned & set(zip(part.source, part.target, strict=True))
    gone = 601 - sum(map(len, (sets.train, sets.valid, sets.test)))
    assert gone > 50
    counts = [int(note.split(": ")[1].split()[0]) for note in sets.notes if "of training pairs excluded" in note]
    assert (len(counts), sum(counts)) == (2, gone)
    again = write(tmp_path / "test.tsv", rows(3))
    assert len(open_bitext(write(tmp_path / "b.tsv", rows(100)), test=again).test) == 3  # given files stay whole
    with pytest.raises(DataError, match="every pair of the valid set is also a training pair"):
        open_bitext(write(tmp_path / "c.tsv", rows(1) * 50))


def test_exchanged_files_are_told(tmp_path):
    pairs = [
        (f"der Mann {n} sieht einen Hund Nummer a{n}", f"the man {n} sees some dog number b{n}") for n in range(100)
    ]
    data, test = write(tmp_path / "a.tsv", pairs), write(tmp_path / "b.tsv", [pair[::-1] for pair in pairs[:50]])
    note = f"the sources in {test} look like training targets, and its targets like training sources: are its"
    assert any(one.startswith(note) for one in open_bitext(data, test=test).notes)
    assert any(one.startswith(note) for one in open_bitext(data, valid=test).notes)
    assert not any("swapped" in one for one in open_bitext(data, test=data).notes)
    for at, side in enumerate(("x", "y")):
        (tmp_path / side).write_text("".join(f"{pair[at]}\n" for pair in pairs))
    x, y = str(tmp_path / "x"), str(tmp_path / "y")
    notes = open_bitext(x, y, test=y, test_target=x).notes
    assert any(one.endswith(f"are --test {y} and --test-target {x} swapped?") for one in notes)


def test_what_cannot_be_used(tmp_path):
    path = write(tmp_path / "a.tsv", rows(100))
    with pytest.raises(DataError, match="file or named set 'date' does not exist; did you mean 'dates'"):
        open_bitext("date")
    for name in ("", "a" * 5000, "a\0b"):
        with pytest.raises(DataError, match=r"file or named set .* does not exist"):
            open_bitext(name)
    with pytest.raises(DataError, match="there is no file"):
        open_bitext(path, "b" * 5000)
    with pytest.raises(DataError, match="2 pairs: too few for training after splitting off 2"):
        open_bitext(write(tmp_path / "b.tsv", rows(2)))
    with pytest.raises(DataError, match=r"c.tsv: no pairs remain: 100 pairs .* 2 words .*; raise --max-words$"):
        open_bitext(write(tmp_path / "c.tsv", rows(100)), max_length=2)
    with pytest.raises(ArgumentError, match="test_target must be omitted without --test"):
        open_bitext(path, test_target=path)
    for fractions in ((0.5, 0.5, 0.5), (0.0, 0.5, 0.5), (0.9, 0.0, 0.1), (1.2, -0.1, -0.1), (0.5, 0.5)):
        with pytest.raises(ArgumentError, match="fractions must be three numbers"):
            open_bitext(path, fractions=fractions)
    with pytest.raises(ArgumentError, match="fractions must be omitted where files are given"):
        open_bitext(path, fractions=(0.8, 0.1, 0.1), valid=path, test=path)
    for what in ("valid", "test"):  # the part would go to training in silence
        with pytest.raises(ArgumentError, match=f"fractions must be 0 for the set given with --{what}.*add its 0.1"):
            open_bitext(path, fractions=(0.8, 0.1, 0.1), **{what: path})
    sets = open_bitext(path, fractions=(0.8, 0.0, 0.2), valid=path)
    assert [len(part) for part in (sets.train, sets.valid, sets.test)] == [80, 100, 20]


def test_digest():
    one, other = Pairs(["a"], ["x"]), Pairs(["b"], ["y"])
    digests = {BitextSets(*parts).digest() for parts in ((one, one, other), (one, other, one), (other, one, one))}
    assert len(digests) == 3
    assert BitextSets(one, one, other, ["note"]).digest() in digests


def test_a_layout_is_for_every_file(tmp_path):
    path = write(tmp_path / "a.tsv", [("de", "en"), *rows(60)])
    layout = BitextLayout(source_column="en", target_column="de")
    sets = open_bitext(path, layout=layout, test=path)
    assert sets.test.source[0] == "t0 is there"
    assert len(sets.train) + len(sets.valid) == 60
