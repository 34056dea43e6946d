"""Generated pairs that are easy to verify: words and their reversal, numbers in words and in digits.

reversal    "strumelo" is "olemurts": attention moves from the end to the start
numbers     "four hundred and twelve thousand and six" is 412006: zeros are not in the source
"""

from __future__ import annotations

from collections.abc import Sequence

from .bitext import Pairs
from .generated_parts import SIZES, generate_parts, pick

SHORTEST, LONGEST = 3, 12  # letters of a word
VOWELS, CONSONANTS = "aeiouaeioy", "bcdfghjklmnprstvwzlnrst"
DIGITS = 6  # the largest number is 999,999

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def reversal(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Generate pseudo-words, and the same letters in reverse order."""

    def make(draws: Sequence[float]) -> tuple[str, str]:
        length = SHORTEST + int(draws[0] * (LONGEST - SHORTEST + 1))
        vowel, word = draws[1] < 0.4, ""
        for at in range(length):
            word += pick(VOWELS if vowel else CONSONANTS, draws[2 + 2 * at])
            doubled = len(word) > 1 and (word[-1] in VOWELS) == (word[-2] in VOWELS)
            vowel ^= doubled or draws[3 + 2 * at] < 0.8  # never three vowels or consonants in a row
        return word, word[::-1]

    return generate_parts(make, 2 + 2 * LONGEST, seed, sizes)


def numbers(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[Pairs, Pairs, Pairs]:
    """Generate English number words and digits; numbers are distinct, with a uniform number of digits if possible."""

    def make(draws: Sequence[float]) -> tuple[str, str]:
        digits = 1 + int(draws[0] * DIGITS)
        least = 10 ** (digits - 1) if digits > 1 else 0
        number = least + int(draws[1] * (10**digits - least))
        return in_words(number), str(number)

    return generate_parts(make, 2, seed, sizes)


def in_words(number: int) -> str:
    """Return a number from 0 to 999,999 in British English.

    >>> in_words(412006)
    'four hundred and twelve thousand and six'
    """
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    words = f"{_below_thousand(thousands)} thousand"
    if not rest:
        return words
    return f"{words} and {_below_thousand(rest)}" if rest < 100 else f"{words} {_below_thousand(rest)}"


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
