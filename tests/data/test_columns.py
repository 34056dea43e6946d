"""Columns as people have them, and what is said about those that cannot be read."""

import pytest

from unrolled.data.columns import Columns, unify
from unrolled.errors import ArgumentError, DataError


@pytest.fixture
def file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "words.conll"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


def read(path, **options):
    return Columns(**options).read(path)


@pytest.mark.parametrize(
    "text",
    [
        "He\tO\nsaw\tO\nAnna\tB-per\n\nYes\tO\n",
        "He O\nsaw O\nAnna B-per\n\nYes O",
        "He\tO\r\nsaw\tO\r\nAnna\tB-per\r\n\r\nYes\tO\r\n",
        "\n\nHe\tO\nsaw\tO\nAnna\tB-per\n\t\n\n \nYes\tO\n\n\n",
        "\ufeffHe O \nsaw  O\nAnna B-per\n\t\nYes O\n",
        "# text = He saw Anna\nHe\tO\nsaw\tO\nAnna\tB-per\n\n# newpar\nYes\tO\n",
        "# sent_id = 1\n# text = He saw Anna\nHe O\nsaw O\nAnna B-per\n\n# text = Yes it is\nYes O\n",
    ],
)
def test_variants_of_the_same(file, text):
    sentences = read(file(text))
    assert [one.words for one in sentences] == [("He", "saw", "Anna"), ("Yes",)]
    assert [one.tags for one in sentences] == [("O", "O", "B-per"), ("O",)]
    lines = text.replace("\r", "").lstrip("\ufeff").split("\n")
    assert [lines[one.line - 1][:3].strip() for one in sentences] == ["He", "Yes"]


def test_columns_by_number_and_documents(file):
    path = file(
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n\n"
        "-DOCSTART- -X- -X- O\n\n-DOCSTART- -X- -X- O\nBonn NNP B-NP B-LOC\n"
    )
    sentences = read(path)
    assert [one.tags for one in sentences] == [("B-ORG", "O"), ("B-PER",), ("B-LOC",)]
    assert [one.document for one in sentences] == [0, 0, 1]  # a document without sentences is none
    assert [one.line for one in sentences] == [3, 6, 11]
    assert read(path, tag_column=1)[0].tags == ("NNP", "VBZ")
    assert read(path, token_column=1, tag_column=2)[0].words == ("NNP", "VBZ")
    with pytest.raises(ArgumentError, match=r"tag_column must be a column of .*, -4 to 3, got 4"):
        read(path, tag_column=4)
    with pytest.raises(ArgumentError, match="tag_column must be different from token_column, got -4"):
        read(path, tag_column=-4)


def test_number_signs_that_are_words(file):
    assert read(file("# O\nx O\n\n#tag O\n# O\n"))[1].words == ("#tag", "#")
    with pytest.raises(DataError, match=r"line 3 of .* has 1 column, the first line has 2: '#tag'"):
        read(file("x O\n\n#tag\n"))
    with pytest.raises(DataError, match=r"line 2 of .* has 4 columns, the first line has 2"):
        read(file("x O\n# text = x\n"))


def test_comments_with_as_many_columns_as_words(file):
    text = "# newpar\nx DT\n# HASH\n\n# newpar\n# HASH\ny DT\n"
    assert [one.words for one in read(file(text))] == [("x", "#"), ("#", "y")]
    sentences = read(file("# id 52, a\tdomain=en\nx\tO\n\n# id 53\tdomain=en\ny\tB-a\n"))
    assert [(one.words, one.line) for one in sentences] == [(("x",), 2), (("y",), 5)]


def test_no_plain_tags_are_offered_for_a_comment(file):
    sentences = read(file("x B-a\n# newpar\ny O\n"))
    with pytest.raises(DataError, match=r"unknown tag 'newpar' in line 2 .* or remove the line if it is a comment$"):
        unify(sentences, "it", "bio", False)


def test_a_tab_at_the_end(file):
    path = file("# text = x\nAnn\tNNP\t\nsings\tVBZ\t\n\t\nx\tO\t\n")
    sentences, how = Columns().open(path)
    assert [one.tags for one in sentences] == [("NNP", "VBZ"), ("O",)]
    assert "2 columns separated by tabs" in how
    assert "empty last column ignored" in how
    with pytest.raises(DataError, match=r"line 1 of .* has no tag in column 2, counted from 0: 'Ann\\tNNP\\t'"):
        read(file("Ann\tNNP\t\nsings\tVBZ\tO\n"))


def test_returns_that_are_doubled_end_one_line(file):
    assert [one.words for one in read(file("a O\r\r\nb O\r\r\n\r\r\nc O\r\r\n"))] == [("a", "b"), ("c",)]


def test_words_with_blanks_and_strange_white_space(file):
    sentences = read(file("New York\tB-loc\na\u00a0b\tO\nc\u0085d\tO\ne\u2028f\tO\n"))
    assert sentences[0].words == ("New York", "a\u00a0b", "c\u0085d", "e\u2028f")
    assert read(file("a\u00a0b O\n"))[0].words == ("a\u00a0b",)


def test_ranges_and_empty_nodes_of_conllu(file):
    rest = "\t_\t".join(["", "", "", ""])
    rows = [
        f"{at}\t{word}{rest}{tag}"
        for at, word, tag in [("1-2", "du", "_"), ("1", "de", "P"), ("1.1", "x", "X"), ("2", "le", "D")]
    ]
    assert {row.count("\t") for row in rows} == {7}
    wide = "\n".join(row + "\ta\tb" for row in rows)
    assert read(file(wide), token_column=1, tag_column=-3)[0].words == ("de", "le")
    assert read(file("\n".join(rows)), token_column=1)[0].words == ("du", "de", "x", "le")  # 8 columns are no CoNLL-U


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a\tO\nb\tO\tX\n",
            r"line 2 of .* has 3 columns, the first line has 2: 'b\\tO\\tX'; all lines must have the same",
        ),
        ("a\tO\nb\n", "line 2 of .* has 1 column, the first line has 2"),
        ("a\tO\n\tO\n", "line 2 of .* has 1 column, the first line has 2"),
        ("a\nb\n", "has only one column; give a file with a word and its tag on each line"),
        ("\n\n \t\n", "has no sentences"),
        ("-DOCSTART- O\n\n", "has no sentences"),
        ("", "has no sentences"),
        (
            '{"tokens": ["a"], "tags": ["O"]}\n',
            "line 1 of .* is JSON: .* give a file with a word and its tag on each line, and",
        ),
        ('[{"tokens":\n', "line 1 of .* is JSON"),
        (b"Jos\xc3\xa9 O\nJos\xe9 O\n", r"is not valid utf-8: byte 0xe9 at offset 11 .*use --encoding latin-1"),
        (b"a O\n\0 O\n", r"has a zero byte at offset 4 \(line 2\), .* --errors ignore"),
    ],
)
def test_files_that_cannot_be_read(file, text, message):
    with pytest.raises(DataError, match=message):
        read(file(text))


def test_other_encodings(file):
    assert read(file("José\tO\n", "latin-1"), encoding="latin-1")[0].words == ("José",)
    assert read(file("José\tO\n", "utf-16"), encoding="utf-16")[0].words == ("José",)
    assert read(file(b"Jos\xe9\tO\n"), errors="replace")[0].words == ("Jos\ufffd",)
    with pytest.raises(ArgumentError, match="encoding must be the name of a text encoding"):
        read(file("x"), encoding="utf-99")


def test_inconsistent_tags_are_named_by_line_and_repaired_on_request(file):
    text = "He\tO\nAnna\tI-per\nLee\tI-per\n\nx\tO\nBonn\tB-loc\nam\tI-loc\nRhein\tI-per\n\nAnna\tB-per\n\n"
    text += "Tom\tB-per\n"
    sentences = read(file(text))
    with pytest.raises(DataError) as caught:
        unify(sentences, "words.conll", None, False)
    assert str(caught.value) == (
        "the tags of words.conll are inconsistent in the scheme bio (line 2: I-per after O; line 8: I-per after "
        "I-loc); correct them, give the scheme with --scheme, or use --repair to read them as the CoNLL script does"
    )
    repaired, found = unify(sentences, "words.conll", None, True)
    assert [one.tags for one in repaired[:2]] == [("O", "B-per", "I-per"), ("O", "B-loc", "I-loc", "B-per")]
    assert found == "scheme bio, 2 tags repaired"
    many = read(file("".join(f"w{n}\tI-a\nx\tO\n" for n in range(9)) + "y\tB-a\n\n" * 40))
    with pytest.raises(DataError, match=r"line 9: I-a after O and 4 more\)"):
        unify(many, "many", None, False)


def test_schemes_become_one(file):
    for text in ("A I-x\nB I-x\nC B-x\nD O\n", "A B-x\nB E-x\nC S-x\nD O\n", "A B-x\nB L-x\nC U-x\nD O\n"):
        unified, _ = unify(read(file(text)), "f", None, False)
        assert unified[0].tags == ("B-x", "I-x", "B-x", "O")
    with pytest.raises(DataError, match=r"inconsistent in the scheme iob1 \(line 1: B-x after the beginning; line 3"):
        unify(read(file("A B-x\nB O\nC B-x\n")), "f", "iob1", False)
    plain, found = unify(read(file("the DT\ndog NN\n")), "f", None, False)
    assert (plain[0].tags, found) == (("DT", "NN"), "plain tags")
    with pytest.raises(DataError, match="unknown tag 'per' in line 3 of f: tags of scheme bio are O, or a letter"):
        unify(read(file("A B-x\nB I-x\nC per\nD B-y\n")), "f", None, False)
