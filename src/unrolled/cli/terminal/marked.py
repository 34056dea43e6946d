"""Texts with marks: what a stretch was found to be, or how much it moved the answer. On a terminal, plain, as HTML."""

from __future__ import annotations

import base64
import html
import zlib
from collections.abc import Iterable, Iterator

from rich.text import Text

from ...results import Drawing, Part, Picture, Piece, Prediction
from .look import printable

LABEL_STYLES = ("bold cyan", "bold magenta", "bold yellow", "bold green", "bold blue", "bold red")
HUES = (200, 310, 45, 130, 240, 10)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 17px/1.7 Georgia, serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
  h1 {{ font-size: 1.3rem; }}
  .answer {{ font: 14px/1.5 system-ui, sans-serif; color: #555; margin-top: 1.6rem; }}
  .answer b {{ color: #000; }}
  p {{ margin: .2rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
  mark {{ color: inherit; border-radius: 3px; padding: 1px 0; }}
  mark small {{ font: 11px system-ui, sans-serif; margin: 0 3px; opacity: .75; }}
  img {{ max-width: 100%; }}
  pre {{ font-size: 13px; overflow-x: auto; }}
  .key {{ font: 13px system-ui, sans-serif; color: #555; }}
</style>
<h1>{title}</h1>
{key}{body}
</html>
"""
KEY = """<p class="key"><mark style="background: rgb(120, 200, 130)">green</mark> spoke for the answer,
<mark style="background: rgb(240, 140, 130)">red</mark> against it (gradient times input)</p>
"""


def answer_line(said: Prediction, most: int = 4) -> str:
    """``positive 93%  negative 7%``: the likeliest classes."""
    ranked = sorted(said.probabilities.items(), key=lambda pair: -pair[1])[:most]
    return "  ".join(f"{name} {share:.0%}" for name, share in ranked)


def on_terminal(said: Prediction, *, shades: bool = True) -> Text:
    """The text in colour: found stretches by their label, or words by their weight.

    Args:
        shades: whether the terminal has more than sixteen colours.
    """
    text = Text()
    for piece in said.pieces or (Piece(said.text),):
        shown = printable(piece.text)
        if piece.label:
            text.append(shown, _style(piece.label)).append(f" {piece.label}", "dim")
        elif abs(piece.weight) >= 0.05:
            text.append(shown, f"black on {_rgb(piece.weight)}" if shades else _of_sixteen(piece.weight))
        else:
            text.append(shown)
    return text


def plain(said: Prediction) -> str:
    """The same without colour: ``[Teddy Roosevelt]person``, ``dreadful(+0.81)``."""
    parts = []
    for piece in said.pieces or (Piece(said.text),):
        if piece.label:
            parts.append(f"[{piece.text}]{piece.label}")
        elif abs(piece.weight) >= 0.05:
            parts.append(f"{piece.text}({piece.weight:+.2f})")
        else:
            parts.append(piece.text)
    return "".join(parts)


def page(title: str, predictions: Iterable[Prediction]) -> str:
    """All of them as one HTML page that needs nothing else."""
    every = list(predictions)
    weighed = any(piece.weight for said in every for piece in said.pieces)
    body = "\n".join(line for said in every for line in _html(said))
    return PAGE.format(title=html.escape(title), key=KEY if weighed else "", body=body)


def _html(said: Prediction) -> Iterator[str]:
    if said.answer:
        rest = html.escape(answer_line(said).removeprefix(said.answer))
        yield f'<div class="answer"><b>{html.escape(said.answer)}</b>{rest}</div>'
    else:
        yield '<div class="answer"></div>'
    parts = []
    for piece in said.pieces or (Piece(said.text),):
        text = html.escape(piece.text)
        if piece.label:
            label = html.escape(piece.label)
            hue = HUES[_number(piece.label)]
            parts.append(f'<mark style="background: hsl({hue}, 70%, 85%)">{text}<small>{label}</small></mark>')
        elif abs(piece.weight) >= 0.02:
            parts.append(f'<mark style="background: {_rgb(piece.weight)}" title="{piece.weight:+.2f}">{text}</mark>')
        else:
            parts.append(text)
    yield f"<p>{''.join(parts)}</p>"
    yield from map(_part, said.parts)


def _part(part: Part) -> str:
    """A picture as the page's own, anything else as its text."""
    match part:
        case Picture():
            kind, data = "png", part.png
        case Drawing():  # which as an image runs no scripts and fetches nothing
            kind, data = "svg+xml", part.svg.encode("utf-8", errors="replace")
        case _:
            return f"<pre>{html.escape(part.plain())}</pre>"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img alt="{html.escape(part.title or part.name)}" src="{source}">'


def _number(label: str) -> int:
    """The same colour for the same label, in every text and on every day."""
    return zlib.crc32(label.encode()) % len(HUES)


def _style(label: str) -> str:
    return LABEL_STYLES[_number(label)]


def _of_sixteen(weight: float) -> str:
    colour = "green" if weight > 0 else "red"
    return f"black on {colour}" if abs(weight) > 0.5 else colour


def _rgb(weight: float) -> str:
    """From white to green (for) or red (against)."""
    strength = min(1.0, abs(weight))
    full = (120, 200, 130) if weight > 0 else (240, 140, 130)
    return f"rgb({','.join(str(round(255 - (255 - part) * strength)) for part in full)})"
