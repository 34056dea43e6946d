"""The task translate through the command line: train, ask, measure, go on; and what is said of what does not do."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from test_bad_input import refused

from unrolled.cli import main

SMALL = (
    "--hidden-size 12 --embedding-size 12 --dropout 0 --batch-size 8 --vocabulary char --min-count 1 --steps 12 "
    "--lr 0.02 --average none --warmup 0 --eval-every 6"
).split()
WORDS = ["ba", "abc", "cab", "bcca", "acb", "caabb", "cb", "abba"]
PAIRS = [(f"{a} {b}", (a + "." + b)[::-1]) for a in WORDS for b in WORDS]
GERMAN = "der Hund läuft durch den Wald und die Katze schläft auf einem alten Stuhl neben dem Ofen".split()
ENGLISH = "the dog is running through a forest while another cat sleeps on one old chair near stove".split()

pytestmark = pytest.mark.usefixtures("needed")


@pytest.fixture(scope="session")
def needed() -> None:
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")


def write_pairs(folder: Path) -> None:
    (folder / "a.txt").write_text("".join(f"{a}\n" for a, _ in PAIRS))
    (folder / "b.txt").write_text("".join(f"{b}\n" for _, b in PAIRS))
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS))


@pytest.fixture(scope="session")
def translators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pairs and two runs, one of which has no attention; nobody changes it."""
    folder = tmp_path_factory.mktemp("translators")
    write_pairs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("UNROLLED_CACHE", str(folder / "cache"))
        two = ["--data", "a.txt", "--target", "b.txt", *SMALL]
        assert main(["train", "translate", *two, "--run", "runs/looks"]) == 0
        assert main(["train", "translate", *two, "--run", "runs/blind", "--attention", "none"]) == 0
    return folder


@pytest.fixture
def runs(translators: Path, home: Path) -> Path:
    shutil.copytree(translators, home, dirs_exist_ok=True)
    return home


def test_one_file_or_two_are_the_same_pairs(unrolled, runs: Path) -> None:
    said = unrolled("train", "translate", "--data", "pairs.tsv", *SMALL, "--run", "runs/tsv")
    assert said.status == 0, said.err
    assert "predict: unrolled predict runs/tsv" in said.out
    assert " BLEU" in said.out
    assert "% exact" in said.out
    assert "bleu" not in said.out
    measured = [json.loads(unrolled("evaluate", run, "--json").out) for run in ("runs/tsv", "runs/looks")]
    assert measured[0]["loss"] == measured[1]["loss"]
    assert measured[0]["pairs"] == 3


def test_a_named_set_and_a_run_that_goes_on(unrolled, home: Path) -> None:
    words = "train translate --data reversal --hidden-size 8 --embedding-size 8 --batch-size 4 --steps 2".split()
    said = unrolled(*words, "--eval-every", "2", "--beam", "1", "--max-length", "4")
    assert said.status == 0, said.err
    assert "source and" in said.out
    assert "(char)" in said.out
    on = unrolled("resume", "runs/translate-reversal-1", "--steps", "3")
    assert on.status == 0, on.err
    assert "steps: 3 in" in on.out
    refused(unrolled("train", "translate", "--data", "reversal", "--target", "x"), "--target", "reversal")
    refused(unrolled("train", "translate", "--data", "reversl"), "did you mean 'reversal'?")


def test_ask(unrolled, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["abc cab", "ba"]
    plain = unrolled("predict", "runs/looks", *texts)
    assert (plain.status, plain.err) == (0, "")
    lines = plain.out.splitlines()
    assert len(lines) == 2
    (runs / "texts.txt").write_text("\n".join(texts) + "\n")
    assert unrolled("predict", "runs/looks", "--file", "texts.txt").out == plain.out
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(texts)))
    assert unrolled("predict", "runs/looks").out == plain.out
    gaps = f"\n{texts[0]}\n \r\n{texts[1]}\n\n"  # line n is answered by line n
    (runs / "gaps.txt").write_text(gaps, newline="")
    assert unrolled("predict", "runs/looks", "--file", "gaps.txt").out.split("\n") == [
        "",
        lines[0],
        "",
        lines[1],
        "",
        "",
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO(gaps))
    answers = [json.loads(line)["answer"] for line in unrolled("predict", "runs/looks", "--json").out.splitlines()]
    assert answers == ["", lines[0], "", lines[1], ""]
    (runs / "gaps.txt").write_text("\n\n")
    blank = "note: blank inputs, with empty predictions: 2 of 2\n"
    assert unrolled("predict", "runs/looks", "--file", "gaps.txt") == (0, "\n\n", blank)
    (runs / "gaps.txt").write_text("")
    assert unrolled("predict", "runs/looks", "--file", "gaps.txt") == (0, "", "")
    assert unrolled("predict", "runs/looks", texts[0], "", texts[1]).out.split("\n") == [lines[0], "", lines[1], ""]
    told = [json.loads(line) for line in unrolled("predict", "runs/looks", *texts, "--json").out.splitlines()]
    assert [one["answer"] for one in told] == lines
    assert [one["text"] for one in told] == texts
    assert list(told[0]["translations"][0]) == ["text", "score", "log_probability"]
    for count in (5, 7):  # the beam is 5 wide, and made as wide as is asked for
        many = unrolled("predict", "runs/looks", texts[0], "--n-best", str(count)).out.splitlines()
        scores = [float(line.split("\t")[0]) for line in many]
        assert len(scores) == count
        assert scores == sorted(scores, reverse=True)
        assert count == 7 or many[0].split("\t")[1] == lines[0]
    short = unrolled("predict", "runs/looks", texts[0], "--beam", "1", "--max-length", "2").out
    assert len(short.strip()) <= 2
    longer = unrolled("predict", "runs/looks", texts[0], "--min-length", "6", "--max-length", "6", "--json").out
    assert len(json.loads(longer)["answer"]) <= 6
    assert unrolled("predict", "runs/blind", "ba").status == 0


def test_ask_a_run_that_gives_several_answers(unrolled, runs: Path) -> None:
    said = unrolled("train", "translate", "--data", "pairs.tsv", *SMALL, "--n-best", "3", "--run", "runs/three")
    assert said.status == 0, said.err
    lines = unrolled("predict", "runs/three", "abc cab").out.splitlines()
    scores = [float(line.split("\t")[0]) for line in lines]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    one = unrolled("predict", "runs/three", "abc cab", "--beam", "1")  # lowers what it inherits
    assert (one.status, one.err) == (0, "")
    assert one.out.count("\n") == 1
    assert "\t" not in one.out
    assert unrolled("evaluate", "runs/three", "--beam", "1", "--max-length", "3").status == 0
    said = unrolled("predict", "runs/three", "ab", "--beam", "1", "--n-best", "2")
    refused(said, "--n-best must be at most the beam (1)")


def test_show_where_it_looked(unrolled, runs: Path) -> None:
    said = unrolled("predict", "runs/looks", "abc cab", "--show-alignment", "--min-length", "2")
    lines = said.out.splitlines()
    assert lines[1].split() == list("abc␣cab")
    assert [line[0] for line in lines[2 : 2 + len(lines[0].replace(" ", "␣"))]] == list(lines[0].replace(" ", "␣"))
    words = ("predict", "runs/looks", "abc cab", "--show-alignment", "--json", "--min-length", "2")
    told = json.loads(unrolled(*words).out)["translations"][0]
    assert told["source"] == list("abc␣cab")
    assert len(told["weights"]) == len(told["target"])
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in told["weights"])


def test_pictures(unrolled, runs: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    said = unrolled("predict", "runs/looks", "abc cab", "ba", "--picture", "where.png")
    assert said.err == "picture: where.png\n"
    assert (runs / "where.png").read_bytes()[1:4] == b"PNG"
    empty = unrolled("predict", "runs/looks", "ba", "--max-length", "1", "--beam", "1", "--picture", "empty.png")
    assert (empty.status, (runs / "empty.png").exists()) == (0, True)
    words = ("evaluate", "runs/looks", "runs/blind", "--data", "pairs.tsv", "--beam", "1", "--json")
    measured = unrolled(*words, "--picture", "lengths.svg")
    assert [json.loads(line)["pairs"] for line in measured.out.splitlines()] == [64, 64]  # nothing else is there
    how, *examples, seen, picture = measured.err.splitlines()
    assert how == "pairs.tsv: columns separated by tabs; no header; source from column 1, target from column 2"
    assert (examples, picture) == (["read: ba ba → ab.ab", "read: ba abc → cba.ab"], "picture: lengths.svg")
    assert seen.startswith("note: 58 of 64 pairs (91%) of pairs.tsv are training examples of this run")
    assert "<svg" in (runs / "lengths.svg").read_text()
    for verb, *given in (("predict", "runs/looks", "ba"), ("evaluate", "runs/looks")):
        said = unrolled(verb, *given, "--picture", "where.txt")
        refused(said, "--picture must be a file with the suffix .png, .svg or .pdf")
        assert said.out == ""  # before the work, not after it


def test_a_picture_of_too_few_sentences_is_refused_before_the_work(
    unrolled, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unrolled.tasks.translate.trained.search", lambda *_: pytest.fail("it translated"))
    said = unrolled("evaluate", "runs/looks", "--picture", "few.png")  # 3 test pairs
    refused(said, "--picture must be omitted if no bucket has at least 10 sentences")
    assert said.out == ""


def test_measure(unrolled, runs: Path) -> None:
    said = unrolled("evaluate", "runs/looks", "runs/blind", "--data", "a.txt", "--target", "b.txt", "--beam", "2")
    assert said.status == 0, said.err
    how, first, second, blank, *lines = said.out.splitlines()
    assert how.startswith("a.txt: ")
    assert [first, second, blank] == ["read: ba ba → ab.ab", "read: ba abc → cba.ab", ""]
    assert lines[0].split()[:4] == ["run", "loss", "perplexity", "BLEU"]
    assert [line.split()[0] for line in lines[1:3]] == ["runs/looks", "runs/blind"]
    assert lines[4].split() == ["words", "sentences", "looks", "blind"]
    assert lines[5].split()[:2] == ["1-5", "64"]
    assert any(line.startswith("BLEU: nrefs:1|case:lc|") for line in lines)
    told = json.loads(unrolled("evaluate", "runs/looks", "--data", "pairs.tsv", "--beam", "2", "--json").out)
    assert f"{told['loss']:.4f}" == lines[1].split()[1]
    assert told["by_length"] == [{"low": 1, "high": 5, "count": 64, "bleu": told["bleu"]}]
    shutil.copytree("runs/looks", "other/looks")  # of the same name: both columns are there
    same = unrolled("evaluate", "runs/looks", "other/looks", "runs/blind/model.safetensors", "--split", "valid")
    assert "runs/looks  other/looks  runs/blind/model.safetensors" in same.out


def test_measure_on_files_of_another_form(unrolled, home: Path) -> None:
    """A run's columns and form are no other file's unless it is said."""
    write_pairs(home)
    (home / "named.csv").write_text("n,one,other\n" + "".join(f"1,{a},{b}\n" for a, b in PAIRS))
    (home / "ü.txt").write_text("".join(f"ü{a}\n" for a, _ in PAIRS), encoding="latin-1")
    columns = ("--data", "named.csv", "--source-column", "one", "--target-column", "other")
    lines = ("--data", "a.txt", "--target", "b.txt", "--form", "lines")
    for name, words in (("columns", columns), ("lines", lines), ("dates", ("--data", "dates", "--batch-size", "64"))):
        small = [*SMALL, *words, "--steps", "1"]
        assert unrolled("train", "translate", *small, "--run", f"runs/{name}").status == 0
        for data in (("a.txt", "--target", "b.txt"), ("pairs.tsv",)):
            told = unrolled("evaluate", f"runs/{name}", "--data", *data, "--beam", "1", "--max-length", "3", "--json")
            assert json.loads(told.out)["pairs"] == len(PAIRS)
        told = ("--source-column", "one", "--target-column", "other", "--beam", "1", "--max-length", "3", "--json")
        said = unrolled("evaluate", f"runs/{name}", "--data", "named.csv", *told)
        assert json.loads(said.out)["pairs"] == len(PAIRS)
        assert said.err.startswith("named.csv: columns separated by commas")
        assert "\nread: ba ba → ab.ab\n" in said.err
        other = ("ü.txt", "--target", "b.txt", "--encoding", "latin-1", "--beam", "1", "--max-length", "3")
        assert unrolled("evaluate", f"runs/{name}", "--data", *other).status == 0


def test_what_was_left_out_and_exchanged_is_noted(unrolled, runs: Path) -> None:
    lines = (runs / "a.txt").read_text().splitlines()
    lines[4] = " "
    (runs / "holes.txt").write_text("\n".join(lines) + "\n")
    said = unrolled("train", "translate", "--data", "holes.txt", "--target", "b.txt", *SMALL, "--run", "runs/holes")
    assert said.status == 0, said.err
    assert "holes.txt: 1 pair skipped: an empty side (first in line 5)" in said.out
    measured = unrolled("evaluate", "runs/looks", "--data", "holes.txt", "--target", "b.txt", "--beam", "1")
    assert measured.status == 0
    assert "note: holes.txt: 1 pair skipped: an empty side (first in line 5)" in measured.err


def test_exchanged_languages(unrolled, home: Path) -> None:
    for name, words in (("de", GERMAN), ("en", ENGLISH)):
        sentences = [" ".join(words[(at + k) % len(words)] for k in range(6)) for at in range(40)]
        (home / f"{name}.txt").write_text("".join(f"{one} {n}\n" for n, one in enumerate(sentences)))
    said = unrolled("train", "translate", "--data", "de.txt", "--target", "en.txt", "--valid", "en.txt",
                    "--valid-target", "de.txt", *SMALL, "--run", "runs/x", "--steps", "2")  # fmt: skip
    assert said.status == 0, said.err
    note = next(line for line in said.out.splitlines() if "swapped?" in line)
    assert "en.txt and --valid-target " in note
    assert "de.txt swapped?" in note
    asked = unrolled("predict", "runs/x", "the dog is running", "der Hund läuft", "--beam", "1", "--max-length", "3")
    assert asked.err.startswith("warning: 'the dog is running' looks like the target language\n")
    assert "warning" not in unrolled("predict", "runs/x", "der Hund läuft", "--beam", "1", "--max-length", "3").err
    words = ("--data", "en.txt", "--target", "de.txt", "--beam", "1", "--max-length", "3")
    assert "are --data and --target swapped?" in unrolled("evaluate", "runs/x", *words).err


def test_bad_files(unrolled, home: Path) -> None:
    write_pairs(home)
    (home / "short.txt").write_text("".join(f"{b}\n" for _, b in PAIRS[:-3]))
    (home / "one.tsv").write_text("aaa\taaa\n" * 30)
    (home / "one.txt").write_text("aaa\n" * 64)
    packed = gzip.compress((home / "a.txt").read_bytes())
    (home / "broken.gz").write_bytes(packed[: len(packed) // 2])
    train = ("train", "translate", "--steps", "2")
    for words, *expected in (
        (("--data", "a.txt", "--target", "short.txt"), "a.txt has 64 lines and ", "short.txt has 61"),
        (("--data", "one.tsv", "--vocabulary", "char", "--fractions", "0.9", "0.1", "0"), "is also a training pair"),
        (("--data", "one.tsv", "--valid", "pairs.tsv", "--test", "pairs.tsv", "--vocabulary", "char"),
         "the source text has only 1 token", "--min-count 1"),
        (("--data", "broken.gz", "--target", "b.txt"), "broken.gz"),
        (("--data", "a.txt"), "only one column", "--target"),
        (("--data", "a.txt", "--target", "nope.txt"), "nope.txt"),
        (("--data", "pairs.tsv", "--target", "b.txt"), "a file of form tsv contains both sides", "--form lines"),
        (("--data", "one.txt", "--target", "b.txt"), "the source text is the same in all 58 pairs"),
        (("--data", "nope.txt"), "file or named set 'nope.txt' does not exist"),
        (("--data", "a.txt", "--target", "b.txt", "--max-symbols", "1", "--vocabulary", "char"), "--max-symbols"),
    ):  # fmt: skip
        refused(unrolled(*train, *words), *expected)
    assert not (home / "runs").exists() or not any((home / "runs").iterdir())


def test_options_that_have_no_meaning(unrolled, home: Path) -> None:
    write_pairs(home)
    train = ("train", "translate", "--data", "pairs.tsv", *SMALL)
    for words, *expected in (
        (("--attention", "cosine"), "--attention", "cosine"),
        (("--attention", "dot", "--encoder-size", "6"), "--encoder-size must be the width of the state", "general"),
        (("--attention", "none", "--coverage-penalty", "0.1"), "--coverage-penalty must be omitted"),
        (("--encoder-size", "7"), "--encoder-size must be even"),
        (("--input-feeding",), "--input-feeding must be omitted with --attention additive"),
        (("--source-column", "9"), "--source-column"),
        (("--beam", "2", "--n-best", "3"), "--n-best must be at most the beam (2)"),
    ):
        refused(unrolled(*train, *words), *expected)


def test_questions_that_have_no_meaning(unrolled, runs: Path, trained: Path) -> None:
    long = "abc " * 80
    for words, *expected in (
        (("predict", "runs/looks", " "), "at least one word"),
        (("predict", "runs/looks", long), "a sentence of at most 200 tokens (this one has 319)", "split it"),
        (("predict", "runs/blind", "ab", "--show-alignment"), "--show-alignment must be omitted"),
        (("predict", "runs/blind", "ab", "--picture", "x.png"), "--picture must be omitted"),
        (("predict", "runs/blind", "ab", "--coverage-penalty", "0.1"), "--coverage-penalty must be omitted"),
        (("evaluate", "runs/blind", "--coverage-penalty", "0.1"), "--coverage-penalty must be omitted"),
        (("predict", "runs/looks", "ab", "--explain"), "has no option --explain"),
        (("predict", "runs/looks", "ab", "--beam", "0"), "--beam"),
        (("predict", "runs/looks", "ab", "--beam", "2", "--n-best", "3"), "--n-best"),
        (("evaluate", "runs/looks", "--target", "b.txt"), "--target must be omitted without --data"),
        (("evaluate", "runs/looks", "--data", "dates", "--target", "b.txt"), "--target must be omitted"),
        (("evaluate", "runs/looks", "--baselines"), "--baselines"),
        (("evaluate", "runs/looks", "--fresh", "3"), "--fresh"),
        (("evaluate", "runs/looks", trained), "run must be runs of one task"),
        (("evaluate", trained, "--target", "b.txt"), "--target"),
        (("evaluate", trained, "--beam", "3"), "has no option --beam"),
    ):
        refused(unrolled(*words), *expected)


def test_options_of_translators_are_no_others(unrolled, home: Path) -> None:
    small = "--hidden-size 4 --embedding-size 4 --steps 1 --run runs/class".split()
    assert unrolled("train", "classify", *small).status == 0
    for words in (("--n-best", "2"), ("--show-alignment",), ("--picture", "x.png"), ("--beam", "2")):
        refused(unrolled("predict", "runs/class", "good", *words), f"has no option {words[0]}")
    refused(unrolled("evaluate", "runs/class", "--picture", "x.png"), "has no option --picture")


def test_runs_on_different_pairs_are_not_compared(unrolled, runs: Path) -> None:
    words = ("--data", "pairs.tsv", "--fractions", "0.5", "0.3", "0.2", "--run", "runs/parts")
    assert unrolled("train", "translate", *SMALL, *words, "--steps", "1").status == 0
    refused(unrolled("evaluate", "runs/looks", "runs/parts"), "have different test pairs", "--data")
    (runs / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS[::-1]))
    refused(unrolled("evaluate", "runs/parts"), "has changed since the model was trained", "--data")
