"""Shannon's guessing game: the entropy of text from how often the first guess is right, the second, the third.

    q_i     the share of letters that were found at the i-th guess, i = 1, …, A
    F ≤ − Σ_i q_i log₂ q_i                                                                  (1)
    F ≥ Σ_i i (q_i − q_{i+1}) log₂ i            q_{A+1} = 0                                  (2)

Shannon 1951, "Prediction and Entropy of Printed English", equation 17. The numbers of guesses are the text in another
alphabet: a twin who guesses alike gets the text back from them, so their entropy, at most (1), is the text's. (2) holds
for a guesser who knows the true probabilities p and names the likeliest letter first: of all p that give these q_i,
those that are alike for the first i letters and zero for the others have the smallest entropy.

A model guesses by its probabilities. If it were right about them, its cross-entropy, the mean of −log₂ p of the letters
that came, would be F and lie between the two.

**The model's own alphabet** is the symbols it was trained on, and every symbol of the text is guessed.

**27 letters**, a to z and space, are what Shannon used. A letter stands for its lower case without accents, and any run
of other characters for one space. The model reads the text as it is; only what is asked is folded: the probability of a
letter is the sum over all symbols that fold onto it,

    P(l | x_{≤t}) = Σ_{v: fold(v) = l} P(v | x_{≤t})                                          (3)

and within a run of spaces, where the folded text goes on with a letter, nothing is asked before the run ends; of a
letter it is then known that it is no space, so (3) is divided by 1 − P(space). The model has thus seen case and
punctuation that a person who plays with 27 letters has not: its figures are for letters given all the text before them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..checks import Size, checked
from ..data import Split, Vocabulary, sequential
from ..data.counter import uniform
from ..errors import ArgumentError, DataError
from ..tasks.common.writer import Writer

# A letters of the alphabet, N guessed ones, V symbols

LETTERS = "abcdefghijklmnopqrstuvwxyz "
SPACE = LETTERS.index(" ")
WARM_UP = 512  # symbols that a model reads before the first it guesses

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Game:
    """How a game went: ``counts (A,)`` letters were found at guess 1, 2, …; ``bits``: the guesser's cross-entropy."""

    counts: npt.NDArray[np.int64]
    bits: float | None = None

    @property
    def letters(self) -> int:
        return int(self.counts.sum())

    @property
    def q(self) -> Floats:
        """``(A,)``: the share of letters found at each guess."""
        return self.counts / max(1, self.letters)

    @property
    def lower(self) -> float:
        return lower(self.q)

    @property
    def upper(self) -> float:
        return upper(self.q)


def upper(q: npt.ArrayLike) -> float:
    """The upper bound in bits per letter, equation 1."""
    some = np.asarray(q, dtype=np.float64)
    some = some[some > 0]
    return float(-(some * np.log2(some)).sum()) + 0.0


def lower(q: npt.ArrayLike) -> float:
    """The lower bound in bits per letter, equation 2; it supposes that q_1 ≥ q_2 ≥ …, as in a long game."""
    some = np.asarray(q, dtype=np.float64)
    i = np.arange(1, len(some) + 1)
    return float((i * (some - np.append(some[1:], 0.0)) * np.log2(i)).sum()) + 0.0


def ranks(p: Floats, came: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """At which guess each letter is found, from 1, by a guesser with probabilities ``p (N, A)``; ``came (N,)``.

    Of letters that are equally likely the first in the alphabet is guessed first.
    """
    own = np.take_along_axis(p, came[:, None], axis=1)
    earlier = (p == own) & (np.arange(p.shape[1]) < came[:, None])
    return 1 + ((p > own) | earlier).sum(axis=1)


def letter(character: str) -> int:
    """The number in `LETTERS` that a character folds onto."""
    plain = unicodedata.normalize("NFKD", character)[:1].lower()
    return LETTERS.index(plain) if "a" <= plain <= "z" else SPACE


@checked
def fold(text: str) -> str:
    """``text`` in 27 letters."""
    table = {character: LETTERS[letter(character)] for character in set(text)}
    return " ".join("".join(table[character] for character in text).split())


@checked
def passage(text: str, letters: Size, seed: int = 0) -> tuple[str, str]:
    """From a folded text: what a person reads first, and the ``letters`` to guess; the seed says where."""
    if len(text) < 2:
        raise DataError("the text has too few letters to guess; give more text with --data")
    asked = min(letters, len(text) - 1)
    first = min(len(text) - asked, 1 + int(float(uniform(seed, 0)) * (len(text) - asked)))
    return text[:first], text[first : first + asked]


@checked
def play(
    model: Writer,
    text: Split,
    letters: Size,
    *,
    folded: bool = False,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Game:
    """A model guesses ``letters`` of a text, or as many as there are.

    Args:
        model: the guesser.
        text: in the model's vocabulary.
        letters: N.
        folded: 27 letters instead of the model's own symbols.
        seed: where in the text the game begins.
        progress: told how many letters have been guessed.

    Raises:
        ArgumentError: 27 letters, and the model's symbols are not characters.
        DataError: there is nothing to guess.
    """
    if len(text) < 2:
        raise DataError("the text has too few symbols to guess; give more text with --data")
    onto = letters_of(model.vocabulary) if folded else np.arange(len(model.vocabulary))  # (V,)
    A = len(LETTERS) if folded else len(onto)
    spare = max(1, len(text) - letters * (2 if folded else 1))  # folded text is shorter
    first = max(1, int(float(uniform(seed, 0)) * spare))  # the first symbol that may be asked
    begin = max(0, first - WARM_UP)
    part = Split(text.tokens[begin:], text.starts[text.starts >= begin] - begin, 0, 0)
    counts, nats, done = np.zeros(A, dtype=np.int64), 0.0, 0
    state, skip = None, first - begin - 1  # predictions of the warm-up
    for window in sequential(part, 256):
        with torch.no_grad():
            logits, state = model.model(window.inputs, state, window.resets if window.resets.any() else None)
        p = _onto(logits[skip:, 0], onto, A)  # (N, A)
        before, came = (onto[ids[skip:, 0].numpy()] for ids in (window.inputs, window.targets))
        skip = max(0, skip - len(logits))
        if folded:
            p, came = _without_repeated_spaces(p, before, came)
        p, came = p[: letters - done], came[: letters - done]
        counts += np.bincount(ranks(p, came) - 1, minlength=A)
        nats -= float(np.log(np.take_along_axis(p, came[:, None], axis=1)).sum())
        done += len(came)
        if progress is not None:
            progress(done)
        if done == letters:
            break
    return Game(counts, nats / (max(1, done) * np.log(2)))


def letters_of(vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """``(V,)``: the letter that each symbol folds onto."""
    if not vocabulary.one_per_character:
        raise ArgumentError(
            "alphabet", "own for a model whose symbols are not characters", "27", f"its symbols are {vocabulary.kind}s"
        )
    return np.array([letter(vocabulary.decode([v])) for v in range(len(vocabulary))])


def _onto(logits: Tensor, onto: npt.NDArray[np.int64], A: int) -> Floats:
    """Probabilities ``(N, A)`` of letters from logits ``(N, V)`` of symbols, equation 3."""
    p = torch.softmax(logits.double(), dim=-1)
    return torch.zeros(len(p), A, dtype=torch.float64).index_add_(1, torch.from_numpy(onto), p).numpy()


def _without_repeated_spaces(
    p: Floats, before: npt.NDArray[np.int64], came: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The rows that are asked: a space after a space is not, and a letter after a space is known to be none."""
    asked = (before != SPACE) | (came != SPACE)
    p, came, after_space = p[asked], came[asked], before[asked] == SPACE
    p[after_space, SPACE] = 0.0
    return p / p.sum(axis=1, keepdims=True), came
