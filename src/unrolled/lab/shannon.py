"""Shannon's guessing game: bounds on the entropy of text from the number of guesses each letter takes.

    q_i     the fraction of letters guessed at the i-th guess, i = 1, …, A
    F ≤ − Σ_i q_i log₂ q_i                                                                  (1)
    F ≥ Σ_i i (q_i − q_{i+1}) log₂ i            q_{A+1} = 0                                  (2)

Shannon 1951, "Prediction and Entropy of Printed English", equation 17. The sequence of guess numbers encodes the text:
an identical guesser recovers the text from it, so its entropy, at most (1), equals the text's. (2) holds for a guesser
that knows the true probabilities p and guesses in descending order of p: of all p that give these q_i, those that are
uniform over the first i letters and zero for the others have the lowest entropy.

A model guesses by its probabilities. If they were the true ones, its cross-entropy, the mean of −log₂ p of the actual
letters, would equal F and lie between the bounds.

**The model's own alphabet** is its vocabulary: every token of the text is guessed.

**27 letters**, a to z and space, are Shannon's alphabet. Letters fold onto their lower case without accents, any run
of other characters onto one space. The model reads the original text; only the guesses are folded: the probability of a
letter is the sum over all tokens that fold onto it,

    P(l | x_{≤t}) = Σ_{v: fold(v) = l} P(v | x_{≤t})                                          (3)

and within a run of spaces no guess is made before the run ends; the letter after it is known not to be a space, so (3)
is divided by 1 − P(space). The model thus sees case and punctuation that a person guessing 27 letters does not: its
bounds are for letters given the complete preceding text.
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

# A: letters of the alphabet, N: guessed letters, V: tokens of the vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyz "
SPACE = LETTERS.index(" ")
WARM_UP = 512  # tokens that a model reads before the first guess

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Game:
    """The result of a game: ``counts (A,)``, letters guessed at guess 1, 2, …; ``bits``: the model's cross-entropy."""

    counts: npt.NDArray[np.int64]
    bits: float | None = None

    @property
    def letters(self) -> int:
        """The number of guessed letters."""
        return int(self.counts.sum())

    @property
    def q(self) -> Floats:
        """``(A,)``, the fraction of letters guessed at each guess."""
        return self.counts / max(1, self.letters)

    @property
    def lower(self) -> float:
        """The lower bound in bits per letter."""
        return lower(self.q)

    @property
    def upper(self) -> float:
        """The upper bound in bits per letter."""
        return upper(self.q)


def upper(q: npt.ArrayLike) -> float:
    """Return the upper bound (1) in bits per letter."""
    q = np.asarray(q, dtype=np.float64)
    q = q[q > 0]
    return float(-(q * np.log2(q)).sum()) + 0.0


def lower(q: npt.ArrayLike) -> float:
    """Return the lower bound (2) in bits per letter; it assumes q_1 ≥ q_2 ≥ …, as in a long game."""
    q = np.asarray(q, dtype=np.float64)
    i = np.arange(1, len(q) + 1)
    return float((i * (q - np.append(q[1:], 0.0)) * np.log2(i)).sum()) + 0.0


def ranks(p: Floats, came: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the guess number, from 1, of each actual letter ``came (N,)`` for probabilities ``p (N, A)``.

    Ties are guessed in alphabetical order.
    """
    own = np.take_along_axis(p, came[:, None], axis=1)
    earlier = (p == own) & (np.arange(p.shape[1]) < came[:, None])
    return 1 + ((p > own) | earlier).sum(axis=1)


def letter(character: str) -> int:
    """Return the index in `LETTERS` of the letter that a character folds onto."""
    plain = unicodedata.normalize("NFKD", character)[:1].lower()
    return LETTERS.index(plain) if "a" <= plain <= "z" else SPACE


@checked
def fold(text: str) -> str:
    """Return ``text`` folded onto 27 letters."""
    table = {character: LETTERS[letter(character)] for character in set(text)}
    return " ".join("".join(table[character] for character in text).split())


@checked
def passage(text: str, letters: Size, seed: int = 0) -> tuple[str, str]:
    """Split a folded text into the part to read and the ``letters`` to guess; ``seed`` chooses the position.

    Raises:
        DataError: the text has fewer than two letters.
    """
    if len(text) < 2:
        raise DataError("the text has too few letters to guess; give more text with --data")
    count = min(letters, len(text) - 1)
    first = min(len(text) - count, 1 + int(float(uniform(seed, 0)) * (len(text) - count)))
    return text[:first], text[first : first + count]


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
    """Let a model guess ``letters`` letters of a text, or as many as there are.

    Args:
        model: the guesser.
        text: tokens of the model's vocabulary.
        letters: number of letters N.
        folded: guess 27 letters instead of the model's own tokens.
        seed: chooses the start position in the text.
        progress: called with the number of letters guessed so far.

    Raises:
        ArgumentError: ``folded``, and the model's tokens are not characters.
        DataError: the text is too short.
    """
    if len(text) < 2:
        raise DataError("the text has too few tokens to guess; give more text with --data")
    onto = letters_of(model.vocabulary) if folded else np.arange(len(model.vocabulary))  # (V,)
    A = len(LETTERS) if folded else len(onto)
    starts = max(1, len(text) - letters * (2 if folded else 1))  # folded text is shorter
    first = max(1, int(float(uniform(seed, 0)) * starts))  # the first token to guess
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
    """Return ``(V,)``, the letter that each token folds onto."""
    if not vocabulary.one_per_character:
        raise ArgumentError(
            "alphabet", "own for a model whose tokens are not characters", "27", f"its tokens are {vocabulary.kind}s"
        )
    return np.array([letter(vocabulary.decode([v])) for v in range(len(vocabulary))])


def _onto(logits: Tensor, onto: npt.NDArray[np.int64], A: int) -> Floats:
    """Return probabilities ``(N, A)`` of letters for logits ``(N, V)`` of tokens, equation 3."""
    p = torch.softmax(logits.double(), dim=-1)
    return torch.zeros(len(p), A, dtype=torch.float64).index_add_(1, torch.from_numpy(onto), p).numpy()


def _without_repeated_spaces(
    p: Floats, before: npt.NDArray[np.int64], came: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Remove spaces after a space, and renormalise ``p`` after a space, where the next letter cannot be one."""
    guessed = (before != SPACE) | (came != SPACE)
    p, came, after_space = p[guessed], came[guessed], before[guessed] == SPACE
    p[after_space, SPACE] = 0.0
    return p / p.sum(axis=1, keepdims=True), came
