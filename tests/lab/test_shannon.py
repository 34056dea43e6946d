"""Shannon's game: bounds where they are known exactly, and a model's game against one played letter by letter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unrolled
from unrolled.data import encode_text, open_corpus
from unrolled.data.counter import uniform
from unrolled.errors import ArgumentError, DataError
from unrolled.lab.shannon import LETTERS, SPACE, Game, fold, letter, lower, passage, play, ranks, upper

TEXT = 'How much WOOD, would a woodchuck chuck?\n\n"If a woodchuck -- would": naïvely 42!\n' * 40


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("shannon") / "wood.txt"
    path.write_text(TEXT)
    return unrolled.train("lm", data=str(path), kind="ngram", order=3, run=path.with_name("run"))


@pytest.fixture(scope="module")
def text(model):
    return encode_text(open_corpus(model.config.data.data), model.vocabulary)


# Bounds


@pytest.mark.parametrize("k", [1, 2, 5, 27])
def test_equally_likely_letters(k):
    q = [1 / k] * k + [0.0] * (27 - k)
    assert lower(q) == pytest.approx(math.log2(k), abs=1e-12)
    assert upper(q) == pytest.approx(math.log2(k), abs=1e-12)


def test_bounds_by_hand():
    q = [0.5, 0.25, 0.25]
    assert upper(q) == pytest.approx(1.5, abs=1e-12)
    assert lower(q) == pytest.approx(0.25 * 3 * math.log2(3), abs=1e-12)  # i = 1 counts log₂ 1 = 0, i = 2 nothing
    game = Game(np.array([2, 1, 1]))
    assert (game.letters, game.upper, game.lower) == (4, upper(q), lower(q))


@given(st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=6), min_size=1, max_size=8))
def test_the_entropy_of_a_known_source_lies_between(contexts):
    """Contexts that are equally likely, each with probabilities of its own for six letters; an ideal guesser."""
    p = np.array(contexts) + 1e-6
    p /= p.sum(axis=1, keepdims=True)
    H = float(-(p * np.log2(p)).sum(axis=1).mean())
    q = np.sort(p, axis=1)[:, ::-1].mean(axis=0)
    assert lower(q) - 1e-9 <= H <= upper(q) + 1e-9


def test_ranks():
    p = np.array([[0.2, 0.5, 0.2, 0.1]] * 4)
    assert ranks(p, np.arange(4)).tolist() == [2, 1, 3, 4]  # the first of equals is guessed first
    assert sorted(ranks(np.full((5, 5), 0.2), np.arange(5))) == [1, 2, 3, 4, 5]


# Folding


def test_folding():
    assert [letter(c) for c in "aZé .9\n"] == [0, 25, 4, SPACE, SPACE, SPACE, SPACE]
    assert fold("  Été,\n\n«naïve» -- 10 €: A1b!") == "ete naive a b"
    assert passage("abcdefgh", 3, seed=0) == passage("abcdefgh", 3, seed=0)
    starts = {len(passage("abcdefgh", 3, seed=seed)[0]) for seed in range(60)}
    assert starts == {1, 2, 3, 4, 5}
    assert passage("abc", 9) == ("a", "bc")
    with pytest.raises(DataError, match="too few letters"):
        passage("a", 1)


# A model's game


def by_hand(model, written, first, letters, folded):
    """The game, one `step` at a time: attempts, and the sum of −log₂ p."""
    symbols = model.vocabulary.to_json()["symbols"]
    logp, state = model.step(written[max(0, first - 512)])
    attempts, bits = [], 0.0
    for at in range(max(0, first - 512) + 1, len(written)):
        p = dict(zip(symbols, logp.exp().tolist(), strict=True))
        came, before = written[at], written[at - 1]
        if folded:
            sums = dict.fromkeys(LETTERS, 0.0)
            for symbol, share in p.items():
                sums[LETTERS[letter(symbol)]] += share
            p, came, before = sums, LETTERS[letter(came)], LETTERS[letter(before)]
            if before == " ":
                del p[" "]
        if len(attempts) == letters:
            break
        if at >= first and came in p:
            order = sorted(p, key=lambda symbol: -p[symbol])
            attempts.append(1 + order.index(came))
            bits -= math.log2(p[came] / sum(p.values()))
        logp, state = model.step(written[at], state)
    return attempts, bits


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_game_is_the_one_played_letter_by_letter(model, text, folded, seed):
    letters = 150
    game = play(model, text, letters, folded=folded, seed=seed)
    first = int(uniform(seed, 0) * (len(TEXT) - letters * (2 if folded else 1)))
    attempts, bits = by_hand(model, TEXT, first, letters, folded)
    assert game.letters == letters == len(attempts)
    assert game.counts.tolist() == np.bincount(attempts, minlength=len(game.counts) + 1)[1:].tolist()
    assert game.bits == pytest.approx(bits / letters, abs=1e-5)
    assert len(game.counts) == (27 if folded else len(model.vocabulary))


def test_a_whole_text_is_the_models_cross_entropy(model, text):
    told = []
    game = play(model, text, 10**6, progress=told.append)
    assert game.letters == told[-1] == len(text) - 1
    assert game.bits == pytest.approx(model.evaluate(text)["bits_per_char"], abs=1e-6)
    assert game.lower < game.bits < game.upper


def test_what_cannot_be_guessed(tmp_path, model, text):
    words = unrolled.train("lm", data=model.config.data.data, kind="ngram", vocabulary="word", run=tmp_path / "run")
    split = encode_text(open_corpus("text:a woodchuck would"), words.vocabulary)
    assert play(words, split, 100).letters == len(split) - 1
    with pytest.raises(ArgumentError, match="alphabet must be own for a model whose tokens are not characters"):
        play(words, split, 100, folded=True)
    with pytest.raises(DataError, match="too few tokens to guess"):
        play(words, encode_text(open_corpus("text:a"), words.vocabulary), 100)
