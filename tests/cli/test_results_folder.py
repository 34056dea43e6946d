"""Reports on a terminal, and the folder of --out."""

from __future__ import annotations

import json
import math
import os

import pytest

from unrolled.cli.terminal.results import note_unsaved, save_part, show_part, show_report
from unrolled.cli.terminal.results_folder import Folder, finite, folder_of, safe, save
from unrolled.errors import ArgumentError, SaveError
from unrolled.results import Drawing, Pairs, Picture, Report, Series, Table, Text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b (2).png", "a b (2).png"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("a\\b:c\n\x1b[31m\0", "a_b_c__[31m_".replace("[", "_")),
        ("naïve 图.csv", "naïve 图.csv"),
        ("", "_"),
    ],
)
def test_names_of_files(name, expected):
    assert safe(name) == expected


def test_files_of_one_name_are_told_apart(tmp_path):
    folder = Folder(tmp_path / "out")
    parts = [Table(name, ("x",), [(str(n),)]) for n, name in enumerate(["a/b", "a_b", "a:b"])]
    assert [path.name for path in folder.save_parts(parts)] == ["a_b.csv", "a_b-2.csv", "a_b-3.csv"]
    assert (tmp_path / "out" / "a_b-2.csv").read_text() == "x\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_second_command_writes_over_the_first(tmp_path):
    for n in range(2):
        Folder(tmp_path).save("a.txt", str(n).encode())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "1")]


def test_folders_in_a_folder(tmp_path):
    assert Folder(tmp_path).within("../x").save("a", b"").relative_to(tmp_path).as_posix() == "_x/a"


def test_what_cannot_be_a_folder_or_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match=r"^out must be a folder that can be created \(File exists\)"):
        folder_of(str(tmp_path / "file"))
    with pytest.raises(SaveError, match=r"^cannot write .*: Not a directory; choose another place with --html$"):
        save(tmp_path / "file" / "x", b"", "--html")
    assert folder_of(None) is None


def test_a_device_is_written_to(tmp_path):
    assert save(tmp_path.__class__(os.devnull), b"x", "--picture")
    assert not os.path.isfile(os.devnull)


def test_numbers_that_json_lacks():
    given = {"a": [math.nan, (math.inf, 1.5)], "b": {"c": -math.inf, "d": None, "e": "nan"}}
    assert finite(given) == {"a": [None, [None, 1.5]], "b": {"c": None, "d": None, "e": "nan"}}
    assert Folder.json({"a": math.nan, "b": "é\udcff"}) == '{\n "a": null,\n "b": "é?"\n}\n'.encode()


REPORT = Report(
    {"loss": math.nan, "n": 2},
    (
        Pairs([("loss", "1.5\x1b[31m")]),
        Picture("curve", lambda: b"png", "the curve"),
        Drawing("line", "<svg/>"),
        Series("load", [1, 2], {"x": [1.0, 2.0]}),
        Text("end"),
    ),
    how=("read: a → b",),
    notes=("it is \x1b old",),
)


def test_a_report_is_printed_and_its_pictures_lie_beside_the_run(tmp_path, capsys):
    show_report(REPORT, None, as_json=False, beside=tmp_path)
    told = capsys.readouterr()
    assert told.err == "note: it is ␛ old\n"
    assert told.out == (
        f"read: a → b\n\nloss  1.5␛[31m\n\nthe curve: {tmp_path}/curve.png\n\ndrawing: {tmp_path}/line.svg\n\n"
        "x  ▁█  1 to 2\n\nend\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.png", "line.svg"]


def test_pictures_without_a_place_are_not_drawn(tmp_path, capsys):
    def never():
        raise AssertionError

    show_report(Report({}, (Text("a"), Picture("p", never), Text("b"))), None, as_json=False, beside=tmp_path / "no")
    assert capsys.readouterr().out == "a\n\nb\n"


def test_a_report_as_json_and_in_a_folder(tmp_path, capsys):
    show_report(REPORT, Folder(tmp_path / "out"), as_json=True, beside=tmp_path, extra={"run": "r"})
    told = capsys.readouterr()
    assert json.loads(told.out) == {"event": "evaluated", "run": "r", "loss": None, "n": 2}
    assert told.err == "read: a → b\nnote: it is ␛ old\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "curve.png",
        "line.svg",
        "load.csv",
        "report.json",
    ]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == {"run": "r", "loss": None, "n": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_how_pictures_can_be_had(tmp_path, capsys):
    assert save_part(Drawing("d", ""), None) == []
    show_part(Drawing("d", ""), [])
    for count in (0, 1, 2000):
        note_unsaved(count)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "note: 1 picture was not saved; --out FOLDER saves pictures\n"
        "note: 2,000 pictures were not saved; --out FOLDER saves pictures\n"
    )
