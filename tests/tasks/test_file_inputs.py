"""Words of a command line that name files and folders."""

import io
import itertools
import os
import sys
from pathlib import Path

import pytest

from unrolled.data.natural_order import natural
from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.common.file_inputs import FileInputs


class Pictures(FileInputs):
    endings = (".png",)


class Clips(FileInputs):
    endings = (".npz",)

    def is_one(self, folder):
        return (folder / "frame-1").exists()


def made(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def names(options, *words):
    return [one.title for some in options.inputs([str(word) for word in words]) for one in some]


def test_numbers_in_names_are_counted():
    given = ["a10", "a9", "a2b10", "a2b9", "b1", "10", "9", "1²", "1", "¹", "a", "٣"]
    assert sorted(given, key=natural) == ["1", "1²", "٣", "9", "10", "a", "a2b9", "a2b10", "a9", "a10", "b1", "¹"]


def test_a_folder_is_all_its_files_in_natural_order(tmp_path):
    made(tmp_path, "x/b-10.png", "x/b-9.PNG", "x/a.txt", "x/.hidden.png", "x/.git/c.png", "x/y/a.png")
    (tmp_path / "x" / "folder.png").mkdir()
    os.mkfifo(tmp_path / "x" / "pipe.png")
    (tmp_path / "x" / "gone.png").symlink_to("nowhere")
    assert [Path(one).name for one in names(Pictures(), tmp_path / "x")] == ["b-9.PNG", "b-10.png", "a.png"]
    assert [Path(one).name for one in names(FileInputs(), tmp_path / "x")] == ["a.txt", "b-9.PNG", "b-10.png", "a.png"]


def test_files_that_are_named_are_taken_whatever_their_ending(tmp_path):
    made(tmp_path, "a.txt")
    assert names(Pictures(), tmp_path / "a.txt", "no/such.gif") == [str(tmp_path / "a.txt"), "no/such.gif"]


def test_a_folder_that_is_one_input(tmp_path):
    made(tmp_path, "all/one/frame-1", "all/one/deep/a.npz", "all/b.npz", "all/c.txt")
    assert names(Clips(), tmp_path / "all" / "one") == [str(tmp_path / "all" / "one")]
    assert names(Clips(), tmp_path / "all") == [str(tmp_path / "all" / name) for name in ("b.npz", "one")]


def test_an_empty_folder_is_refused_after_what_comes_before(tmp_path):
    made(tmp_path, "x/a.txt")
    for options, kinds in ((Pictures(), r"\.png"), (FileInputs(), "visible")):
        folder = tmp_path / "x" if kinds != "visible" else tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        with pytest.raises(DataError, match=f"has no {kinds} files; name files, or another folder$"):
            names(options, folder)


def test_a_few_files_at_a_time_are_looked_at(tmp_path):
    chunks = FileInputs().inputs([f"{n}" for n in range(70)])
    assert [len(some) for some in chunks] == [32, 32, 6]
    assert len(next(FileInputs().inputs(map(str, itertools.islice(itertools.count(), 40))))) == 32


def test_standard_input_is_one_file(monkeypatch):
    for words in ([], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00")))
        [[found]] = FileInputs().inputs(words)
        assert (found.title, found.content) == ("standard input", b"\xff\x00")


def test_at_a_terminal_files_are_asked_for(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(ArgumentError, match="file must be at least one file or folder, or -, got 'nothing'"):
        FileInputs().inputs([])
