"""Errors from Python name keywords where the command line names flags."""

import pytest

import unrolled
from unrolled.errors import ArgumentError, DataError
from unrolled.training.keywords import keyword_names, spelled

OPTIONS = {
    "text_column": None,
    "label_column": None,
    "header": True,
    "form": "auto",
    "fold_labels": False,
    "encoding": "",
}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "choose them with --text-column and --label-column, by",
            "choose them with text_column= and label_column=, by",
        ),
        ("--fold-labels merges them", "fold_labels=True merges them"),
        ("use --encoding latin-1 if that is", "use encoding='latin-1' if that is"),
        ("--form tsv --no-header --text-column N", "form='tsv' header=False text_column=N"),
        ("--text-column 2; see --help", "text_column=2; see --help"),
        ("--unknown-flag x", "--unknown-flag x"),
    ],
)
def test_flags_become_keywords(message, expected):
    assert spelled(message, OPTIONS) == expected


def test_an_argument_error_keeps_its_parts():
    with pytest.raises(ArgumentError) as caught, keyword_names(OPTIONS):
        raise ArgumentError("--text-column", "omitted with --form", "a", "use --no-header")
    assert str(caught.value) == "text_column must be omitted with form=, got 'a'; use header=False"
    assert (caught.value.name, caught.value.remedy) == ("text_column", "use header=False")


def test_train_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        DataError, match=r"columns are a, b; choose them with text_column= and label_column=, by number"
    ):
        unrolled.train("classify", data="a.csv")
