"""What scores mean in words: which explain nothing, which come from too short a text, and what a unit's colours say."""

from __future__ import annotations

LEAST_AUC, LEAST_R2 = 0.55, 0.01  # a lower score explains nothing: 0.5 is guessing, 0 as good as the mean
FEWEST_POSITIONS = 1000  # with fewer scored positions, scores on the other half of the text are arbitrary
NEAR_ONE = 0.99  # a score from which two decimals hide the difference to 1
CERTAIN, LIKELY = 0.9, 0.75  # an AUC from which a unit is red where a hypothesis is true, or mostly so


def explains(score: float, binary: bool) -> bool:
    """Return whether a score is above guessing: AUC above 0.55, or R² above 0.01."""
    return score >= (LEAST_AUC if binary else LEAST_R2)


def figure(score: float) -> str:
    """Return a score with two decimals, or with three near 1: ``0.97``, ``0.997``."""
    return f"{score:z.3f}" if score >= NEAR_ONE else f"{score:z.2f}"


def short_text(positions: int) -> str:
    """Return what to tell about a text with so few scored positions; an empty string if there are enough."""
    if positions >= FEWEST_POSITIONS:
        return ""
    return (
        f"the text is too short for scores: {positions:,} positions are scored, at least {FEWEST_POSITIONS:,} are "
        "needed; give more text"
    )


def meaning(hypothesis: str, binary: bool, sign: int, score: float) -> str:
    """Return where a unit is red or blue, such as ``red where “capital” is true (AUC 0.97)``."""
    red = sign >= 0
    if not binary:
        return f"the {'redder' if red else 'bluer'}, the larger “{hypothesis}” (R² {figure(score)})"
    often = "" if score >= CERTAIN else "mostly " if score >= LIKELY else "more often "
    return f"{often}{'red' if red else 'blue'} where “{hypothesis}” is true (AUC {figure(score)})"
