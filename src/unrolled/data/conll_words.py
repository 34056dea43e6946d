"""Split raw text into words as in CoNLL data sets: punctuation separate, ``do|n't``, ``Anna|'s``; with offsets.

word_spans("He met 'Teddy!'")  →  He  met  '  Teddy  !  '      as (begin, end)
"""

from __future__ import annotations

import re

_WORD = re.compile(
    r"""
      (?:https?://|www\.)\S+[^\s.,;:!?'")\]]      # URLs, without trailing punctuation
    | [@\#]\w+                                    # @mentions and #hashtags
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


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return (begin, end) of each word of ``text``; only white space is between words.

    >>> word_spans("I don't")
    [(0, 1), (2, 4), (4, 7)]
    """
    return [found.span() for found in _WORD.finditer(text)]


def line_spans(text: str) -> list[tuple[int, int]]:
    """Return (begin, end) of each line of ``text`` that is not empty."""
    return [found.span() for found in _LINE.finditer(text)]
