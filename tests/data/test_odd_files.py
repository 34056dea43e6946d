"""Odd files, what is read from each, or what is said instead: the table in docs/reading-files.md."""

import json
from pathlib import Path

import pytest

from unrolled.data.bitext import BitextLayout, read_pairs
from unrolled.data.columns import Columns
from unrolled.data.labelled import Layout, check_classes, read_labelled
from unrolled.data.labelled_sets import open_labelled
from unrolled.data.tagged import Source
from unrolled.data.vectors import read_vectors
from unrolled.errors import ArgumentError, DataError, UnrolledError
from unrolled.lab.unroll import read_weights
from unrolled.recipes import read as read_recipe

TEXTS = ["a good film", "a bad film, too", "not bad"] * 8
LABELS = ["pos", "neg", "pos"] * 8
ROWS = list(zip(TEXTS, LABELS, strict=True))
DIFFERENT = [(f"{text} {number}", label) for number, (text, label) in enumerate(ROWS)]
OBJECTS = [{"text": text, "label": label} for text, label in ROWS]


def rows(cells, delimiter, end="\n", quote=""):
    return "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) + end for row in cells)


LABELLED = [
    ("semicolons", "a.csv", rows([("text", "label"), *ROWS], ";"), "columns separated by semicolons; with a header"),
    ("bars", "a.csv", rows([("text", "label"), *ROWS], "|"), "columns separated by vertical bars"),
    ("tabs in .csv", "a.csv", rows([("text", "label"), *ROWS], "\t"), "columns separated by tabs"),
    (
        "old Mac",
        "a.csv",
        rows([("text", "label"), *ROWS], ",", "\r", '"'),
        "columns separated by commas; with a header",
    ),
    ("single quotes", "a.csv", rows([("text", "label"), *ROWS], ",", quote="'"), "commas, texts in single quotes"),
    ("sep=", "a.csv", "sep=;\r\n" + rows([("text", "label"), *ROWS], ";", "\r\n"), "semicolons"),
    ("Windows", "a.tsv", "\ufeff" + rows([("label", "text"), *[row[::-1] for row in ROWS]], "\t", "\r\n"), "CRLF"),
    ("array", "a.json", json.dumps(OBJECTS, indent=1), "objects; text under 'text', label under 'label'"),
    ("lines in .json", "a.json", "\n".join(map(json.dumps, OBJECTS)), "objects; text under 'text'"),
    ("old Mac", "a.jsonl", "\r".join(map(json.dumps, OBJECTS)), "CR line endings"),
    ("fastText", "a.txt", rows([(f"__label__{label}", text) for text, label in ROWS], " "), "a word __label__…"),
    ("label last", "a.txt", rows([(text, f"__label__{label}") for text, label in ROWS], " "), "a word __label__…"),
    ("a table", "a.txt", rows([("text", "label"), *ROWS], "\t"), "columns separated by tabs; with a header"),
    ("old Mac", "a.txt", rows([row[::-1] for row in ROWS], " ", "\r"), "first word of each line is its label; CR line"),
]


@pytest.mark.parametrize(("name", "content", "how"), [one[1:] for one in LABELLED], ids=[one[0] for one in LABELLED])
def test_labelled_texts(tmp_path, name, content, how):
    path = tmp_path / name
    path.write_bytes(content.encode())
    examples, notes = read_labelled(path, Layout())
    assert (examples.texts, examples.labels, notes) == (TEXTS, LABELS, [])
    assert how in examples.how


def test_text_tab_label(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(rows(DIFFERENT, "\t"))
    examples, _ = read_labelled(path, Layout())
    assert list(zip(examples.texts, examples.labels, strict=True)) == DIFFERENT
    assert examples.how == "text, a tab, label"
    assert read_labelled(path, Layout(form="lines"))[0].labels == [text for text, _ in DIFFERENT]  # as it is asked
    path.write_text(rows([row[::-1] for row in DIFFERENT], "\t"))
    examples, _ = read_labelled(path, Layout())
    assert list(zip(examples.texts, examples.labels, strict=True)) == DIFFERENT
    path.write_text("pos\tfine\nneg\tno\n")
    assert read_labelled(path, Layout())[0].labels == ["pos", "neg"]  # a label of its own for each text


def test_a_folder_with_what_systems_leave_in_it(tmp_path):
    for name, content in {
        "pos/1.txt": b"good",
        "pos/Thumbs.db": b"\xd0\xcf",
        "pos/desktop.ini": b"[.ShellClassInfo]",
        "neg/2.txt": b"bad",
        "neg/.DS_Store": b"\0\0\0\1Bud1",
        "neg/~$2.txt": b"me",
        "neg/a.png": b"\x89PNG\0",
        "neg/b.pdf": b"%PDF-1.4\n%\xe2",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    examples, notes = read_labelled(tmp_path, Layout())
    assert (examples.texts, examples.labels) == (["bad", "good"], ["neg", "pos"])
    assert notes == [f"{tmp_path}: 6 non-text files skipped: neg/.DS_Store, neg/a.png, neg/b.pdf, …"]
    (tmp_path / "neg/wide.txt").write_bytes("bad".encode("utf-16"))
    with pytest.raises(DataError, match="--encoding utf-16"):  # a text, which must not be lost
        read_labelled(tmp_path, Layout())


REFUSED = [
    (
        "a.csv",
        "text,label\na, b,pos\n",
        {},
        "line 2 has 3 columns, the first row has 2; are there commas in a text?",
    ),
    ("a.csv", "label;text\npos;a; b\n", {}, "line 2 .* are there semicolons in a text?"),
    ("a.tsv", "label\ttext\npos\ta\tb\n", {}, "line 2 .* are there tabs in a text?"),
    ("a.csv", "text,text,label\na,b,c\n", {}, "columns 1 and 2 both have the name 'text'; .* --text-column 1"),
    ("a.csv", "text,Y,y\na,b,c\n", {"label_column": "Y", "text_column": "y"}, None),
    ("a.csv", "text,LABEL,Label\na,b,c\n", {"label_column": "label"}, "columns 2 and 3 both .* --label-column 2"),
    (
        "a.csv",
        "text,label\na,b\n",
        {"text_column": "label"},
        "--label-column must be different from the column of the text",
    ),
    ("a.jsonl", '{"text": "a", "text": "b", "label": 1}\n', {}, "the key 'text' occurs twice"),
    (
        "a.jsonl",
        '{"text": "a"}\n',
        {"text_column": "text", "label_column": "text"},
        "different from the column of the text",
    ),
    ("a.json", '[{"text": "a", "label": 1}\n {"text": 2}]', {}, "after line 1: a comma or the end of the JSON array"),
    ("a.json", '[{"text": "a", "label": 1},', {}, "line 1 is not an item of a JSON array"),
    (
        "a.json",
        '[{"text": "a", "label": 1}]\n[{"text": "b", "label": 1}]',
        {},
        "has text after the end of its JSON array",
    ),
    ("a.json", '[{"text": "a", "label": 1},\n\n "x"]', {}, "line 3 must be an object such as"),
    ("a.json", '{\n "data": []}', {}, "line 1 is not JSON: .* give one object per line, or an array of objects"),
    (
        "a.txt",
        "__label__a x\n__label__a __label__b y\n",
        {},
        "line 2 must have one label .* got __label__a __label__b",
    ),
    (
        "a.txt",
        "__label__a x\n__label__b y\nz z\n",
        {},
        "line 3 must have one label that starts with __label__, .* none",
    ),
    (
        "a.txt",
        "1\tpos\tgood\n2\tneg\tbad\n",
        {},
        "has 3 tab-separated columns .* --form tsv --no-header --text-column N",
    ),
    (
        "a.txt",
        "__label__a x\n__label__a,__label__b y\n",
        {},
        "line 2 must have one label .* got __label__a,__label__b",
    ),
    (
        "a.txt",
        "neg,fine plot\npos,good\n",
        {},
        "commas in the first word .* --form csv --no-header --delimiter ',' --te",
    ),
    ("a.txt", "neg;a b\npos;c\n", {}, "semicolons in the first word of every line, such as 'neg;a'"),
    ("a.txt", "text label\ngood film pos\nbad film neg\n", {}, "has the header 'text label', so labels are last"),
    ("a.txt", "a x\rb y\nb z\na q\rnew w\n", {}, "both labels and 'new'"),
    ("a.tsv", "text\tlabel\nx\ty\rz\nq\n", {}, "lines that end with CR .* different numbers of columns either way"),
    ("a.csv", "text,label,id\na,b,1\na,b\n", {}, "line 3 has 2 columns, the first row has 3"),
    ("a.csv", "text,label\nhello, world,\na, b,\n", {}, "line 2 has 3 columns, the first row has 2; are there com"),
    ("a.csv", "text,label\na,b,\nc,d\n", {}, "line 2 has 3 columns, the first row has 2"),
    ("a.csv", "text,label\n" + "a,b,\n" * 100 + "c,d\n", {}, "line 102 has 2 columns, .* rows have empty ones"),
    ("a.jsonl", '{"text": "a", "label": NaN}\n', {}, "line 1 has no text or number under 'label', but nan; its keys"),
    ("a.jsonl", '{"text": Infinity, "label": 1}\n', {}, "line 1 has no text or number under 'text', but inf"),
    (
        "a.jsonl",
        '{"x": {"a": "b"}, "label": 1}\n',
        {},
        "usual keys for the text .*; its keys are x.a, label; choose them with --text-column and --label-column$",
    ),
    ("a.csv", "text\na\n", {}, "has only one column, 'text'; give the column separator with --delimiter"),
    ("a.csv", "text,label\r\na \0b,1\r\n", {}, r"zero byte at offset 14 \(line 2\)"),
]


@pytest.mark.parametrize(("name", "content", "layout", "message"), REFUSED)
def test_what_is_refused(tmp_path, name, content, layout, message):
    path = tmp_path / name
    path.write_bytes(content.encode())
    if message is None:
        read_labelled(path, Layout(**layout))
        return
    with pytest.raises(UnrolledError, match=message) as caught:
        read_labelled(path, Layout(**layout))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["text,label\na,1,\nb,2,,\n", "text, label\na, 1,\nb, 2,\n"])
def test_a_column_of_nothing_at_the_end_is_no_column(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    examples, _ = read_labelled(path, Layout())
    assert (examples.texts, examples.labels) == (["a", "b"], ["1", "2"])
    assert "; empty last column ignored; with a header" in examples.how


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", rows([("text", "label")], "\t") + rows(ROWS[:12], "\t", "\r") + rows(ROWS[12:], "\t")),
        ("a.csv", rows([("text", "label")], ";") + rows(ROWS[:12], ";", "\r") + rows(ROWS[12:], ";")),
        ("a.txt", rows([row[::-1] for row in ROWS[:12]], " ", "\r") + rows([row[::-1] for row in ROWS[12:]], " ")),
        ("a.txt", "".join(f"__label__{b} {a}{chr(13 - 3 * (n > 11))}" for n, (a, b) in enumerate(ROWS))),
        ("a.jsonl", "\r".join(map(json.dumps, OBJECTS[:12])) + "\n" + "\n".join(map(json.dumps, OBJECTS[12:]))),
        ("a.txt", rows([row[::-1] for row in ROWS[:12]], "\t", "\r") + rows([row[::-1] for row in ROWS[12:]], "\t")),
        ("a.tsv", rows([("text", "label"), *ROWS], "\t", "\r\r\n")),
        ("a.txt", "label text\n" + rows([row[::-1] for row in ROWS], " ")),
    ],
)
def test_mixed_ends_and_a_header_above_lines(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode())
    examples, _ = read_labelled(path, Layout())
    assert (examples.texts, examples.labels) == (TEXTS, LABELS)


def test_a_return_in_a_text_is_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes((rows(DIFFERENT[:12], "\t", "\r") + rows(DIFFERENT[12:], "\t")).encode())  # here it is none
    assert read_labelled(path, Layout())[0].texts == [text for text, _ in DIFFERENT]
    path.write_bytes(b"pos\tone\rtwo\nneg\tthree\n")
    assert read_labelled(path, Layout())[0].texts == ["one\rtwo", "three"]
    path.write_bytes(b"pos one\rtwo\nneg three\n")
    assert read_labelled(path, Layout())[0].texts == ["one\rtwo", "three"]
    table = tmp_path / "a.tsv"
    table.write_bytes(b"text\tlabel\none\rtwo\tpos\nthree\tneg\n")
    assert read_labelled(table, Layout())[0].texts == ["one\rtwo", "three"]
    source, target = tmp_path / "a.en", tmp_path / "a.de"
    source.write_bytes(b"one\rtwo\nthree\n")
    target.write_bytes(b"eins\ndrei\n")
    assert read_pairs(source, target, BitextLayout()).source == ["one\rtwo", "three"]
    target.write_bytes(b"eins\nzwei\ndrei\n")
    assert read_pairs(source, target, BitextLayout()).source == ["one", "two", "three"]


def test_equal_numbers_are_one_label(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(f'{{"text": 1.0, "label": {label}}}\n' for label in ("1", "1.0", "1e0", '"1"', "1.5", "1e300"))
    )
    examples, _ = read_labelled(path, Layout())
    assert (examples.labels, examples.texts[0]) == (["1", "1", "1", "1", "1.5", "1e+300"], "1.0")


def test_rows_between_two_stray_quotes_are_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\nfine,pos\n"so,neg\n' + "a film,pos\n" * 7 + 'it","neg"\nlast,pos\n')
    examples, notes = read_labelled(path, Layout())
    assert len(examples) == 3
    assert [note.partition(": ")[2] for note in notes] == [
        "7 lines that look like rows are inside one quoted cell; is a quote missing or redundant?"
    ]
    path.write_text('text,label\n"' + "a film\n" * 9 + '",pos\n"b",neg\n')
    assert read_labelled(path, Layout())[1] == []


def test_pairs_under_nested_keys(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "7", "translation": {"en": "yes", "de": "ja"}}\n')
    with pytest.raises(DataError) as caught:
        read_pairs(path, None, BitextLayout())
    told = "its keys are id, translation.en, translation.de; use --source-column translation.en --target-column transl"
    assert told in str(caught.value)
    layout = BitextLayout(source_column="translation.en", target_column="translation.de")
    assert read_pairs(path, None, layout).target == ["ja"]


def test_a_header_above_numbered_pairs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("id\tsrc text\tid2\ttrg text\n12\tyes\t98\tja\n13\tno\t99\tnein\n")
    pairs = read_pairs(path, None, BitextLayout())
    assert (pairs.source, pairs.target) == (["yes", "no"], ["ja", "nein"])
    assert "with a header; source from column 2 (src text), target from column 4 (trg text)" in pairs.how
    path.write_text("yes\tja\t\nno\tnein\t7\nso\talso\t8\n")
    assert read_pairs(path, None, BitextLayout()).source == ["yes", "no", "so"]  # no name stands there
    path.write_text("id\tlang\tsrc text\n12\teng\tyes\n13\teng\tno\n")
    with pytest.raises(DataError, match=r"column 1 of .* contains only numbers; its first row is id, lang, src text"):
        read_pairs(path, None, BitextLayout())


@pytest.mark.parametrize("options", [{"label_column": "2"}, {"text_column": "1"}, {"header": False}])
def test_options_that_a_form_has_no_use_for(tmp_path, options):
    path = tmp_path / "a.txt"
    path.write_text(rows(DIFFERENT, "\t"))
    with pytest.raises(ArgumentError, match=r"must be omitted with the form lines .* --form tsv"):
        open_labelled(str(path), Layout(**options))
    table = Layout(form="tsv", header=False, text_column="1", label_column="2")
    assert set(open_labelled(str(path), table).train.labels) == {"pos", "neg"}
    objects = tmp_path / "a.jsonl"
    objects.write_text("\n".join(map(json.dumps, OBJECTS)))
    for unused in ({"header": False}, {"delimiter": ";"}):
        with pytest.raises(ArgumentError, match="must be omitted with the form"):
            open_labelled(str(objects), Layout(form="jsonl", **unused))
        with pytest.raises(ArgumentError, match="must be omitted for JSON objects"):
            read_pairs(objects, None, BitextLayout(form="jsonl", **unused))


def test_the_remedy_for_labels_that_are_none_fits_the_form(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"word{number} and more\n" for number in range(40)))
    sets = open_labelled(str(path), Layout())
    with pytest.raises(DataError, match=r"is 'word.*' a label\? the first word of each line is its label; .*--form"):
        check_classes(sets.train, path, sets.remedy)


def test_pairs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("12\tgood morning\t99\tguten Morgen\n13\tyes\t98\tja\n")
    pairs = read_pairs(path, None, BitextLayout())
    assert (pairs.source, pairs.target) == (["good morning", "yes"], ["guten Morgen", "ja"])
    assert pairs.how == "columns separated by tabs; no header; source from column 2, target from column 4"
    assert read_pairs(path, None, BitextLayout(source_column="1", target_column="3")).source == ["12", "13"]
    path.write_text("12\teng\tgood morning\n13\teng\tyes\n")
    with pytest.raises(
        DataError, match=r"column 1 of .* only numbers; its first row is 12, eng, good .*--source-column 2"
    ):
        read_pairs(path, None, BitextLayout())
    path.write_text("twelve\t12\nthirteen\t13\n")
    assert read_pairs(path, None, BitextLayout()).target == ["12", "13"]  # all there is
    path.write_text("yes\tja\tCC-BY 2.0\nno\tnein\tCC-BY 2.0\n")
    assert read_pairs(path, None, BitextLayout()).target == ["ja", "nein"]
    path.write_text("yes\tja\nno\tnein\tdoch\n")
    with pytest.raises(DataError, match="line 2 has 3 columns, the first row has 2; are there tabs in a text"):
        read_pairs(path, None, BitextLayout())
    other = tmp_path / "a.de"
    other.write_bytes(b"ja\rnein\r")
    path.write_bytes(b"yes\nno\n")
    pairs = read_pairs(path, other, BitextLayout(form="lines"))
    assert (pairs.target, pairs.how) == (
        ["ja", "nein"],
        f"line n corresponds to line n of {other}; there; CR line endings",
    )
    languages = tmp_path / "b.csv"
    languages.write_text("source;target\n1,5;2,5\n")
    assert read_pairs(languages, None, BitextLayout()).target == ["2,5"]


def tagged(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_words_that_are_counted(tmp_path):
    path = tmp_path / "a.conllu"
    ud = ["# text = du lit", "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_"]
    for number, (word, tag) in enumerate([("de", "ADP"), ("le", "DET"), ("lit", "NOUN")], 1):
        ud.append(f"{number}\t{word}\t{word}\t{tag}\tX\t_\t0\troot\t_\t_")
    tagged(path, *ud, "", *ud)
    sentences, how = Columns().open(path)
    assert [(one.words, one.tags) for one in sentences] == [(("de", "le", "lit"), ("ADP", "DET", "NOUN"))] * 2
    assert how == "10 columns separated by tabs of CoNLL-U; words from column 1, tags from column 3, counted from 0"
    assert Columns(tag_column=4).read(path)[0].tags == ("X", "X", "X")
    tagged(path, "1 EU NNP I-NP B-ORG", "2 rejects VBZ I-VP O", "", "1 Yes UH O O")
    sentences, how = Columns().open(path)
    assert [one.words for one in sentences] == [("EU", "rejects"), ("Yes",)]
    expected = "5 columns separated by spaces, the first numbers words; words from column 1, tags from column 4"
    assert how == f"{expected}, counted from 0"
    tagged(path, "1 CD", "2 CD", "3 CD")
    assert Columns().read(path)[0].words == ("1", "2", "3")  # two columns only


def test_tags_from_which_nothing_is_learned(tmp_path):
    path = tmp_path / "a.conll"
    with pytest.raises(
        DataError, match=r"every word of .* has the tag '_': .*--tag-column, of the .*3 columns separated"
    ):
        Source(tagged(path, *["Ann NNP _", "sings VBZ _", ""] * 20)).read()
    with pytest.raises(DataError, match=r"every word of .* is a number, such as '7'; give the .* --token-column"):
        Source(tagged(path, *["7 Ann NNP", "9 sings VBZ", ""] * 20)).read()


def test_old_mac_lines_with_tags(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"Ann NNP\rsings VBZ\r\rYes UH\r")
    sentences, how = Columns().open(path)
    assert ([one.words for one in sentences], how[-17:]) == ([("Ann", "sings"), ("Yes",)], "; CR line endings")


def test_marks_in_other_files(tmp_path):
    vectors = tmp_path / "v.txt"
    vectors.write_bytes("\ufeffthe 1 2\nof 3 4\n".encode())
    assert list(read_vectors(vectors, ["the", "of"])[0]) == ["the", "of"]
    recipe = tmp_path / "r.toml"
    recipe.write_bytes('\ufefftask = "lm"\n[model]\nhidden_size = 8\n'.encode())
    assert read_recipe(str(recipe)).options == {"hidden_size": 8}
    weights = tmp_path / "w.json"
    weights.write_bytes('\ufeff{"U": [[1]], "W": [[2]], "V": [[3]]}'.encode())
    assert read_weights(Path(weights)).W == [[2]]
