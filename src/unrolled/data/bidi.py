"""The Unicode bidirectional algorithm (Unicode Standard Annex #9): the level of every character of a line.

Characters of even levels are written from left to right, those of odd levels from right to left. Explicit formatting
characters keep their places and take the level of what precedes them (section 5.2). The names of the rules are those of
the annex. Properties of characters are those of Python's `unicodedata`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

DEEPEST = 125  # level of an embedding
PAIRS = 63  # open brackets that rule N0 remembers
EMBEDDINGS = {"RLE": 1, "LRE": 0, "RLO": 1, "LRO": 0}
OVERRIDES = {"RLO": "R", "LRO": "L"}
ISOLATES = frozenset({"RLI", "LRI", "FSI"})
REMOVED = frozenset({*EMBEDDINGS, "PDF", "BN"})  # rule X9
NEUTRAL = frozenset({"B", "S", "WS", "ON", "PDI", *ISOLATES})
_AS_STRONG = {"L": "L", "R": "R", "EN": "R", "AN": "R"}  # rules N0 and N1


@cache
def bidi_class(character: str) -> str:
    """Return the bidirectional class of a character, such as ``"AL"``; ``"L"`` if it is unassigned."""
    return unicodedata.bidirectional(character) or "L"


@cache
def mirrored(character: str) -> str:
    """Return the character that looks like this one written from right to left: ``)`` for ``(``, ``a`` for ``a``.

    The partner is found by its name, with LEFT and RIGHT, or LESS and GREATER, exchanged.
    """
    if not unicodedata.mirrored(character):
        return character
    name = unicodedata.name(character, "")
    for first, second in (("LEFT", "RIGHT"), ("LESS", "GREATER")):
        other = name.replace(first, "\0").replace(second, first).replace("\0", second)
        if other != name:
            try:
                return unicodedata.lookup(other)
            except KeyError:
                return character
    return character


def base_level(text: Sequence[str]) -> int | None:
    """Return 1 if the first letter with a direction is written from right to left, 0 if from left to right, and `None`
    without such a letter (rules P2 and P3)."""
    isolated = 0
    for character in text:
        kind = bidi_class(character)
        if kind in ISOLATES:
            isolated += 1
        elif kind == "PDI":
            isolated = max(isolated - 1, 0)
        elif not isolated and kind in ("L", "R", "AL"):
            return int(kind != "L")
    return None


def levels(text: Sequence[str], base: int) -> list[int]:
    """Return the level of every character of a line.

    Args:
        text: the line, characters in logical order.
        base: 0: a line of a paragraph from left to right, 1: from right to left.
    """
    original = [bidi_class(character) for character in text]
    kinds, embedding, matches = _explicit(text, original, base)
    found = list(embedding)
    for places, before, after in _sequences(original, embedding, matches, base):
        level = embedding[places[0]]
        sequence = [kinds[place] for place in places]
        _weak(sequence, before)
        _brackets([text[place] for place in places], [original[place] for place in places], sequence, before, level)
        _neutral(sequence, before, after, "LR"[level & 1])
        for place, kind in zip(places, sequence, strict=True):  # I1 and I2
            found[place] = (
                level + (kind != "L" if level & 1 == 0 else kind != "R") + (level & 1 == 0 and kind in ("EN", "AN"))
            )
    for place, kind in enumerate(original):
        if kind in REMOVED:
            found[place] = found[place - 1] if place else base
    trailing = True
    for place in range(len(text) - 1, -1, -1):  # L1
        kind = original[place]
        trailing = kind in ("B", "S") or (trailing and (kind in ISOLATES or kind in ("WS", "PDI") or kind in REMOVED))
        if trailing:
            found[place] = base
    return found


def reorder(found: Sequence[int]) -> list[int]:
    """Return the places of items in the order in which they stand on the line, from left to right (rule L2)."""
    order = list(range(len(found)))
    for level in range(max(found, default=0), 0, -1):
        _turn(order, [found[place] >= level for place in order])
    return order


def restore(found: Sequence[int]) -> list[int]:
    """Return the places of items in logical order, from levels in the order of the line: the inverse of `reorder`."""
    order = list(range(len(found)))
    for level in range(1, max(found, default=0) + 1):
        _turn(order, [found[place] >= level for place in order])
    return order


def _turn(order: list[int], chosen: Sequence[bool]) -> None:
    """Reverse every run of chosen items."""
    begin = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or chosen[end] != chosen[begin]:
            if chosen[begin]:
                order[begin:end] = order[begin:end][::-1]
            begin = end


def _explicit(text: Sequence[str], original: list[str], base: int) -> tuple[list[str], list[int], dict[int, int]]:
    """Return classes and embedding levels after rules X1 to X8, and the match of each isolate, in both directions."""
    kinds, found, matches = list(original), [base] * len(original), _matches(original)
    stack: list[tuple[int, str, bool]] = [(base, "", False)]  # level, override, whether of an isolate
    lost_isolates = lost_embeddings = valid_isolates = 0
    for place, kind in enumerate(original):
        if kind == "PDI":
            if lost_isolates:
                lost_isolates -= 1
            elif valid_isolates:
                lost_embeddings = 0
                while not stack[-1][2]:
                    stack.pop()
                stack.pop()
                valid_isolates -= 1
        elif kind == "PDF":
            if not lost_isolates and lost_embeddings:
                lost_embeddings -= 1
            elif not lost_isolates and not stack[-1][2] and len(stack) > 1:
                stack.pop()
        level, override, _ = stack[-1]
        found[place] = base if kind == "B" else level
        if override and kind not in REMOVED and kind != "B":
            kinds[place] = override
        if kind in EMBEDDINGS or kind in ISOLATES:
            if kind == "FSI":
                odd = base_level(text[place + 1 : matches.get(place, len(text))]) or 0
            else:
                odd = EMBEDDINGS[kind] if kind in EMBEDDINGS else int(kind == "RLI")
            deeper = level + 1 + ((level + 1) % 2 != odd)
            isolate = kind in ISOLATES
            if deeper <= DEEPEST and not lost_isolates and not lost_embeddings:
                valid_isolates += isolate
                stack.append((deeper, OVERRIDES.get(kind, ""), isolate))
            elif isolate:
                lost_isolates += 1
            elif not lost_isolates:
                lost_embeddings += 1
    return kinds, found, matches


def _matches(original: Sequence[str]) -> dict[int, int]:
    """Return the place of the PDI of each isolate initiator, and the reverse (definition BD9)."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for place, kind in enumerate(original):
        if kind in ISOLATES:
            opened.append(place)
        elif kind == "PDI" and opened:
            found[place] = opened.pop()
            found[found[place]] = place
    return found


def _sequences(
    original: Sequence[str], found: Sequence[int], matches: dict[int, int], base: int
) -> Iterator[tuple[list[int], str, str]]:
    """Yield the isolating run sequences: places, and the directions before and after them (rule X10)."""
    kept = [place for place, kind in enumerate(original) if kind not in REMOVED]
    runs: list[list[int]] = []
    for place in kept:
        if runs and found[runs[-1][0]] == found[place]:
            runs[-1].append(place)
        else:
            runs.append([place])
    run_of = {run[0]: run for run in runs}
    where = {place: index for index, place in enumerate(kept)}
    for run in runs:
        if original[run[0]] == "PDI" and run[0] in matches:
            continue
        places = list(run)
        while original[places[-1]] in ISOLATES and matches.get(places[-1]) in run_of:
            places += run_of[matches[places[-1]]]
        level, first, last = found[places[0]], where[places[0]], where[places[-1]]
        before = found[kept[first - 1]] if first else base
        ends = last + 1 == len(kept) or original[places[-1]] in ISOLATES
        after = base if ends else found[kept[last + 1]]
        yield places, "LR"[max(level, before) & 1], "LR"[max(level, after) & 1]


def _weak(kinds: list[str], before: str) -> None:
    """Resolve weak types (rules W1 to W7)."""
    last, strong = before, before
    for place, kind in enumerate(kinds):
        if kind == "NSM":  # W1
            kind = "ON" if last in ISOLATES or last == "PDI" else last
        last = kind
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":  # W2
            kind = "AN"
        kinds[place] = kind
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]  # W3
    for place in range(1, len(kinds) - 1):  # W4
        left, kind, right = kinds[place - 1 : place + 2]
        if left == right and ((kind in ("ES", "CS") and left == "EN") or (kind == "CS" and left == "AN")):
            kinds[place] = left
    for begin, end in _runs(kinds, ("ET",)):  # W5
        if "EN" in kinds[max(begin - 1, 0) : end + 1]:
            kinds[begin:end] = ["EN"] * (end - begin)
    strong = before
    for place, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):  # W6
            kinds[place] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":  # W7
            kinds[place] = "L"


def _brackets(text: Sequence[str], original: Sequence[str], kinds: list[str], before: str, level: int) -> None:
    """Resolve pairs of brackets by what is between and before them (rule N0)."""
    direction = "LR"[level & 1]
    for begin, end in _bracket_pairs(text, kinds):
        inside = {_AS_STRONG.get(kind, "") for kind in kinds[begin + 1 : end]} - {""}
        if not inside:
            continue
        chosen = direction
        if direction not in inside:
            context = (
                next((_AS_STRONG[kind] for kind in kinds[begin - 1 :: -1] if kind in _AS_STRONG), before)
                if begin
                else before
            )
            chosen = context
        for place in (begin, end):
            kinds[place] = chosen
            for mark in range(place + 1, len(kinds)):
                if original[mark] != "NSM":
                    break
                kinds[mark] = chosen


def _bracket_pairs(text: Sequence[str], kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of matching brackets, by the first (definition BD16)."""
    opened: list[tuple[str, int]] = []
    found: list[tuple[int, int]] = []
    for place, (character, kind) in enumerate(zip(text, kinds, strict=True)):
        category = unicodedata.category(character) if kind == "ON" else ""
        if category not in ("Ps", "Pe") or mirrored(character) == character:
            continue
        character = unicodedata.normalize("NFD", character)
        if category == "Ps":
            if len(opened) == PAIRS:
                break
            opened.append((mirrored(character), place))
            continue
        for index in range(len(opened) - 1, -1, -1):
            if opened[index][0] == character:
                found.append((opened[index][1], place))
                del opened[index:]
                break
    return sorted(found)


def _neutral(kinds: list[str], before: str, after: str, direction: str) -> None:
    """Resolve neutral types by their neighbours, or by the direction of the embedding (rules N1 and N2)."""
    for begin, end in _runs(kinds, NEUTRAL):
        left = _AS_STRONG[kinds[begin - 1]] if begin else before
        right = _AS_STRONG[kinds[end]] if end < len(kinds) else after
        kinds[begin:end] = [left if left == right else direction] * (end - begin)


def _runs(kinds: Sequence[str], chosen: Sequence[str] | frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of every run of these types."""
    begin = 0
    while begin < len(kinds):
        end = begin
        while end < len(kinds) and kinds[end] in chosen:
            end += 1
        if end > begin:
            yield begin, end
        begin = end + 1
