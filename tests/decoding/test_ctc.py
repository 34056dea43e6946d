"""CTC decoding: against all alignments and all texts, in chunks, with language models, words and hot words."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from unrolled.decoding import CTCDecoder, CTCSearch, Transcript, ctc_greedy
from unrolled.errors import ArgumentError
from unrolled.kernels import extension

needs_kernels = pytest.mark.skipif(extension.missing is not None, reason=extension.missing or "")
EVERYTHING = 1000  # a beam that holds all prefixes


def all_texts(logits: Tensor, symbols: Sequence[str], blank: int = 0) -> dict[str, float]:
    """log P of every text that the frames ``(T, C)`` can spell, summed over all alignments."""
    y = logits.double().log_softmax(1).tolist()
    found: dict[str, float] = defaultdict(float)
    for path in itertools.product(range(len(symbols)), repeat=len(y)):
        text = "".join(symbols[k] for k, _ in itertools.groupby(path) if k != blank)
        found[text] += math.exp(sum(row[k] for row, k in zip(y, path, strict=True)))
    return {text: math.log(p) for text, p in found.items() if p > 0}


def numbers(T: int, C: int, seed: int, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(T, C, generator=torch.Generator().manual_seed(seed))


def ranked(scores: dict[str, float], n: int) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda one: -one[1])[:n]


def check(found: Sequence[Transcript], expected: list[tuple[str, float]]) -> None:
    assert [one.text for one in found] == [text for text, _ in expected]
    assert [one.score for one in found] == pytest.approx([score for _, score in expected], abs=1e-5)


@needs_kernels
@pytest.mark.parametrize("blank", [0, 3])
def test_all_texts_by_their_probability(blank: int) -> None:
    """With a beam for all prefixes the ten best texts are exact, whatever the class of the blank."""
    symbols = ["a", "b", " "]
    symbols.insert(blank, "-")
    decoder = CTCDecoder(symbols, blank=blank, search=CTCSearch(beam=EVERYTHING, n_best=10))
    for seed in range(5):
        logits = numbers(6, 4, seed)
        check(decoder.decode(logits[:, None])[0], ranked(all_texts(logits, symbols, blank), 10))


class Bigrams:
    """A language model of pairs of characters, in an alphabet of another order than the decoder's."""

    alphabet = (" ", "z", "b", "a")

    def __init__(self) -> None:
        self.table = numbers(5, 4, 9).double().log_softmax(1)  # after each character; the last row: at the beginning

    def start(self) -> tuple[Tensor, Any]:
        return self.table[4:], {"seen": torch.zeros(1)}

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.table[ids], {"seen": state["seen"] + 1}

    def score(self, text: str) -> float:
        ids = [self.alphabet.index(c) for c in text]
        return sum(float(self.table[a, b]) for a, b in itertools.pairwise([4, *ids]))


SYMBOLS = ["-", "a", "b", " "]
WORDS, HOT, UNKNOWN = ["a", "ab", "bbb"], {"ba": 2.5, "ab": 1.0}, -3.0


def words_score(text: str) -> float:
    words = [word for word in text.split(" ") if word]
    return sum(HOT.get(word, 0.0 if word in WORDS else UNKNOWN) for word in words)


@needs_kernels
@pytest.mark.parametrize(
    ("options", "bonus"),
    [
        ({"lm": Bigrams()}, lambda text: 0.7 * Bigrams().score(text) + 0.3 * len(text)),
        ({"words": WORDS, "hot_words": HOT}, words_score),
        ({"hot_words": HOT}, lambda text: sum(HOT.get(word, 0.0) for word in text.split(" "))),
        (
            {"lm": Bigrams(), "words": WORDS, "hot_words": HOT},
            lambda text: 0.7 * Bigrams().score(text) + 0.3 * len(text) + words_score(text),
        ),
    ],
)
def test_all_texts_by_their_score(options: dict[str, Any], bonus: Callable[[str], float]) -> None:
    """Language model, known, unknown and hot words: scores are those of whole texts, whatever was given on the way."""
    search = CTCSearch(beam=EVERYTHING, n_best=20, lm_weight=0.7, length_bonus=0.3, unknown_word=UNKNOWN)
    decoder = CTCDecoder(SYMBOLS, search=search, **options)
    for seed in range(3):
        logits = numbers(6, 4, seed)
        texts = all_texts(logits, SYMBOLS)
        found = decoder.decode(logits[:, None])[0]
        check(found, ranked({text: log_p + bonus(text) for text, log_p in texts.items()}, 20))
        assert [one.log_probability for one in found] == pytest.approx([texts[one.text] for one in found], abs=1e-5)


def by_dictionary(logits: Tensor, beam: int, most: int | None = None) -> list[tuple[tuple[int, ...], float]]:
    """Prefix beam search in plain Python: prefixes as keys, as in Hannun et al. 2014."""
    beams = {(): (0.0, -math.inf)}
    add = lambda a, b: max(a, b) + math.log1p(math.exp(-abs(a - b))) if max(a, b) > -math.inf else a  # noqa: E731
    for row in logits.double().log_softmax(1).tolist():
        after: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [-math.inf, -math.inf])
        extending = sorted(range(1, len(row)), key=lambda k: -row[k])[:most]
        for prefix, (blank, symbol) in beams.items():
            total = add(blank, symbol)
            after[prefix][0] = add(after[prefix][0], total + row[0])
            if prefix:
                after[prefix][1] = add(after[prefix][1], symbol + row[prefix[-1]])
            for k in range(1, len(row)):
                longer = (*prefix, k)
                if k in extending or longer in beams:
                    before = blank if prefix and k == prefix[-1] else total
                    after[longer][1] = add(after[longer][1], before + row[k])
        best = sorted(after.items(), key=lambda one: -add(*one[1]))[:beam]
        beams = {prefix: (pair[0], pair[1]) for prefix, pair in best}
    return [(prefix, add(*pair)) for prefix, pair in beams.items()]


@needs_kernels
@pytest.mark.parametrize(("beam", "most"), [(1, 0), (3, 0), (8, 0), (8, 4)])
def test_narrow_beams_are_those_of_plain_python(beam: int, most: int) -> None:
    """Also when a prefix leaves the beam and comes back while its extensions are in it."""
    symbols = ["-", *"abcdefghijk"]
    decoder = CTCDecoder(symbols, search=CTCSearch(beam=beam, n_best=beam, symbols=most))
    for seed in range(3):
        logits = numbers(40, 12, seed)
        expected = by_dictionary(logits, beam, most or None)
        found = decoder.decode(logits[:, None])[0]
        check(found, [("".join(symbols[k] for k in prefix), log_p) for prefix, log_p in expected])


def by_viterbi(logits: Tensor, ids: Sequence[int]) -> float:
    """log P of the best alignment of a text."""
    path = [0, *itertools.chain.from_iterable((k, 0) for k in ids)]
    rows = logits.double().log_softmax(1).tolist()
    alpha = [0.0] + [-math.inf] * (len(path) - 1)
    for t, row in enumerate(rows):
        before = alpha if t else [0.0] + [-math.inf] * len(path)
        alpha = []
        for s, k in enumerate(path):
            options = [before[s]] if t else [0.0 if s < 2 else -math.inf]
            if t:
                options += before[s - 1 : s] if s else []
                options += [before[s - 2]] if s > 1 and k and k != path[s - 2] else []
            alpha.append(max(options) + row[k])
    return max(alpha[-2:])


@needs_kernels
@pytest.mark.parametrize("T", [6, 12])
def test_pieces_are_those_of_the_best_alignment(T: int) -> None:
    decoder = CTCDecoder(SYMBOLS, search=CTCSearch(beam=EVERYTHING if T == 6 else 50, n_best=5))
    for seed in range(4):
        logits = numbers(T, 4, seed)
        y = logits.double().log_softmax(1)
        for found in decoder.decode(logits[:, None])[0]:
            frames, end = y[:, 0].clone(), 0
            for piece in found.pieces:
                k = SYMBOLS.index(piece.symbol)
                assert end <= piece.start < piece.end <= T
                frames[piece.start : piece.end] = y[piece.start : piece.end, k]
                assert piece.confidence == pytest.approx(float(y[piece.start : piece.end, k].exp().mean()), abs=1e-6)
                end = piece.end
            assert float(frames.sum()) == pytest.approx(by_viterbi(logits, [SYMBOLS.index(c) for c in found.text]))


@needs_kernels
@pytest.mark.parametrize("lm", [None, Bigrams()])
def test_the_same_in_chunks_alone_and_in_a_batch(lm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit; and what is settled in a partial transcript never changes."""
    decoder = CTCDecoder(SYMBOLS, search=CTCSearch(beam=6, n_best=3), lm=lm, hot_words=HOT)
    logits = torch.stack([numbers(40, 4, seed, 4) for seed in range(3)], 1)
    lengths = [40, 0, 23]
    together = decoder.decode(logits, lengths)
    monkeypatch.setattr(extension, "threads", lambda: 3)
    assert decoder.decode(logits.transpose(0, 1).contiguous().transpose(0, 1), lengths) == together
    for b, T in enumerate(lengths):
        assert decoder.decode(logits[:T, b : b + 1]) == [together[b]]
        stream, settled = decoder.stream(), ""
        for t in range(0, T, 7):
            text = stream.feed(logits[t : min(t + 7, T), b]).text
            assert text.startswith(settled)
            settled = text[: stream.settled]
        assert stream.finish() == together[b]
        assert stream.frames == T
        assert not T or settled
    assert together[1][0] == Transcript([], 0.0, 0.0)


@needs_kernels
def test_a_long_stream_forgets_what_no_prefix_needs() -> None:
    """Thousands of frames, with texts that are certain: all of it is read, in its frames."""
    classes = torch.randint(0, 4, (3000,), generator=torch.Generator().manual_seed(0))
    logits = numbers(3000, 4, 1) + 12 * torch.nn.functional.one_hot(classes, 4)
    stream = CTCDecoder(SYMBOLS, search=CTCSearch(beam=8)).stream()
    for part in logits.split(500):
        stream.feed(part)
    found, greedy = stream.finish()[0], ctc_greedy(logits[:, None], SYMBOLS)[0]
    assert found.text == greedy.text
    assert [piece.end for piece in found.pieces] == [piece.end for piece in greedy.pieces]
    assert len(found.text) > 1500
    assert stream.settled > 500


def test_greedy_and_where_a_beam_of_one_differs() -> None:
    y = torch.tensor([[0.1, 0.9, 0.0], [0.3, 0.3, 0.4]]).log()[:, None]
    found = ctc_greedy(y, ["", "a", "b"])[0]
    assert (found.text, [(p.start, p.end) for p in found.pieces]) == ("ab", [(0, 1), (1, 2)])
    assert found.log_probability == pytest.approx(math.log(0.36))
    assert found.pieces[1].confidence == pytest.approx(0.4)
    if extension.missing is None:
        assert CTCDecoder(["", "a", "b"], search=CTCSearch(beam=1)).decode(y)[0][0].text == "a"
    logits = torch.stack([numbers(9, 4, 0), numbers(9, 4, 1)], 1)
    both = ctc_greedy(logits, SYMBOLS, [9, 4])
    assert both[1] == ctc_greedy(logits[:4, 1:], SYMBOLS)[0]
    classes = logits[:, 0].argmax(1).tolist()
    assert both[0].text == "".join(SYMBOLS[k] for k, _ in itertools.groupby(classes) if k)


@needs_kernels
def test_words_of_a_transcript() -> None:
    ids = [1, 0, 2, 3, 3, 0, 2, 2]
    logits = 9 * torch.nn.functional.one_hot(torch.tensor(ids), 4).float()
    found = CTCDecoder(SYMBOLS).decode(logits[:, None])[0][0]
    assert found.text == "ab b"
    words = found.words()
    assert [(word.symbol, word.start, word.end) for word in words] == [("ab", 0, 3), ("b", 6, 8)]
    assert all(0.99 < word.confidence < 1 for word in words)


@needs_kernels
def test_margin_and_symbols_of_several_characters() -> None:
    symbols = ["", "sch", "s", "c", "h", " "]
    logits = numbers(6, 6, 0)
    every = CTCSearch(beam=EVERYTHING, n_best=EVERYTHING)
    found = CTCDecoder(symbols, search=CTCSearch(**{**vars(every), "margin": 2.0})).decode(logits[:, None])[0]
    assert 1 < len(found) < 50
    assert found[0].score - found[-1].score <= 2
    best = CTCDecoder(symbols, hot_words={"sch": 30.0}).decode(logits[:, None])[0][0]
    assert "sch" in [word.symbol for word in best.words()]
    assert "sch" in [piece.symbol for piece in best.pieces]  # one symbol, not three


@needs_kernels
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CTCDecoder(["", "a", "a"]), "symbols[2] must be a name that no other class has, not empty, got 'a'"),
        (lambda: CTCDecoder(["a"], blank=1), "blank must be a class in 0..0, got 1"),
        (lambda: CTCDecoder(["", "é"], lm=Bigrams()), "it lacks 1 of them, e.g. 'é'"),
        (lambda: CTCDecoder(["", "a"], lm=3), "lm must be a language model of characters, got 3"),
        (lambda: CTCDecoder(SYMBOLS, words=["x"]), "words must be words of the model's symbols, got ['x']"),
        (lambda: CTCDecoder(SYMBOLS, hot_words={"x": 1.0}), "hot_words must be words of the model's symbols, got 'x'"),
        (lambda: CTCDecoder(SYMBOLS, words=["a b"]), "without the separator ' ', got 'a b'"),
        (lambda: CTCDecoder(SYMBOLS, hot_words={"a": -1.0}), "hot_words['a'] must be a bonus of at least 0, got -1.0"),
        (lambda: CTCDecoder(SYMBOLS).decode(torch.zeros(3, 1, 5)), "logits must be (T, B, 4) floating point"),
        (lambda: CTCDecoder(SYMBOLS).decode(torch.zeros(3, 1, 4), [4]), "lengths must be 1 integers in 0..3, got [4]"),
        (lambda: CTCDecoder(SYMBOLS).decode(bad()), "logits[:, 1] in frame 2 must be logits with a finite softmax"),
        (lambda: CTCDecoder(SYMBOLS).stream().feed(bad()[:, 1]), "logits in frame 2 must be logits with a finite"),
        (lambda: ctc_greedy(bad(), SYMBOLS), "logits[:, 1] in frame 2 must be logits with a finite softmax"),
        (lambda: CTCSearch(n_best=30), "n_best must be 1..25, got 30"),
        (lambda: CTCSearch(unknown_word=1), "unknown_word must be a number of at most 0, got 1"),
    ],
)
def test_errors(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


def bad() -> Tensor:
    logits = torch.zeros(3, 2, 4)
    logits[2, 1, 1] = math.nan
    return logits
