"""Which sentences are learned, which decide, which are reported."""

from itertools import chain

import numpy as np
import pytest

from unrolled.data.columns import Columns
from unrolled.data.conll_words import word_spans
from unrolled.data.generated_tags import SIZES, choices, generate
from unrolled.data.grammar import GRAMMAR, SHARED, THINGS
from unrolled.data.tagged import Source
from unrolled.data.tags import entities, inconsistent
from unrolled.errors import DataError


def write(path, sentences, documents=0):
    """``sentences`` of three words, the first of them telling its number; ``documents`` of as many each."""
    lines = []
    for n in range(sentences):
        if documents and n % documents == 0:
            lines += ["-DOCSTART-\tO", ""]
        lines += [f"w{n}\tB-a", "is\tO", f"v{n}\tB-b" if n % 2 else f"v{n}\tO", ""]
    path.write_text("\n".join(lines))
    return str(path)


def numbers(part):
    return [int(one.words[0][1:]) for one in part]


def test_parts_of_one_file_are_disjoint_and_as_large_as_asked(tmp_path):
    path = write(tmp_path / "a", 200)
    tagged = Source(path).read()
    parts = [numbers(part) for part in (tagged.train, tagged.valid, tagged.test)]
    assert [len(part) for part in parts] == [160, 20, 20]
    assert sorted(chain(*parts)) == list(range(200))
    assert all(part == sorted(part) for part in parts)
    assert parts[2] != list(range(180, 200))  # shuffled
    assert [numbers(Source(path).read().test)] == [parts[2]]
    half = Source(path, fractions=(0.5, 0.0, 0.5)).read()
    assert [len(part) for part in (half.train, half.valid, half.test)] == [100, 0, 100]
    assert tagged.digest() != half.digest()
    assert tagged.digest() == Source(path).read().digest()


def test_documents_stay_whole(tmp_path):
    tagged = Source(write(tmp_path / "a", 120, documents=6)).read()
    owners = [{n // 6 for n in numbers(part)} for part in (tagged.train, tagged.valid, tagged.test)]
    assert [len(owner) for owner in owners] == [16, 2, 2]
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]


@pytest.mark.parametrize("documents", [0, 4])
def test_folds_test_every_sentence_once(tmp_path, documents):
    path = write(tmp_path / "a", 100, documents)
    folds = [Source(path, folds=5, fold=fold).read() for fold in range(5)]
    assert sorted(chain(*(numbers(one.test) for one in folds))) == list(range(100))
    for one in folds:
        assert len(one.test) == 20
        assert 8 <= len(one.valid) <= 12
        assert sorted(numbers(one.train) + numbers(one.valid) + numbers(one.test)) == list(range(100))


def test_files_given_for_the_other_parts(tmp_path):
    a, b, c = (write(tmp_path / name, n) for name, n in (("a", 50), ("b", 7), ("c", 5)))
    tagged = Source(a, valid=b, test=c).read()
    assert [len(part) for part in (tagged.train, tagged.valid, tagged.test)] == [50, 7, 5]
    tagged = Source(a, test=c).read()
    assert [len(part) for part in (tagged.train, tagged.valid, tagged.test)] == [44, 6, 5]
    tagged = Source(a, valid=b).read()
    assert [len(part) for part in (tagged.train, tagged.valid, tagged.test)] == [45, 7, 5]


def test_what_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_text("x O\ny O\n\nz O\n")
    with pytest.raises(
        DataError, match=r"every word of .* has the tag O: there is nothing to learn; give tagged text, or"
    ):
        Source(str(path)).read()
    path.write_text("x B-a\n")
    with pytest.raises(DataError, match="too few sentences for training: 1"):
        Source(str(path), fractions=(0.01, 0.0, 0.99)).read()
    known, other = write(tmp_path / "b", 20), tmp_path / "c"
    other.write_text("x O\n\ny O\nz B-c\n")
    with pytest.raises(DataError, match="unknown label 'c' in line 4: the training text has a, b; correct it"):
        Source(known, test=str(other)).read()
    with pytest.raises(
        DataError, match=r"file or tagged data set 'wikigld' does not exist; did you mean 'wikigold'\?; give a file"
    ):
        Source("wikigld").read()


def test_a_file_without_ends_of_sentences(tmp_path):
    path, fine = tmp_path / "a", write(tmp_path / "b", 20)
    path.write_text("x B-a\ny O\n" * 26)
    with pytest.raises(DataError, match="a has only 1 sentence in 52 words; put an empty line after each"):
        Source(str(path)).read()
    assert len(Source(fine, test=str(path)).read().test) == 1  # a long sentence is one
    path.write_text("x B-a\ny O\n" * 101)
    with pytest.raises(DataError, match="has only 1 sentence in 202 words"):
        Source(fine, test=str(path)).read()
    path.write_text("x B-a\ny O\n" * 26 + "\nz O\n")
    with pytest.raises(DataError, match="has only 2 sentences in 53 words"):
        Source(str(path)).read()


def test_plain_tags(tmp_path):
    path = tmp_path / "a"
    path.write_text("the DT\ndog NN\n\n" * 20)
    tagged = Source(str(path)).read()
    assert tagged.plain
    assert tagged.train[0].tags == ("DT", "NN")
    other = tmp_path / "b"
    other.write_text("the DT\ndog XX\n")
    with pytest.raises(DataError, match="unknown label 'XX' in line 2: the training text has DT, NN"):
        Source(str(path), test=str(other)).read()
    assert Source(str(path), columns=Columns(token_column=1, tag_column=0)).read().train[0].words == ("DT", "NN")


# The generated sentences


@pytest.fixture(scope="module")
def parts():
    return generate()


def test_generated_parts_share_no_sentence_and_no_name(parts):
    assert tuple(map(len, parts)) == SIZES
    train, valid, test = ({one.words for one in part} for part in parts)
    assert len(train) > 0.95 * SIZES[0]
    assert not train & test | train & valid | valid & test
    for name in set(GRAMMAR) - SHARED:
        of = [set(choices(name, part)) for part in range(3)]
        assert of[0] | of[1] | of[2] == set(GRAMMAR[name])
        assert not of[0] & of[1] | of[0] & of[2] | of[1] & of[2], name
        assert min(map(len, of)) > 0


def test_generated_words_mean_several_things_equally_often(parts):
    of_words = {word: [0, 0] for word in THINGS}
    for one in parts[0]:
        inside = {at for entity in entities(one.tags) for at in range(entity.start, entity.stop)}
        for at, word in enumerate(one.words):
            if word in of_words:
                of_words[word][at in inside] += 1
    counts = np.array(list(of_words.values()))
    assert counts.min() >= 5  # every word is seen as a name and as something else
    assert 0.35 < counts[:, 1].sum() / counts.sum() < 0.65


def test_generated_tags_are_consistent_and_of_four_types(parts):
    types = set()
    for part in parts:
        for one in part:
            assert inconsistent(one.tags, "bio") == []
            assert len(one.words) == len(one.tags)
            types |= {entity.type for entity in entities(one.tags)}
    assert types == {"person", "place", "organisation", "date"}
    assert not any("{" in word or "|" in word or "[" in word for part in parts for one in part for word in one.words)


def test_generated_sentences_are_a_function_of_the_seed(parts):
    assert generate(sizes=(5, 2, 2))[0] == parts[0][:5]
    assert generate(seed=1, sizes=(5, 2, 2))[0] != parts[0][:5]
    tagged = Source("generated").read()
    assert (tagged.train, tagged.valid, tagged.test) == parts
    cut = Source("generated", fractions=(0.5, 0.25, 0.25)).read()
    assert [len(cut.train), len(cut.valid), len(cut.test)] == [sum(SIZES) // 2, sum(SIZES) // 4, sum(SIZES) // 4]
    every = [word for part in parts for one in part for word in one.words]
    assert "Roosevelt" not in every  # the demonstration is none of them


# Raw text


def test_raw_text_is_cut_as_tagged_text_is():
    def cut(text):
        return [text[a:b] for a, b in word_spans(text)]

    assert cut("He said, 'Teddy bears are on sale!'") == "He said , ' Teddy bears are on sale ! '".split()
    assert cut("I don't, Anna's can't; she’ll") == "I do n't , Anna 's ca n't ; she ’ll".split()
    assert cut("Dr. No, U.S. co-op (1,000.5)...") == "Dr. No , U.S. co-op ( 1,000.5 ) ...".split()
    assert cut("@me #x http://a.b/c. é 東京") == "@me #x http://a.b/c . é 東京".split()
    text = "\t odd\u00a0text \U0001f600\U0001f600! _x_ '' \n"
    spans = word_spans(text)
    left = "".join(
        text[b:c] for b, c in zip([0, *(b for _, b in spans)], [*(a for a, _ in spans), len(text)], strict=True)
    )
    assert left.strip() == ""
