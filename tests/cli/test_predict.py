"""unrolled train classify, predict and evaluate, as a user types them."""

from __future__ import annotations

import importlib.util
import io
import json
import math
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from test_bad_input import refused

from unrolled.cli import main
from unrolled.cli.terminal.marked import on_terminal, page
from unrolled.results import Piece, Prediction
from unrolled.tasks.common.text_inputs import batches

METRICS = ("loss", "accuracy", "macro_f1", "calibration_error")
SMALL = ["--hidden-size", "16", "--embedding-size", "16", "--steps", "60", "--batch-size", "32", "--lr", "0.01"]


@pytest.fixture(scope="session")
def asked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked") / "run"
    assert main(["train", "classify", "--run", str(folder), *SMALL]) == 0  # no file at all
    return folder


def test_the_summary_says_what_to_do_next(unrolled) -> None:
    said = unrolled("train", "classify", "--run", "here", *SMALL)
    assert said.status == 0, said.err
    assert "predict: unrolled predict here" in said.out
    assert "positive" in said.out  # the preview
    assert "sample" not in said.out


def test_texts_as_words_in_a_file_and_on_standard_input(unrolled, asked_once: Path, home: Path, monkeypatch) -> None:
    texts = ["The soup was dreadful.", "The soup was a delight."]
    one = unrolled("predict", asked_once, *texts)
    assert one.status == 0, one.err
    lines = one.out.splitlines()
    assert [line.split("\t")[1] for line in lines] == texts
    assert re.match(r"(positive|negative) \d+%  (positive|negative) \d+%\t", lines[0])
    (home / "texts.txt").write_text("\n".join(texts) + "\n\n")
    assert unrolled("predict", asked_once, "--file", "texts.txt").out == one.out + "\n"  # a blank line's answer
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(texts)))
    assert unrolled("predict", asked_once).out == one.out


LINES = (
    b"\xef\xbb\xbffine\r\n\r\n  \t\r\nbad\xe2\x80\xa8food\x0bby\x0cthe\rsea\r\n\xc2\x85\r\n"
    + b"so " * 3000
    + b"\r\nlast"
)
TEXTS = ["fine", "", "", "bad\u2028food\x0bby\x0cthe\rsea", "", "so " * 3000, "last"]  # of its seven lines


@pytest.mark.parametrize("words", [(), ("--explain",), ("--json",), ("--json", "--explain"), ("--html", "page.html")])
def test_line_n_is_answered_by_line_n(unrolled, asked_once: Path, home: Path, monkeypatch, words) -> None:
    (home / "lines.txt").write_bytes(LINES)
    said = unrolled("predict", asked_once, "--file", "lines.txt", *words)
    for file in ((), ("--file", "-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES), encoding="utf-8"))
        assert unrolled("predict", asked_once, *file, *words).out == said.out
    lines = said.out.split("\n")
    assert lines.pop() == ""
    if "--json" in words:
        rows = [json.loads(line) for line in lines]
        assert [row["text"] for row in rows] == TEXTS
        assert [bool(row["answer"]) for row in rows] == [bool(text) for text in TEXTS]
        assert rows[1] == {"event": "prediction", "text": "", "answer": "", "probabilities": {}, "pieces": []}
    else:
        assert [bool(line) for line in lines] == [bool(text) for text in TEXTS]
        assert "--explain" in words or [line.partition("\t")[2] for line in lines] == TEXTS


def test_blank_texts_among_the_arguments(unrolled, asked_once: Path) -> None:
    said = unrolled("predict", asked_once, "fine", "", "bad")
    assert [line.partition("\t")[2] for line in said.out.split("\n")] == ["fine", "", "bad", ""]
    refused(unrolled("predict", asked_once, "", " "), "at least one word, got ''")


def test_standard_input_has_the_encoding_that_is_named(unrolled, asked_once: Path, monkeypatch) -> None:
    def standard_input() -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), encoding="utf-8", errors="surrogateescape")

    monkeypatch.setattr(sys, "stdin", standard_input())
    assert unrolled("predict", asked_once, "--encoding", "latin-1").out.endswith("\tcaf\xe9\n")
    monkeypatch.setattr(sys, "stdin", standard_input())
    refused(unrolled("predict", asked_once), "standard input is not valid utf-8: byte 0xe9", "use --encoding latin-1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"good film\r\rbad film\rlast", ()),
        (b"good\nbad\rfilm\r\nlast\r", ()),
        (b"good\0film\nlast\n", ()),
        (b"good\0film\nlast\n", ("--errors", "ignore")),
        ("good\nlast\n".encode("utf-16"), ()),
        ("good\nlast\n".encode("utf-16"), ("--encoding", "utf-16")),
        (b"\n \n\n", ()),
        (b"", ()),
    ],
)
def test_the_same_bytes_are_the_same_lines(unrolled, asked_once: Path, home: Path, monkeypatch, data, words) -> None:
    (home / "lines").write_bytes(data)
    one = unrolled("predict", asked_once, "--file", "lines", *words)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    two = unrolled("predict", asked_once, *words)
    assert two == (one.status, one.out, one.err.replace("error: lines", "error: standard input"))
    if not data.strip():
        count = data.count(b"\n")
        note = f"note: blank inputs, with empty predictions: {count} of {count}\n" if count else ""
        assert one == (0, "\n" * count, note)


def test_a_line_is_answered_when_it_comes(monkeypatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading, encoding="utf-8"))
    found = batches((), "-", None, "strict")
    for sent, texts in ((b"a\n\nb\nc", ["a", "", "b"]), (b"d\n", ["cd"])):
        os.write(writing, sent)
        assert next(found) == texts
    os.write(writing, b"e\n" * 300 + b"f")
    assert [len(next(found)) for _ in range(2)] == [256, 44]
    os.close(writing)
    assert list(found) == [["f"]]
    sys.stdin.close()


def test_json_and_explanations_and_the_page(unrolled, asked_once: Path, home: Path) -> None:
    said = unrolled("predict", asked_once, "The soup was dreadful.", "--json", "--explain", "--html", "page.html")
    row = json.loads(said.out)
    assert sum(row["probabilities"].values()) == pytest.approx(1)
    assert {piece["text"] for piece in row["pieces"]} >= {"soup", "dreadful"}
    assert all(row["text"][piece["begin"] : piece["end"]] == piece["text"] for piece in row["pieces"])
    text = (home / "page.html").read_text(encoding="utf-8")
    assert ">dreadful</mark>" in text
    assert "http" not in text  # it needs nothing else
    assert row["margin"] == pytest.approx(
        math.log(row["probabilities"][row["for"]] / row["probabilities"][row["against"]])
    )
    assert row["scale"] > 0
    assert {piece["for"] for piece in row["pieces"]} <= {"positive", "negative"}
    columns = unrolled("predict", asked_once, "so dreadful zorblax", "--explain").out.split("\t")
    assert re.search(r"dreadful\([+-]\d+\.\d\d\)", columns[1])
    assert re.search(r"zorblax\(([+-]\d+\.\d\d, )?unknown\)", columns[1])
    assert re.fullmatch(
        r"log-odds of \w+ against \w+ \+\d+\.\d\d nats \([+-]\d+\.\d\d without the words\)\n", columns[2]
    )


def test_evaluate_prints_figures_and_draws(unrolled, asked_once: Path, home: Path) -> None:
    (home / "more.csv").write_text("text,label\nThe soup was dreadful.,negative\nThe soup was a delight.,positive\n")
    said = unrolled("evaluate", asked_once, "--data", "more.csv", "--json")
    assert said.status == 0, said.err
    row = json.loads(said.out)
    assert row["texts"] == 2
    assert sum(map(sum, row["confusion"])) == 2
    table = unrolled("evaluate", asked_once, "--split", "test")
    assert "of 2 classes" in table.out
    assert "macro F1" in table.out
    if importlib.util.find_spec("matplotlib") is not None:
        [folder] = (asked_once / "evaluations").glob("test-*")
        assert f"\nconfusion matrix: {folder / 'confusion.png'}\n" in table.out
        assert table.err.endswith(f"keeps them in one part\nresults: {folder}\n")
        assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
        assert (asked_once / "confusion.png").read_bytes() == (folder / "confusion.png").read_bytes()
    two = unrolled("evaluate", asked_once, asked_once / "model.safetensors", "--data", "more.csv").out.splitlines()
    assert two[-3].split() == "run nats accuracy macro F1 calibration error".split()
    assert two[-2].split()[1:] == two[-1].split()[1:] == [f"{row[m]:.4f}" for m in METRICS]


def test_every_report_has_a_folder_and_names_its_data(unrolled, asked_once: Path, home: Path) -> None:
    run = shutil.copytree(asked_once, home / "run", ignore=shutil.ignore_patterns("evaluations", "confusion.png"))
    (home / "new texts.csv").write_text("text,label\nThe soup was dreadful.,positive\nThe bread was fine.,positive\n")
    words = ("evaluate", run, "--data", "new texts.csv")
    assert json.loads(unrolled(*words, "--json").out)["data"] == "new texts.csv"
    assert not (run / "evaluations").exists()
    for _ in range(2):
        said = unrolled(*words, "--errors-out", "wrong.jsonl")
        assert said.status == 0, said.err
    folders = sorted((run / "evaluations").iterdir())
    assert len(folders) == 2
    assert all(folder.name.startswith("new texts-20") for folder in folders)
    report = json.loads((folders[0] / "report.json").read_text())
    assert (report["run"], report["data"], report["date"][:2]) == (str(run), "new texts.csv", "20")
    wrong = [json.loads(line) for line in (home / "wrong.jsonl").read_text().splitlines()]
    assert wrong == report["mistakes"]
    assert [row["label"] for row in wrong] == ["positive"] * len(wrong)
    assert said.err.splitlines()[0] == "mistakes: wrong.jsonl"
    assert len((folders[0] / "mistakes.csv").read_text().splitlines()) == len(wrong) + 1
    refused(unrolled(*words, "--errors-out", "wrong.txt"), "a file with the suffix .csv or .jsonl")
    refused(unrolled(*words, "--errors-out", "no/wrong.csv"), "a file in an existing folder")
    refused(unrolled("evaluate", run, asked_once, "--errors-out", "x.csv"), "--errors-out must be omitted with several")
    (run / "evaluations").rename(run / "old")
    (run / "evaluations").write_text("")  # no folder can be made there
    said = unrolled(*words)
    assert said.status == 0
    assert "note: the report is not saved: " in said.err


def test_evaluate_reads_a_file_as_it_is_told(unrolled, asked_once: Path, home: Path) -> None:
    (home / "other.csv").write_text("n;body;mood\n1;dreadful;negative\n2;a delight, it was;positive\n")
    words = ["evaluate", asked_once, "--data", "other.csv"]
    refused(unrolled(*words), "its columns are n, body, mood", "--label-column")
    how = (
        "other.csv: columns separated by semicolons; with a header; "
        "text from column 2 (body), label from column 3 (mood)\n"
        "read: negative ← dreadful\nread: positive ← a delight, it was\n"
    )
    named = ["--text-column", "body", "--label-column", "mood"]
    assert unrolled(*words, *named).out.startswith(f"{how}\ntexts ")
    said = unrolled(*words, *named, "--delimiter", ";", "--form", "csv", "--json")
    assert (json.loads(said.out)["texts"], said.err) == (2, how)
    said = unrolled(*words, "--text-column", "2", "--label-column", "3", "--no-header")
    assert "read: mood ← body\n" in said.out  # what was read stands there though it cannot be measured
    assert "the label 'mood'" in said.err
    refused(unrolled(*words, "--tag-column", "1"), "has no option --tag-column")
    refused(unrolled(*words, "--target", "x"), "has no option --target")
    refused(unrolled("evaluate", asked_once, *named), "--text-column must be omitted without --data, got 'body'")


def test_baselines_stand_beside_it(unrolled, asked_once: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    row = json.loads(unrolled("evaluate", asked_once, "--baselines", "--json").out)
    assert row["baselines"]["random guess"]["accuracy"] == 0.5
    assert 0.55 < row["baselines"]["bag of words"]["accuracy"] < 0.9  # counting words does not tell


def test_bad_input_is_one_line(unrolled, asked_once: Path, home: Path, monkeypatch) -> None:
    (home / "a.csv").write_text("a,b\n1,2\n")
    (home / "b.csv").write_text("text,label\nok,mixed\n")
    (home / "c.csv").write_bytes(b"text,label\nok,x\ncaf\x8fe,y\n")  # neither UTF-8 nor Windows-1252
    terminal = io.StringIO("")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    refused(unrolled("train", "classify", "--data", "a.csv"), "its columns are a, b", "--text-column")
    refused(unrolled("train", "classify", "--data", "c.csv"), "byte 0x8f", "--encoding latin-1")
    refused(unrolled("train", "classify", "--data", "nope"), "file, folder or named set 'nope' does not exist")
    refused(unrolled("evaluate", asked_once, "--data", "b.csv"), "'mixed'", "negative, positive")
    refused(unrolled("predict", asked_once), "at least one text")
    refused(unrolled("predict", asked_once, " "), "at least one word")
    refused(unrolled("predict", asked_once, "x", "--file", "a.csv"), "omitted when texts are given")
    refused(unrolled("predict", asked_once, "x", "--html", "no/such/folder.html"), "cannot write")
    refused(
        unrolled("sample", asked_once),
        "a model of the task classify, which cannot generate samples",
        "unrolled predict",
    )


def test_more_bad_input(unrolled, asked_once: Path, home: Path) -> None:
    (home / "a.txt").write_text("\ufefffine\n")
    refused(unrolled("predict", asked_once, "--file", "a.txt", "--encoding", "nope"), "--encoding")
    assert unrolled("predict", asked_once, "--file", "a.txt").out.endswith("\tfine\n")
    assert unrolled("predict", asked_once, "not \udcff text", "--html", "page.html").status == 0
    refused(unrolled("train", "classify", "--fractions", "nan", "0.5", "0.5"), "--fractions")
    refused(unrolled("train", "tag", "--fractions", "nan", "0.5", "0.5"), "--fractions")


def test_evaluate_ignores_no_option(unrolled, asked_once: Path, trained: Path, home: Path) -> None:
    (home / "a.csv").write_bytes(b"text,label\ncaf\xe9,positive\n")
    refused(unrolled("evaluate", asked_once, "--split", "heldout"), "--split")
    refused(unrolled("evaluate", asked_once, "--fresh", "5"), "--fresh")
    refused(unrolled("evaluate", trained, "--baselines"), "--baselines")
    refused(unrolled("evaluate", asked_once, "--data", "a.csv", "--encoding", "utf-8"), "byte 0xe9")
    for words in ((), ("--encoding", "latin-1")):
        said = unrolled("evaluate", asked_once, "--data", "a.csv", *words)
        assert said.status == 0, said.err


def test_marks_on_terminal_plain_and_page() -> None:
    names = Prediction("Ann <b> here", pieces=(Piece("Ann", "person"), Piece(" <b> here")))
    assert names.marked() == "[Ann]person <b> here"
    assert on_terminal(names).plain == names.marked()
    assert "&lt;b&gt; here" in page("<t>", [names])
    assert "<b> here" not in page("<t>", [names])
    weighed = Prediction(
        "so bad", "no", {"no": 0.9, "yes": 0.1}, (Piece("so", weight=-0.2), Piece(" "), Piece("bad", weight=1.0))
    )
    assert weighed.marked() == on_terminal(weighed).plain == "so(-0.20) bad(+1.00)"
    assert [span.style for span in on_terminal(weighed).spans if "underline" in str(span.style)] == [
        "black on rgb(240,129,108) underline"
    ]
    assert page("t", [weighed]).count("<mark style") == 4  # two of them explain the colours


def test_control_characters_of_a_text_do_not_reach_the_terminal() -> None:
    said = Prediction("\x1b[2J", pieces=(Piece("\x1b[2J", "x"),))
    assert "\x1b" not in on_terminal(said).plain
