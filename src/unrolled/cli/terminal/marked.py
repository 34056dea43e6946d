"""Predictions with highlighted spans, by label or saliency: on a terminal, as plain text, as HTML."""

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
KEY = """<p class="key"><mark style="background: rgb(120, 200, 130)">green</mark> supports the prediction,
<mark style="background: rgb(240, 140, 130)">red</mark> opposes it (gradient times input)</p>
"""


def answer_line(prediction: Prediction, most: int = 4) -> str:
    """Return ``positive 93%  negative 7%``: the most probable classes."""
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])[:most]
    return "  ".join(f"{name} {share:.0%}" for name, share in ranked)


def on_terminal(prediction: Prediction, *, shades: bool = True) -> Text:
    """Return the text with spans coloured by label, or words by saliency.

    Args:
        shades: whether the terminal has more than sixteen colours.
    """
    text = Text()
    for piece in prediction.pieces or (Piece(prediction.text),):
        shown = printable(piece.text)
        if piece.label:
            text.append(shown, _style(piece.label)).append(f" {piece.label}", "dim")
        elif abs(piece.weight) >= 0.05:
            text.append(shown, f"black on {_rgb(piece.weight)}" if shades else _ansi(piece.weight))
        else:
            text.append(shown)
    return text


def plain(prediction: Prediction) -> str:
    """Return the text with plain marks: ``[Teddy Roosevelt]person``, ``dreadful(+0.81)``."""
    parts = []
    for piece in prediction.pieces or (Piece(prediction.text),):
        if piece.label:
            parts.append(f"[{piece.text}]{piece.label}")
        elif abs(piece.weight) >= 0.05:
            parts.append(f"{piece.text}({piece.weight:+.2f})")
        else:
            parts.append(piece.text)
    return "".join(parts)


def page(title: str, predictions: Iterable[Prediction]) -> str:
    """Return a self-contained HTML page of all predictions."""
    predictions = list(predictions)
    weighted = any(piece.weight for prediction in predictions for piece in prediction.pieces)
    body = "\n".join(line for prediction in predictions for line in _html(prediction))
    return PAGE.format(title=html.escape(title), key=KEY if weighted else "", body=body)


def _html(prediction: Prediction) -> Iterator[str]:
    if prediction.answer:
        rest = html.escape(answer_line(prediction).removeprefix(prediction.answer))
        yield f'<div class="answer"><b>{html.escape(prediction.answer)}</b>{rest}</div>'
    else:
        yield '<div class="answer"></div>'
    parts = []
    for piece in prediction.pieces or (Piece(prediction.text),):
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
    yield from map(_part, prediction.parts)


def _part(part: Part) -> str:
    """Return a picture as an embedded image, any other part as text."""
    match part:
        case Picture():
            kind, data = "png", part.png
        case Drawing():  # as an image it runs no scripts and loads nothing
            kind, data = "svg+xml", part.svg.encode("utf-8", errors="replace")
        case _:
            return f"<pre>{html.escape(part.plain())}</pre>"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img alt="{html.escape(part.title or part.name)}" src="{source}">'


def _number(label: str) -> int:
    """Return the label's colour index, the same in every run."""
    return zlib.crc32(label.encode()) % len(HUES)


def _style(label: str) -> str:
    return LABEL_STYLES[_number(label)]


def _ansi(weight: float) -> str:
    colour = "green" if weight > 0 else "red"
    return f"black on {colour}" if abs(weight) > 0.5 else colour


def _rgb(weight: float) -> str:
    """Return a colour from white to green (positive) or red (negative)."""
    strength = min(1.0, abs(weight))
    full = (120, 200, 130) if weight > 0 else (240, 140, 130)
    return f"rgb({','.join(str(round(255 - (255 - part) * strength)) for part in full)})"
