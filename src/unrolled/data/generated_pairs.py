"""Made-up pairs that take seconds to learn to judge: words and their reversal, numbers in words and in digits.

reversal    "strumelo" is "olemurts": the last is needed first, so attention runs backwards
numbers     "four hundred and twelve thousand and six" is 412006: what is not said must be written
"""

from __future__ import annotations

from collections.abc import Sequence

from .bitext import Pairs
from .generated_parts import SIZES, parts_of, pick

SHORTEST, LONGEST = 3, 12  # letters of a word
VOWELS, CONSONANTS = "aeiouaeioy", "bcdfghjklmnprstvwzlnrst"
DIGITS = 6  # the largest number is 999,999

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def reversal(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Words that can nearly be said, and the same letters from the last to the first."""

    def make(draws: Sequence[float]) -> tuple[str, str]:
        length = SHORTEST + int(draws[0] * (LONGEST - SHORTEST + 1))
        vowel, word = draws[1] < 0.4, ""
        for at in range(length):
            word += pick(VOWELS if vowel else CONSONANTS, draws[2 + 2 * at])
            doubled = len(word) > 1 and (word[-1] in VOWELS) == (word[-2] in VOWELS)
            vowel ^= doubled or draws[3 + 2 * at] < 0.8  # never three vowels or consonants on end
        return word, word[::-1]

    return parts_of(make, 2 + 2 * LONGEST, seed, sizes)


def numbers(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """English numbers in words and in digits; every number is there once, long and short ones as often as can be."""

    def make(draws: Sequence[float]) -> tuple[str, str]:
        digits = 1 + int(draws[0] * DIGITS)
        least = 10 ** (digits - 1) if digits > 1 else 0
        number = least + int(draws[1] * (10**digits - least))
        return in_words(number), str(number)

    return parts_of(make, 2, seed, sizes)


def in_words(number: int) -> str:
    """A number from 0 to 999,999 as the British say it."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    said = f"{_below_thousand(thousands)} thousand"
    if not rest:
        return said
    return f"{said} and {_below_thousand(rest)}" if rest < 100 else f"{said} {_below_thousand(rest)}"


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    return f"{UNITS[hundreds]} hundred and {_below_hundred(rest)}" if rest else f"{UNITS[hundreds]} hundred"


def _below_hundred(number: int) -> str:
    if number < len(UNITS):
        return UNITS[number]
    tens, units = divmod(number, 10)
    return f"{TENS[tens - 2]}-{UNITS[units]}" if units else TENS[tens - 2]
