"""What the training table shows: alignments beside the truth, the share of blank frames, and the phase of only blanks.

    frames  aa-v-a--il-
    read    avail
    text    avail ✓

A network of CTC first learns to answer blanks only, since they are part of every alignment, and leaves this phase
suddenly. It is normal at the beginning, and a sign of wrong data or settings later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ....decoding.transcript import Transcript

SHOWN = 3  # examples
WIDTH = 68  # columns of an alignment
PLATEAU = 600  # steps after which only blanks are no longer normal


def alignment(transcript: Transcript, frames: int, blank: str) -> str:
    """Return the symbol of each frame, with ``blank`` for blanks and spaces made visible: ``aa-v-a--il-``."""
    shown = [blank] * frames
    for piece in transcript.pieces:
        symbol = "␣" if piece.symbol == " " else piece.symbol
        shown[piece.start : piece.end] = [symbol] * (piece.end - piece.start)
    return "".join(shown)


def blank_share(transcripts: Iterable[Transcript], frames: Iterable[int]) -> float:
    """Return the fraction of frames whose most likely class is the blank."""
    total = sum(frames)
    return 1 - sum(piece.end - piece.start for found in transcripts for piece in found.pieces) / max(1, total)


def alignments(
    transcripts: Sequence[Transcript], read: Sequence[str], truth: Sequence[str], frames: Sequence[int], blank: str
) -> list[str]:
    """Return lines with the alignments of the first transcripts, the texts that they spell, and the true ones."""
    lines = []
    for transcript, found, text, count in list(zip(transcripts, read, truth, frames, strict=True))[:SHOWN]:
        mark = " ✓" if found == text else ""
        lines += [
            f"frames  {_shortened(alignment(transcript, count, blank))}",
            f"read    {_shortened(found)}",
            f"text    {_shortened(text)}{mark}",
            "",
        ]
    return lines[:-1]


def phase(blanks: float, empty: bool, step: int) -> str:
    """Return the share of blank frames, and what it means if there is nothing else.

    Args:
        blanks: the fraction of blank frames.
        empty: whether every transcript is empty.
        step: the training step.
    """
    share = f"blank frames: {blanks:.0%}"
    if not empty:
        return share
    if step <= PLATEAU:
        return f"{share}; only blanks so far: normal until about step {PLATEAU:,}"
    return (
        f"{share}; still only blanks after {step:,} steps, which is not normal: check that texts and examples belong "
        f"together, then try a higher --lr, a smaller --batch-size or more steps"
    )


def blank_sign(symbols: Iterable[str]) -> str:
    """Return a sign for the blank that is not a symbol."""
    known = set(symbols)
    return next(sign for sign in "-·_¤" if sign not in known or sign == "¤")


def _shortened(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
