"""Raw text cut into words as tagged text has them: punctuation apart, ``do|n't``, ``Anna|'s``; places are kept.

words_of("He said, 'Teddy!'")  →  He  said  ,  '  Teddy  !  '      each with where it begins and ends
"""

from __future__ import annotations

import re

_WORD = re.compile(
    r"""
      (?:https?://|www\.)\S+[^\s.,;:!?'")\]]      # addresses, without the punctuation that follows them
    | [@\#]\w+                                    # @names and #topics
    | (?:[^\W\d_]\.){2,}                          # U.S.
    | (?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gen|Sen|Gov|Capt|Col|Lt|Sgt|Rev|Inc|Ltd|Corp|Co|vs)\.(?=\s|$)
    | \d+(?:[.,:/]\d+)+                           # 1,000.5  12:30
    | n['’]t\b
    | ['’](?:s|m|re|ve|ll|d)\b
    | \w+?(?=n['’]t\b)                            # do|n't
    | \w+(?:-\w+)*
    | ([^\w\s])\1*                                # ... and !!! are one word each
    """,
    re.VERBOSE,
)

_LINE = re.compile(r"[^\r\n]+")


def words_of(text: str) -> list[tuple[int, int]]:
    """(begin, end) of every word of ``text``; between them is nothing but white space."""
    return [found.span() for found in _WORD.finditer(text)]


def lines_of(text: str) -> list[tuple[int, int]]:
    """(begin, end) of every line of ``text`` that is not empty."""
    return [found.span() for found in _LINE.finditer(text)]
