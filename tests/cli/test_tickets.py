"""From a file of messy tickets to predictions in a file: data, train, evaluate, predict."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path

import pytest
from test_bad_input import refused

FIXTURES = Path(__file__).parents[1] / "fixtures" / "trained"
COMPLAINTS = {
    "Billing": ("I was charged twice", "the invoice is wrong", "please refund the payment", "the café invoice; again"),
    "Delivery": ("the parcel has not arrived", "the courier left it outside", "my order went to a wrong address"),
    "Login": ("I cannot log in", "the password mail never arrives", "my account is locked"),
}


def messy(path: Path, count: int = 240) -> Path:
    """Write tickets as they are exported: semicolons, Windows-1252, mixed case, blanks, empty cells, duplicates."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        label = draw.choice(list(COMPLAINTS))
        text = (
            draw.choice(("", "Hello, ", "Hi – ")) + draw.choice(COMPLAINTS[label]) + draw.choice(("", "!", " – thanks"))
        )
        text = text.upper() if draw.random() < 0.2 else f"  {text} " if draw.random() < 0.2 else text
        spelled = draw.choice((label, label, label, label.upper(), f"{label.lower()} "))
        rows.append((number, "" if number % 60 == 7 else text, "" if number % 60 == 9 else spelled))
    with path.open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("ticket", "body", "category"), *rows])
    return path


SMALL = [
    "--hidden-size",
    "16",
    "--embedding-size",
    "16",
    "--steps",
    "40",
    "--eval-every",
    "40",
    "--batch-size",
    "32",
    "--lr",
    "0.02",
]
HOW = "columns separated by semicolons; with a header; text from column 2 (body)"
GUESSED = "read as Windows-1252, because it is not UTF-8 (--encoding overrides)"


def test_four_commands(unrolled, home: Path) -> None:
    messy(home / "tickets.csv")
    said = unrolled("data", "tickets.csv", "--task", "classify", "--check")
    assert said.status == 0, said.err
    assert said.out.startswith(f"{HOW}, label from column 3 (category); {GUESSED}; CRLF line endings")
    assert "Billing (" in said.out
    assert "labels that look alike are separate classes: " in said.out
    assert "validation texts that are also training texts: " in said.out
    assert "--duplicates group keeps them in one part" in said.out
    assert said.out.count("train with") == 1

    said = unrolled("train", "classify", "--data", "tickets.csv", "--fold-labels", "--run", "tickets", *SMALL)
    assert said.status == 0, said.err
    assert re.search(r"^3 classes: (Billing|Delivery|Login) \(\d+\), ", said.out, re.MULTILINE)
    assert said.out.count("\nread: ") == 2
    assert "labels merged by --fold-labels: 9 spellings are 3 classes" in said.out
    assert "fold_labels = true" in (home / "tickets" / "config.toml").read_text()

    said = unrolled("evaluate", "tickets", "--data", "tickets.csv", "--json")  # labels are folded here too
    assert said.status == 0, said.err
    assert json.loads(said.out)["classes"] == list(COMPLAINTS)

    new = 'ticket;label;body\r\n1;x;"I was charged\r\ntwice"\r\n2;;\r\n3;y;the café invoice\r\n4;z;zqx wvk\r\n;;\r\n'
    (home / "new.csv").write_bytes(new.encode("cp1252"))
    said = unrolled("predict", "tickets", "--file", "new.csv", "--out", "predictions.csv")
    assert (said.status, said.out) == (0, "")
    assert said.err.splitlines() == [
        f"note: new.csv: 5 rows; {HOW.replace('2 (', '3 (')}; {GUESSED}; CRLF line endings",
        "predictions: predictions.csv (5 rows)",
        "note: blank inputs, with empty predictions: 2 of 5",
        "note: tokens outside the vocabulary of the model: 2 of 9 (22%)",
        "note: inputs with mostly such tokens, whose predictions are guesses: row 4",
    ]
    with (home / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    added = ["predicted_label", "probability", "label_2", "probability_2", "unknown"]
    assert list(rows[0]) == ["ticket", "label", "body", *added]
    assert [row["ticket"] for row in rows] == ["1", "2", "3", "4", ""]
    assert [row["body"] for row in rows] == ["I was charged\r\ntwice", "", "the café invoice", "zqx wvk", ""]
    assert [bool(row["predicted_label"]) for row in rows] == [True, False, True, True, False]
    assert (rows[0]["predicted_label"], rows[2]["predicted_label"]) == ("Billing", "Billing")
    assert [row["unknown"] for row in rows] == ["0.0", "", "0.0", "1.0", ""]


def test_threshold_and_top_k(unrolled, home: Path) -> None:
    run = FIXTURES / "classify"
    words = ("predict", run, "the food was good", "", "zqx")
    assert unrolled(*words, "--threshold", "0.99").out.splitlines()[0].startswith("unsure  negative ")
    assert unrolled(*words, "--top-k", "1").out.split("\t")[0].split()[0] == "negative"
    said = unrolled(*words, "--threshold", "0.99", "--top-k", "1", "--out", "a.jsonl", "--json")
    rows = [json.loads(line) for line in (home / "a.jsonl").read_text().splitlines()]
    assert list(rows[0]) == ["text", "label", "best", "probability", "unknown"]
    assert [row["label"] for row in rows] == ["unsure", None, "unsure"]
    assert [row["best"] for row in rows] == ["negative", None, "negative"]
    assert [len(json.loads(line)["probabilities"]) for line in said.out.splitlines()] == [1, 0, 1]
    assert "note: unsure answers, below --threshold: 2 of 3" in said.err
    refused(unrolled(*words, "--threshold", "2"), "--threshold must be a probability from 0 to 1, got 2.0")
    refused(unrolled(*words, "--top-k", "0"), "--top-k")


def test_unknown_words_are_skipped_on_request(unrolled) -> None:
    def probabilities(*words: str) -> list[dict[str, float]]:
        said = unrolled("predict", FIXTURES / "classify", *words, "--json")
        return [json.loads(line)["probabilities"] for line in said.out.splitlines()]

    noisy, plain = probabilities("the qqq soup zzz was dreadful", "the soup was dreadful")
    skipped, same = probabilities("the qqq soup zzz was dreadful", "the soup was dreadful", "--unknown", "skip")
    assert skipped == pytest.approx(same)
    assert same == pytest.approx(plain)
    assert noisy != pytest.approx(plain, abs=1e-6)
    refused(
        unrolled("predict", FIXTURES / "classify", "x", "--unknown", "skip", "--explain"), "--unknown must be omitted"
    )


def test_files_are_not_texts(unrolled, home: Path) -> None:
    (home / "tickets.csv").write_text("body\nx\n")
    (home / "good").write_text("")
    run = FIXTURES / "classify"
    refused(
        unrolled("predict", run, "tickets.csv"), "not the name of a file, got 'tickets.csv'; use --file tickets.csv"
    )
    assert unrolled("predict", run, "good").status == 0  # a word, though there is a file of this name
    refused(unrolled("predict", run, "x", "--text-column", "a"), "--text-column must be omitted without a --file")
    refused(unrolled("predict", run, "x", "--out", "a.conll"), "--out must be a .csv, .tsv or .jsonl file")
    refused(unrolled("predict", run, "x", "--out", "a.xlsx"), "--out must be a file with the suffix .csv, .tsv, .jsonl")
    refused(unrolled("predict", run, "x", "--out", "no/a.csv"), "--out must be a file in a folder that exists")
    refused(unrolled("data", "ticket.csv"), "'ticket.csv' does not exist; did you mean 'tickets.csv'?")


def test_words_of_a_tagger(unrolled, home: Path) -> None:
    (home / "a.conll").write_text("Teddy\tB-person\nLee\tI-person\n\nFord\tO\n")
    (home / "b.conll").write_text("Teddy\nLee\n\n\nFord\n")
    for name, columns in (
        ("a", "Teddy\tB-person\tO\nLee\tI-person\tO\n\nFord\tO\tO\n\n"),
        ("b", "Teddy\tO\nLee\tO\n\nFord\tO\n\n"),
    ):
        said = unrolled("predict", FIXTURES / "tag", "--file", f"{name}.conll", "--out", "out.conll")
        assert said.status == 0, said.err
        assert (home / "out.conll").read_text() == columns
    said = unrolled("predict", FIXTURES / "tag", "Teddy left.", "", "--out", "out.csv")
    assert said.status == 0, said.err
    assert (home / "out.csv").read_text() == "text,entities\nTeddy left.,\n,\n"
    refused(unrolled("predict", FIXTURES / "tag", "x", "--token-column", "1"), "--token-column must be omitted")


def test_rows_of_a_translator(unrolled, home: Path) -> None:
    (home / "a.csv").write_text("id,src\n1,5 May 1980\n2,\n3,7 June 1999\n")
    run = FIXTURES / "translate"
    said = unrolled("predict", run, "--file", "a.csv", "--out", "out.csv")
    assert said.status == 0, said.err
    rows = list(csv.DictReader((home / "out.csv").read_text().splitlines()))
    assert [(row["id"], bool(row["score"])) for row in rows] == [("1", True), ("2", False), ("3", True)]
    one, blank, two = unrolled("predict", run, "5 May 1980", "", "7 June 1999", "--scores").out.splitlines()
    assert [float(line.split("\t")[0]) for line in (one, two)] == pytest.approx(
        [float(rows[n]["score"]) for n in (0, 2)], abs=1e-3
    )
    assert blank == ""


def test_every_task_says_why_it_cannot_read_a_file(unrolled, home: Path) -> None:
    (home / "a.csv").write_bytes("a;b\ncaf\xe9;1\n".encode("latin-1"))
    said = unrolled("data", "a.csv")
    assert (said.status, said.err) == (
        2,
        "error: no task can read a.csv; correct the file, or use one of the options named above\n",
    )
    assert [line.split(":")[0] for line in said.out.splitlines() if line] == ["for lm", "for classify", "for translate"]
    assert "use --encoding cp1252 if that is its encoding" in said.out


def test_guessed_columns_are_those_of_other_files(unrolled, home: Path) -> None:
    rows = [f"{n},{COMPLAINTS[label][n % 3]} {n},{label}" for n in range(20) for label in ("Billing", "Login")]
    (home / "a.csv").write_text("\n".join(["nr,what,where", *rows]))
    said = unrolled("train", "classify", "--data", "a.csv", "--run", "run", "--kind", "bag")
    assert said.status == 0, said.err
    assert "both guessed from their contents" in said.out
    (home / "b.csv").write_text("where,note,what\nLogin,a long note on many things of all sorts,I cannot log in\n")
    assert json.loads(unrolled("evaluate", "run", "--data", "b.csv", "--json").out)["texts"] == 1
    assert "text from column 3 (what)" in unrolled("predict", "run", "--file", "b.csv").err
    (home / "c.csv").write_text("what\tnr\nI cannot log in\t1\n")
    refused(
        unrolled("evaluate", "run", "--data", "c.csv"), "if the file has no labels, predict them with: unrolled predict"
    )
