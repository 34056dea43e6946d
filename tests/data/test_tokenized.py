"""Text that is already tokenized, in parts: tokens and counts as the literature has them."""

import os
from pathlib import Path

import pytest

from unrolled.analysis.tokenized import last_characters
from unrolled.data import TokenizedVocabulary, build_vocabulary, open_corpus, prepare, vocabulary_from_json
from unrolled.data.parts import named_parts, parts_among
from unrolled.data.storage import head
from unrolled.data.tokenized import spans, split
from unrolled.errors import ArgumentError, DataError
from unrolled.tasks.lm.text import Text

DATA = os.environ.get("UNROLLED_DATA", "")
needs_data = pytest.mark.skipif(
    not Path(DATA, "wordlm/ptb.train.txt").is_file(),
    reason="UNROLLED_DATA is not set to a folder with wordlm/ptb.train.txt",
)
TRAIN, VALID, TEST = " the cat sat \n the <unk> sat\n\n", " a cat sat\n", "the the"


def folder_of(folder, *, prefix="", test=True, **more):
    folder.mkdir(parents=True, exist_ok=True)
    files = {"train": TRAIN, "valid": VALID, **({"test": TEST} if test else {}), **more}
    for name, text in files.items():
        (folder / f"{prefix}{name}.txt").write_text(text)
    return str(folder)


def read(folder, cache, **options):
    corpus = open_corpus(folder, parts=True, full_lines=True)
    return prepare(corpus, kind="tokenized", cache=cache, **options)


def test_tokens_are_between_white_space_and_a_line_ends_with_eos():
    text = "\tit 's  N-1 (\u00a0<unk>\n\nend"
    assert split(text) == ["it", "'s", "N-1", "(", "<unk>", "<eos>", "<eos>", "end"]
    assert [text[a:b] for a, b in spans(text)] == ["it", "'s", "N-1", "(", "<unk>", "\n", "\n", "end"]
    vocabulary = build_vocabulary("tokenized", [text])
    ends = last_characters(vocabulary, vocabulary.encode(text), text)
    assert ends.tolist() == [b - 1 for _, b in spans(text)]


def test_the_vocabulary_is_sorted_by_count_and_decodes_readably():
    vocabulary = build_vocabulary("tokenized", [TRAIN, VALID])
    assert vocabulary.words == ["<eos>", "sat", "cat", "the", "<unk>", "a"]
    ids = vocabulary.encode(TRAIN)
    assert ids.tolist() == [3, 2, 1, 0, 3, 4, 1, 0, 0]
    assert vocabulary.decode(ids) == " the cat sat\n the <unk> sat\n\n"
    assert b"".join(map(vocabulary.spell, ids.tolist())).decode() == vocabulary.decode(ids)
    again = vocabulary_from_json(vocabulary.to_json())
    assert isinstance(again, TokenizedVocabulary)
    assert again.to_json() == vocabulary.to_json()
    rare = build_vocabulary("tokenized", ["a a b"], min_count=2)
    assert rare.words == ["a", "<eos>", "<unk>"]
    assert (rare.encode("a b\n").tolist(), rare.replaced("a b <unk>", rare.encode("a b <unk>"))) == ([0, 2, 1], 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [(["a"], "must have <eos> and <unk>"), (["<eos>", "<unk>", "a b"], "white space"), (["<unk>"] * 2, "twice")],
)
def test_damaged_vocabularies_are_refused(words, message):
    with pytest.raises(DataError, match=message):
        vocabulary_from_json({"kind": "tokenized", "words": words})


def test_three_files_are_the_parts(tmp_path):
    data = read(folder_of(tmp_path / "in", prefix="ptb."), tmp_path / "cache")
    assert data.vocabulary.words == ["<eos>", "sat", "the", "<unk>", "cat"]  # of the training part
    assert [len(part) for part in (data.train, data.valid, data.test)] == [9, 4, 3]
    assert data.test.tokens.tolist() == [2, 2, 0]  # the last line ends, too
    assert [part.unknown for part in (data.train, data.valid, data.test)] == [0, 1, 0]  # "a"; not the written <unk>
    assert head(data.valid, 1, data.vocabulary).unknown == 1
    assert head(data.train, 9, data.vocabulary).unknown == 0


def test_a_test_part_can_be_added_later(tmp_path):
    less = read(folder_of(tmp_path / "in", test=False), tmp_path / "cache")
    more = read(folder_of(tmp_path / "in"), tmp_path / "cache")
    moved = read(folder_of(tmp_path / "other", train=TRAIN[:-1], valid="\n" + VALID), tmp_path / "cache")
    assert (len(less.test), len(more.test)) == (0, 3)
    assert less.digest == more.digest != moved.digest
    assert Text(data="x").fingerprint(less) == Text(data="x").fingerprint(more)


def test_names_of_parts(tmp_path):
    def found(*names):
        parts = parts_among([tmp_path / name for name in names])
        return parts and [path.name for path in parts]

    assert found("test.txt", "notes.txt", "valid.txt", "train.txt") == ["train.txt", "valid.txt", "test.txt"]
    assert found("wiki.train.tokens", "wiki.valid.tokens") == ["wiki.train.tokens", "wiki.valid.tokens"]
    assert found("train.txt", "test.txt") is None
    assert found("train.txt", "valid.md") is None
    assert found("training.txt", "valid.txt") is None
    with pytest.raises(DataError, match=r"several training parts: a\.train\.txt, train\.txt; .* --parts cut"):
        found("train.txt", "valid.txt", "a.train.txt", "a.valid.txt")


def test_a_folder_as_one_text_or_in_parts(tmp_path):
    folder = folder_of(tmp_path / "in", notes="x")
    corpus = Text(data=folder).open()
    assert (corpus.parts, corpus.notes, len(corpus.files)) == ([1, 1, 1], ["1 other file is not read"], 3)
    assert Text(data=folder, parts="cut").open().parts is None
    assert len(Text(data=folder, parts="cut").open().files) == 4
    pattern = str(tmp_path / "in" / "[tv]*.txt")
    assert Text(data=pattern).open().parts == [1, 1, 1]
    with pytest.raises(ArgumentError, match="fractions must be omitted unless with --parts cut"):
        Text(data=folder, fractions=(0.8, 0.1, 0.1)).read()


def test_a_named_text_without_its_test_part(tmp_path, monkeypatch):
    def offline(url, timeout):
        raise OSError("no network")

    from unrolled.data import registry

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setattr(registry, "_verify", lambda *arguments: None)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    with pytest.raises(DataError, match="cannot download"):
        named_parts("ptb", [])
    folder_of(tmp_path / "wordlm", prefix="ptb.", test=False)
    text = Text(data="ptb")
    assert (text.kind, Text(data="ptb", vocabulary="char").kind, Text().kind) == ("tokenized", "char", "char")
    corpus = text.open()
    assert corpus.parts == [1, 1]
    assert corpus.notes[0].startswith("no test part: ")
    folder_of(tmp_path / "wordlm", prefix="ptb.")
    assert text.open().parts == [1, 1, 1]


@needs_data
def test_the_published_counts_of_the_penn_treebank(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: (_ for _ in ()).throw(OSError("no network")))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    data = Text(data="ptb").read()
    assert len(data.vocabulary) == 10_000
    assert (len(data.train), len(data.valid)) == (929_589, 73_760)
    assert data.train.unknown == data.valid.unknown == 0
    assert data.vocabulary.words[:4] == ["the", "<unk>", "<eos>", "N"]
    assert len(data.test) in (0, 82_430)
