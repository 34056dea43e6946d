"""Encoding to disk: the splits, the cache, its repair, and memory that does not grow with the corpus."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled.data import CharVocabulary, build_vocabulary, encode_text, encoded, open_corpus, prepare
from unrolled.errors import ArgumentError, DataError, SaveError

DATA = os.environ.get("UNROLLED_DATA", "")
needs_data = pytest.mark.skipif(
    not Path(DATA, "charlm/tinyshakespeare.txt").is_file(),
    reason="UNROLLED_DATA is not set to a folder with charlm/tinyshakespeare.txt",
)


def corpus_of(folder, *documents):
    """A corpus with one file for each document."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, document in enumerate(documents):
        (folder / f"{i:03}.txt").write_bytes(document.encode())
    return open_corpus(str(folder))


def decoded(data):
    return [data.vocabulary.decode(split.tokens) for split in (data.train, data.valid, data.test)]


@needs_data
def test_the_customary_numbers_of_tiny_shakespeare(tmp_path):
    data = prepare(open_corpus("shakespeare"), cache=tmp_path)
    splits = (data.train, data.valid, data.test)
    assert len(data.vocabulary) == 65
    assert [split.characters for split in splits] == [1_003_854, 55_770, 55_770]
    assert [len(split) for split in splits] == [1_003_854, 55_770, 55_770]
    assert "".join(decoded(data)) == Path(DATA, "charlm/tinyshakespeare.txt").read_text()
    assert data.digest == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_every_vocabulary_sees_the_same_text_and_documents(tmp_path, kind):
    documents = ["naïve 😀 text\r\n", "  the second, the\n", "\nthird", "four five six seven eight"]
    corpus = corpus_of(tmp_path / "in", *documents)
    data = prepare(corpus, cache=tmp_path / "cache", kind=kind, vocab_size=270, fractions=(0.8, 0.1, 0.1))
    text = "".join(documents)
    n = len(text)
    parts = [text[: n * 8 // 10], text[n * 8 // 10 : n * 9 // 10], text[n * 9 // 10 :]]
    assert [split.characters for split in (data.train, data.valid, data.test)] == [len(part) for part in parts]
    train = data.vocabulary.decode(data.train.tokens)
    assert train == parts[0]  # word and byte-pair vocabularies know all of the training part
    if kind != "word":
        assert decoded(data) == parts
    edges = [*data.train.starts.tolist(), len(data.train)]
    pieces = [data.vocabulary.decode(data.train.tokens[a:b]) for a, b in pairwise(edges)]
    assert pieces == [*documents[:3], parts[0][len("".join(documents[:3])) :]]
    assert data.valid.starts.tolist() == []
    assert data.digest == hashlib.sha256(text.encode()).hexdigest()
    assert data.train.tokens.dtype == data.vocabulary.dtype


@given(
    documents=st.lists(st.text(st.sampled_from("ab \né"), min_size=1, max_size=12), min_size=1, max_size=4),
    kind=st.sampled_from(["char", "byte"]),
    train=st.integers(1, 10),
    valid=st.integers(0, 9),
    block=st.integers(1, 6),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_block_size_changes_the_encoding(tmp_path_factory, documents, kind, train, valid, block):
    valid = min(valid, 10 - train)
    folder = tmp_path_factory.mktemp("any")
    corpus = corpus_of(folder / "in", *documents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unrolled.data.textfile.BLOCK", block)
        fractions = (train / 10, valid / 10, (10 - train - valid) / 10)
        data = prepare(corpus, cache=folder / "cache", kind=kind, fractions=fractions)
    text = "".join(documents)
    assert "".join(decoded(data)) == text
    assert data.train.characters == len(text) * train // 10
    assert data.valid.characters == len(text) * (train + valid) // 10 - data.train.characters
    positions, offset = [], 0
    for split in (data.train, data.valid, data.test):
        positions += [offset + len(data.vocabulary.decode(split.tokens[:start])) for start in split.starts]
        offset += split.characters
    assert positions == [sum(map(len, documents[:i])) for i in range(len(documents))]


def test_words_are_counted_in_the_training_part_only(tmp_path):
    corpus = corpus_of(tmp_path / "in", "the cat the cat the end", " then new words of more")
    data = prepare(corpus, cache=tmp_path / "cache", kind="word", fractions=(0.5, 0.0, 0.5))
    assert set(data.vocabulary.words) == {"<unk>", "the", " the", " cat", " end"}
    assert data.test.unknown == 5
    assert (data.train.unknown, len(data.valid), data.valid.tokens.dtype) == (0, 0, np.uint8)
    rare = prepare(corpus, cache=tmp_path / "cache", kind="word", min_count=2, fractions=(0.5, 0.0, 0.5))
    assert rare.train.unknown == 2


@pytest.fixture
def counted(monkeypatch):
    """How often a corpus was encoded."""
    calls = []
    original = encoded._encode
    monkeypatch.setattr(encoded, "_encode", lambda *args: calls.append(1) or original(*args))
    return calls


def test_an_encoding_is_used_again_until_text_or_options_change(tmp_path, counted):
    cache = tmp_path / "cache"
    corpus = corpus_of(tmp_path / "in", "some text to encode")
    first = prepare(corpus, cache=cache)
    again = prepare(corpus, cache=cache)
    assert len(counted) == 1
    assert decoded(again) == decoded(first)
    assert (again.digest, again.vocabulary.to_json()) == (first.digest, first.vocabulary.to_json())
    prepare(corpus, cache=cache, min_count=2)
    prepare(corpus, cache=cache, fractions=(0.8, 0.1, 0.1))
    assert len(counted) == 3
    changed = prepare(corpus_of(tmp_path / "in", "some text to encode!"), cache=cache)
    assert len(counted) == 4
    assert changed.digest != first.digest
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("damage", ["cut", "missing", "json", "half json", "vocabulary", "counts"])
def test_a_damaged_encoding_is_made_again(tmp_path, counted, damage):
    cache = tmp_path / "cache"
    corpus = corpus_of(tmp_path / "in", "some text to encode")
    first = prepare(corpus, cache=cache)
    tokens, (folder,) = decoded(first), list(cache.iterdir())
    description = folder / "description.json"
    if damage == "cut":
        os.truncate(folder / "train.tokens", 3)
    elif damage == "missing":
        (folder / "valid.starts").unlink()
    elif damage == "json":
        description.write_text("[]")
    elif damage == "half json":
        description.write_text(description.read_text()[:20])
    else:
        content = json.loads(description.read_text())
        if damage == "vocabulary":
            content["vocabulary"]["symbols"] = "zyx"
        else:
            content["splits"]["test"]["tokens"] = -1
        description.write_text(json.dumps(content))
    assert decoded(prepare(corpus, cache=cache)) == tokens
    assert len(counted) == 2


def test_nothing_is_left_when_encoding_fails(tmp_path):
    corpus = corpus_of(tmp_path / "in", "good text")
    (tmp_path / "in" / "000.txt").write_bytes(b"x" * 300_000 + b"\xff")
    with pytest.raises(DataError, match="at offset 300000"):
        prepare(corpus, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    corpus = corpus_of(tmp_path / "in", "some text")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SaveError, match="No space left on device; free some space"):
        prepare(corpus, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "fractions", [(0.9, 0.1, 0.1), (0, 0.5, 0.5), (1.5, -0.5, 0), (float("nan"), 0, 1), (0.5, 0.5)]
)
def test_wrong_fractions(tmp_path, fractions):
    with pytest.raises(ArgumentError, match="fractions must be three numbers"):
        prepare(corpus_of(tmp_path / "in", "text"), cache=tmp_path / "cache", fractions=fractions)


@pytest.mark.parametrize("kept", [True, False])
def test_another_text_with_an_existing_vocabulary(tmp_path, kept):
    corpus = corpus_of(tmp_path / "in", "hello", "hole")
    split = encode_text(corpus, CharVocabulary("helo"), tmp_path / "cache" if kept else None)
    assert split.tokens.tolist() == [1, 0, 2, 2, 3, 1, 3, 2, 0]
    assert (split.starts.tolist(), split.characters, split.unknown) == ([0, 5], 9, 0)
    assert (tmp_path / "cache").exists() is kept


def test_characters_the_model_does_not_know(tmp_path):
    corpus = corpus_of(tmp_path / "in", "hello" * 100_000, "hé!")
    with pytest.raises(DataError) as caught:
        encode_text(corpus, CharVocabulary("helo"), tmp_path / "cache")
    message = str(caught.value)
    assert "'é' (U+00E9), '!' (U+0021), first at character 500001, 500002;" in message
    assert "--min-count" in message
    tolerant = build_vocabulary("char", ["hheelloo"], min_count=2)
    assert encode_text(corpus, tolerant, tmp_path / "cache").unknown == 2


GROWTH = """
import sys, threading, time
from pathlib import Path
from unrolled.data import open_corpus, prepare, LaneStream

def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024

def work(file, cache):
    data = prepare(open_corpus(str(file), separator="\\n\\n"), cache=cache)
    stream = LaneStream(data.train, 32, 4096)
    return sum(int(stream.window(i).inputs[0, 0]) for i in range(stream.windows_per_pass))

folder = Path(sys.argv[1])
text = "".join(f"{i} the quick brown fox jumps over the lazy dog\\n" + "\\n" * (i % 7 == 0) for i in range(20_000))
(folder / "small.txt").write_text(text)
size = 0
with (folder / "large.txt").open("w") as file:
    while size < 30_000_000:
        size += file.write(text)
del text
work(folder / "small.txt", folder / "cache")  # loads and warms up everything
before, peak, done = anonymous(), 0.0, threading.Event()

def watch():
    global peak
    while not done.is_set():
        peak = max(peak, anonymous())
        time.sleep(0.003)

watcher = threading.Thread(target=watch)
watcher.start()
work(folder / "large.txt", folder / "cache")
done.set()
watcher.join()
print(peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' account of anonymous memory")
def test_memory_does_not_grow_with_the_corpus(tmp_path):
    command = [sys.executable, "-c", GROWTH, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 20, "megabytes of growth for a file of 30 MB"


def test_preparing_text_does_not_load_torch():
    code = "import sys, unrolled.data.encoded, unrolled.data.locate; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "False", result.stderr


def test_the_cache_is_that_of_all_derived_data_beside_an_older_one(tmp_path, monkeypatch, counted):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    old = tmp_path / "cache" / "encoded" / ("0" * 24) / "description.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    corpus = corpus_of(tmp_path / "in", "some text to encode")
    tokens = decoded(prepare(corpus))
    assert decoded(prepare(corpus)) == decoded(prepare(corpus, cache=tmp_path / "cache" / "derived")) == tokens
    assert len(counted) == 1
    assert [path.name[:8] for path in (tmp_path / "cache" / "derived").iterdir()] == ["encoded-"]
    assert old.exists()


def test_a_full_disk_without_a_cache(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(encoded, "write_description", full)
    with pytest.raises(SaveError, match="No space left on device; free some space or set TMPDIR to another folder"):
        encode_text(corpus_of(tmp_path / "in", "hello"), CharVocabulary("helo"))
