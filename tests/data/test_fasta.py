"""FASTA files as text, as records and as labelled sequences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from unrolled.data import fasta, open_corpus
from unrolled.data.fasta import CUT, LOWER_CASE, TO_N, FastaFile, is_fasta
from unrolled.data.labelled import Layout, form_of, read_labelled
from unrolled.errors import ArgumentError, DataError

TEXT = "; a comment\r\n>seq1 class=up\r\nACGT acgtn\r\nRY\r\n\r\n>seq2 class=down\r\nNNTT--\r\n"


@pytest.fixture
def path(tmp_path) -> Path:
    file = tmp_path / "some.fa"
    file.write_bytes(TEXT.encode())
    return file


def text_of(file: FastaFile, changed: set[str] | None = None) -> str:
    return "".join(file.read(changed))


def test_sequences_are_documents_that_end_with_a_newline(path, tmp_path):
    packed = tmp_path / "packed.fna.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    for file in (path, packed):
        chunks = list(open_corpus(str(file), fasta=None).chunks())
        assert [(chunk.text, chunk.starts) for chunk in chunks] == [("ACGTACGTNRY\nNNTT--\n", (0, 12))]
    assert "headers are skipped" in open_corpus(str(path), fasta=None).notes[0]
    assert open_corpus(str(path)).notes == []  # plain text without the option
    assert [(r.header.text, r.header.line, r.sequence) for r in FastaFile(path).records()] == [
        ("seq1 class=up", 2, "ACGTACGTNRY"),
        ("seq2 class=down", 6, "NNTT--"),
    ]


@pytest.mark.parametrize(
    ("options", "text", "changes"),
    [
        ({}, "ACGTACGTNRY\nNNTT--\n", {LOWER_CASE}),
        ({"case": "keep"}, "ACGTacgtnRY\nNNTT--\n", set()),
        ({"ambiguous": "n"}, "ACGTACGTNNN\nNNTT--\n", {LOWER_CASE, TO_N}),
        ({"ambiguous": "cut"}, "ACGTACGT\nTT\n", {LOWER_CASE, CUT}),
        ({"ambiguous": "cut", "case": "keep"}, "ACGTacgt\nTT\n", {CUT}),
    ],
)
def test_case_and_ambiguous_codes(path, options, text, changes):
    changed: set[str] = set()
    assert text_of(FastaFile(path, **options), changed) == text
    assert changed == changes


def test_long_lines_are_read_in_blocks(tmp_path, monkeypatch):
    (tmp_path / "long.fa").write_text(">a\n" + "ACGT" * 500 + "\n>" + "b" * 300 + "\nTT\n>c\nGG")
    monkeypatch.setattr("unrolled.data.textfile.BLOCK", 64)
    monkeypatch.setattr(fasta, "BLOCK", 64)
    file = FastaFile(tmp_path / "long.fa")
    pieces = list(file.read())
    assert "".join(pieces) == "ACGT" * 500 + "\nTT\nGG\n"
    assert len(pieces) > 20
    monkeypatch.setattr(fasta, "LONGEST_HEADER", 200)
    with pytest.raises(DataError, match="line 3: a header has over 200 characters"):
        text_of(file)
    monkeypatch.setattr(fasta, "LONGEST", 100)
    with pytest.raises(DataError, match="line 1: the sequence has over 100 letters"):
        list(file.records())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nACGT\n>b\n>c\nA\n", "line 3: the header 'b' has no sequence below it"),
        (">a\nACGT\n>b\n\n", "line 3: the header 'b' has no sequence below it"),
        (">a\nACGT\n> \nAC\n", "line 3 is a header without a name"),
        (">a\nACGT\nAC1T\n", "line 3 has '1' in a sequence"),
        (">a\nAC\u00e9T\n", "line 2 has 'é' in a sequence"),
        (";c\nACGT\n>a\nA\n", "line 2 is not FASTA: a sequence needs a header"),
        ("; only a comment\n", "has no FASTA sequence"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    file = tmp_path / "bad.fasta"
    file.write_text(text)
    with pytest.raises(DataError, match=rf"^{file}.*{message}"):
        text_of(FastaFile(file))
    with pytest.raises(DataError, match=rf"^{file}.*{message}"):
        read_labelled(file, Layout(form="fasta", label_column="1"))


def test_what_is_fasta(path, tmp_path):
    (tmp_path / "persian.fa").write_text("متن")
    (tmp_path / "mail.txt").write_text("> quoted")
    assert is_fasta(path)
    assert not is_fasta(tmp_path / "persian.fa")
    assert not is_fasta(tmp_path / "mail.txt")
    assert not is_fasta(tmp_path / "missing.fa")
    assert not is_fasta(tmp_path)
    with pytest.raises(ArgumentError, match="separator must be omitted with FASTA"):
        open_corpus(str(path), separator="x", fasta=None)
    (tmp_path / "protein.faa").write_text(">p\nMEEP\n")
    with pytest.raises(DataError, match="line 2 has 'E', which is not the code of a nucleotide"):
        text_of(FastaFile(tmp_path / "protein.faa", ambiguous="n"))


@pytest.mark.parametrize(
    ("headers", "column"),
    [
        (("x class=up y=1", "z y=2 class=down"), None),
        (("x Class:up", "z class:down"), "class"),
        (("x [organism=up]", "z [organism=down] 3"), "organism"),
        (("x|up", "z|down"), None),
        (("x up", "z down"), None),
        (("x a up", "z b down"), "3"),
    ],
)
def test_labels_from_headers(tmp_path, headers, column):
    file = tmp_path / "some.fa"
    file.write_text("".join(f">{header}\nac\nGT\n" for header in headers))
    examples, _ = read_labelled(file, Layout(label_column=column))
    assert (examples.texts, examples.labels) == (["ACGT", "ACGT"], ["up", "down"])
    assert examples.how.startswith("FASTA: 2 sequences; label from the headers, ")


def test_a_header_without_a_label(tmp_path):
    file = tmp_path / "some.fa"
    file.write_text(">x class=up\nAC\n>z\nGT\n")
    with pytest.raises(DataError, match=r"line 3: the header 'z' has no class=…; write it as class=LABEL"):
        read_labelled(file, Layout(label_column="class"))
    with pytest.raises(DataError, match=r"line 1: no label in the header 'x class=up'"):
        read_labelled(file, Layout())


def test_a_file_or_a_folder_per_class(tmp_path):
    for name in ("up.fa", "down.fna"):
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / name).write_text(f">a\n{name[0] * 3}\n>b\nAC\n".replace("u", "T").replace("d", "G"))
        (tmp_path / "folders" / name[:2]).mkdir(parents=True)
        (tmp_path / "folders" / name[:2] / name).write_text(">a\nAC\n>b\nGT\n")
    examples, _ = read_labelled(tmp_path / "files", Layout())
    assert list(zip(examples.texts, examples.labels, strict=True)) == [
        ("GGG", "down"),
        ("AC", "down"),
        ("TTT", "up"),
        ("AC", "up"),
    ]
    assert form_of(tmp_path / "files", Layout()) == "folder"
    folders, _ = read_labelled(tmp_path / "folders", Layout())
    assert (folders.texts, folders.labels) == (["AC", "GT"] * 2, ["do", "do", "up", "up"])
    (tmp_path / "files" / "train.fa").write_text(">a\nAC\n")
    with pytest.raises(DataError, match=r"train\.fa is named like a part of the data"):
        read_labelled(tmp_path / "files", Layout())
