"""Language models and classifiers of FASTA files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import unrolled.cli
from unrolled.data.generated_dna import promoters
from unrolled.errors import ArgumentError
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.text import Text
from unrolled.training.config import from_toml, update


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sequences")
    examples = promoters(1, 60)
    records = zip(examples.labels, examples.texts, strict=True)
    path.joinpath("all.fa").write_text("".join(f">seq class={label}\n{text.lower()}\n" for label, text in records))
    path.joinpath("new.fa").write_text(">first\nTTGACA\nACGT\n>second one\nacgtn\n")
    return path


def test_language_model(folder, capsys):
    model = unrolled.train("lm", run=folder / "lm", data=str(folder / "all.fa"), kind="ngram", order=3)
    assert model.vocabulary.symbols == "\nACGT"
    assert model.generate("ACG", 200, stop="\n", seed=1).strip("ACGT") == ""
    assert unrolled.cli.main(["data", str(folder / "all.fa")]) == 0
    said = capsys.readouterr().out
    assert "documents     60" in said
    assert "soft-masked" in said
    assert "for classify  FASTA: 60 sequences; label from the headers, class=…" in said
    assert unrolled.cli.main(["evaluate", str(folder / "lm"), "--data", str(folder / "new.fa"), "--json"]) == 2
    assert "'N' (U+004E)" in capsys.readouterr().err
    assert unrolled.cli.main(["train", "lm", "--data", str(folder / "all.fa"), "--separator", "x"]) == 2
    assert "separator must be omitted with FASTA" in capsys.readouterr().err


def test_a_run_saved_before_fasta_reads_its_text_as_it_was(folder):
    text = Text(data=str(folder / "all.fa"), fasta="no")
    assert next(iter(text.open().chunks())).text.startswith(">seq class=")
    saved = 'task = "lm"\nformat = 1\n[data]\ndata = "all.fa"\nline_ends = "unify"\n'
    assert from_toml(LanguageModelConfig(), saved, "config.toml").data.fasta == "no"


def test_sequences_are_read_by_characters(folder):
    assert update(ClassifyConfig(), data=str(folder / "all.fa")).reading.vocabulary == "char"
    assert update(ClassifyConfig(), data="promoters").reading.vocabulary == "char"
    assert update(ClassifyConfig(), data=str(folder / "all.fa"), vocabulary="byte").reading.vocabulary == "byte"
    assert update(ClassifyConfig(), data="generated").reading.vocabulary == "word"


def test_classifier(folder, capsys):
    run = str(folder / "classify")
    unrolled.train("classify", run=run, data=str(folder / "all.fa"), kind="bag")
    capsys.readouterr()
    out = folder / "new.csv"
    assert unrolled.cli.main(["predict", run, "--file", str(folder / "new.fa"), "--json", "--out", str(out)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["TTGACAACGT", "ACGTN"]
    assert rows[1]["unknown"] == 1
    assert out.read_text().splitlines()[0].startswith("header,sequence,label,probability")


def test_options_of_fasta_are_for_fasta(folder):
    (folder / "table.csv").write_text("text,label\n" + "a b c,x\nd e f,y\n" * 10)
    with pytest.raises(ArgumentError, match="case must be omitted with the form csv"):
        unrolled.train("classify", run=folder / "no", data=str(folder / "table.csv"), case="keep")
    with pytest.raises(ArgumentError, match="text_column must be omitted with the form fasta"):
        unrolled.train("classify", run=folder / "no", data=str(folder / "all.fa"), text_column="sequence")
