"""Lines of folders, archives, tables and arrays; their parts; what is skipped and noted."""

import numpy as np
import pytest
from line_making import hash_of, line, pairs, save, tar

from unrolled.data.line_lists import likely_lines
from unrolled.data.line_sets import LineLayout, open_lines, read_lines
from unrolled.errors import ArgumentError, DataError

SMALL = LineLayout(height=24)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path_factory.mktemp("cache")))


def parts_of(sets):
    return {part: set(lines.names) for part, lines in sets.parts().items()}


def test_folders_and_archives_give_the_same_sets(tmp_path):
    for book in ("1476", "1505"):
        pairs(tmp_path / "books", 30, f"GT/{book}/x")
    tar(tmp_path / "books", tmp_path / "books.tar")
    folder, archive = (open_lines(str(tmp_path / name), SMALL) for name in ("books", "books.tar"))
    assert parts_of(folder) == parts_of(archive)
    assert folder.digest() == archive.digest()
    assert [len(part) for part in folder.parts().values()] == [48, 6, 6]
    for part in folder.parts().values():  # the same share of each book
        assert part.groups.count("1476") == part.groups.count("1505") > 0
    lines, number = folder.train, 7
    picked = lines.pick([number])
    assert picked[0].shape == (24, picked.widths[0])
    assert np.array_equal(picked[0], lines[number])
    assert folder.how == ["books: 60 pictures with a text file each"]


def test_pixels_and_text_belong_together(tmp_path):
    pairs(tmp_path, 12)
    lines, _ = read_lines(str(tmp_path), SMALL)
    for number in range(len(lines)):
        own = int(lines.texts[number].split()[1])
        assert np.array_equal(lines[number], line(seed=own))


def test_names_of_pairs(tmp_path):
    for name in ("a.nrm.png", "b.bin.png", "b.png", "c.d.1.png", "e.png", "alone.png", "._a.png"):
        save(tmp_path / name, line(seed=len(name)))
    for name in ("a.gt.txt", "b.gt.txt", "b.txt", "c.d.1.txt", "e.txt", "lost.gt.txt", "empty.gt.txt", "notes.md"):
        (tmp_path / name).write_text("" if name == "empty.gt.txt" else f"of {name}", encoding="utf-8")
    save(tmp_path / "empty.png", line())
    lines, notes = read_lines(str(tmp_path), SMALL)
    assert dict(zip(lines.names, lines.texts, strict=True)) == {
        "a.nrm.png": "of a.gt.txt", "b.png": "of b.gt.txt", "c.d.1.png": "of c.d.1.txt", "e.png": "of e.txt",
    }  # fmt: skip
    said = "\n".join(notes)
    assert "1 picture without a text: alone.png" in said
    assert "1 text without a picture: lost.gt.txt" in said
    assert "1 file that is neither skipped: notes.md" in said
    assert "1 of 5 lines without text skipped (empty.png)" in said


def test_given_parts(tmp_path):
    pairs(tmp_path, 20, "training", "a")
    pairs(tmp_path, 5, "testing", "b")
    sets = open_lines(str(tmp_path), SMALL)
    assert [len(part) for part in sets.parts().values()] == [18, 2, 5]
    assert all(name.startswith("testing/") for name in sets.test.names)
    folded = open_lines(str(tmp_path), SMALL, folds=5, fold=1)
    assert len(folded.test) == 4
    assert any("test part is not used, because --folds" in note for note in folded.notes)


def test_folds_use_every_line_once_and_equal_pictures_stay_together(tmp_path):
    pairs(tmp_path, 20)
    save(tmp_path / "twin.png", line(seed=3))
    (tmp_path / "twin.txt").write_text("other text", encoding="utf-8")
    tests = [open_lines(str(tmp_path), SMALL, folds=5, fold=fold).test for fold in range(5)]
    assert sorted(name for test in tests for name in test.names) == sorted(read_lines(str(tmp_path), SMALL)[0].names)
    (home,) = [test for test in tests if "twin.png" in test.names]
    assert "line-3.png" in home.names
    with pytest.raises(ArgumentError, match="at most the number of different lines, 20"):
        open_lines(str(tmp_path), SMALL, folds=30)


def test_several_paths_and_a_separate_test_set(tmp_path):
    for name in ("latin", "greek", "other"):
        pairs(tmp_path / name, 10, f"{name}-1")
    both = open_lines(f"{tmp_path}/latin,{tmp_path}/greek", SMALL)
    assert set(both.train.groups) == {"latin", "greek"}
    assert parts_of(both) == parts_of(open_lines(f"{tmp_path}/*e[ek]*,{tmp_path}/la*", SMALL))
    assert len(open_lines(str(tmp_path / "latin"), SMALL, test=str(tmp_path / "greek")).test) == 10
    with pytest.raises(DataError, match="grek' does not exist"):
        open_lines(f"{tmp_path}/latin,{tmp_path}/grek", SMALL)
    with pytest.raises(DataError, match="is given twice"):
        open_lines(f"{tmp_path}/latin,{tmp_path}/latin", SMALL)


def test_duplicates_across_given_parts_are_noted(tmp_path):
    pairs(tmp_path, 20, "train")
    for number in range(3):
        save(tmp_path / "test" / f"{number}.png", line(seed=hash_of("train", number)))
        (tmp_path / "test" / f"{number}.gt.txt").write_text("another text of a line")
    notes = open_lines(str(tmp_path), SMALL).notes
    assert any(note.startswith("3 of 3 test pictures are also training pictures") for note in notes)


@pytest.mark.parametrize(
    ("table", "more"),
    [
        ("a.png\tone, two\nb.png\tthree\n", "no.png\tx\n"),
        ("a.png one, two\nb.png three\n", "no.png x\n"),
        ("text\timage\none, two\ta\nthree\tb\n", "x\tno.png\n"),
    ],
)
def test_tables(tmp_path, table, more):
    for name in "ab":
        save(tmp_path / f"{name}.png", line(seed=ord(name)))
    (tmp_path / "list.tsv").write_text(table, encoding="utf-8")
    lines, _ = read_lines(str(tmp_path / "list.tsv"), SMALL)
    assert lines.texts == ["one, two", "three"]
    assert np.array_equal(lines[1], line(seed=ord("b")))
    (tmp_path / "list.tsv").write_text(table + more)
    at = len((table + more).splitlines())
    with pytest.raises(DataError, match=rf"1 pictures? that do not exist: 'no\.png' \(line {at}\)"):
        read_lines(str(tmp_path / "list.tsv"), SMALL)


def test_arrays_have_parts_and_the_sizes_of_originals(tmp_path):
    pixels = np.stack([line(100, 32, seed) for seed in range(20)])
    sizes = np.array([[60, 20]] * 20)
    texts = np.array([f"word {n}" for n in range(20)])
    np.savez(
        tmp_path / "a.npz", train_x=pixels, train_y=texts, train_wh=sizes, test_x=pixels[:4, ::-1], test_y=texts[:4]
    )
    sets = open_lines(str(tmp_path / "a.npz"), SMALL)
    assert [len(part) for part in sets.parts().values()] == [18, 2, 4]
    assert set(sets.train.widths) == {72}
    assert set(sets.test.widths) == {75}
    np.savez(tmp_path / "b.npz", images=pixels, labels=np.arange(20))
    with pytest.raises(DataError, match=r"texts of type int64; save them as an array of texts"):
        read_lines(str(tmp_path / "b.npz"), SMALL)
    np.savez(tmp_path / "c.npz", x=pixels, y=np.array([{}] * 20, object))
    with pytest.raises(DataError, match="no Python objects"):
        read_lines(str(tmp_path / "c.npz"), SMALL)


def test_damaged_pictures(tmp_path):
    pairs(tmp_path, 10)
    (tmp_path / "line-3.png").write_text("not a picture")
    (tmp_path / "line-4.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"line-3\.png is not a picture but a text file.*one of 2: line-3\.png, line-4"):
        open_lines(str(tmp_path), SMALL)
    lines, notes = read_lines(str(tmp_path), LineLayout(height=24, skip=True))
    assert len(lines) == 8
    assert "line-3.png" not in lines.names
    assert "2 lines skipped" in notes[-1] + notes[0]
    assert np.array_equal(lines[lines.names.index("line-9.png")], line(seed=9))


def test_pages_instead_of_lines(tmp_path):
    for name, text in (("a", "x" * 200), ("b", "y" * 200)):
        save(tmp_path / f"{name}.png", line(60, 80, ord(name)))
        (tmp_path / f"{name}.txt").write_text(text)
    with pytest.raises(DataError, match=r"no picture is a single line of text.*pages or paragraphs"):
        read_lines(str(tmp_path), SMALL)


def test_lines_that_the_cache_cannot_hold(tmp_path, monkeypatch):
    pairs(tmp_path, 4)
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "5k")
    with pytest.raises(DataError, match=r"more than the cache may hold, 5e-06 GB; give a lower --height"):
        read_lines(str(tmp_path), SMALL)


def test_likely_lines(tmp_path):
    pairs(tmp_path / "a", 4)
    tar(tmp_path / "a", tmp_path / "a.tar")
    np.savez(tmp_path / "a.npz", train_x=np.zeros(1), train_y=np.zeros(1))
    np.savez(tmp_path / "b.npz", other=np.zeros(1))
    save(tmp_path / "c" / "a.png", line())
    (tmp_path / "c" / "a.xml").write_text('<?xml version="1.0"?><alto xmlns="x">')
    for name, likely in (("a", 1), ("a.tar", 1), ("a.npz", 1), ("b.npz", 0), ("c", 0), ("c/a.xml", 1), ("none", 0)):
        assert likely_lines(tmp_path / name) == bool(likely)


def test_odd_archives_and_texts(tmp_path):
    pairs(tmp_path / "a", 4)
    tar(tmp_path / "a", tmp_path / "a.tar")
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:1500])
    with pytest.raises(DataError, match=r"b\.tar"):
        read_lines(str(tmp_path / "b.tar"), SMALL)
    (tmp_path / "c.tar.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match="is compressed; decompress it"):
        read_lines(str(tmp_path / "c.tar.gz"), SMALL)
    (tmp_path / "a" / "line-1.gt.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"line-1\.gt\.txt cannot be read as utf-8"):
        read_lines(str(tmp_path / "a"), SMALL)
    (tmp_path / "a" / "line-1.gt.txt").write_bytes("\ufeffwide".encode("utf-16-le"))
    assert "wide" in read_lines(str(tmp_path / "a"), SMALL)[0].texts
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no pair such as x\.png and x\.gt\.txt"):
        read_lines(str(tmp_path / "empty"), SMALL)
