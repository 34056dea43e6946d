"""Predictions with marks: on a terminal, and as an HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from ...results import Piece, Prediction, is_blank
from ...results.marks import legend
from ...results.markup import part
from ...results.pieces import LEAST, number_of
from .look import printable

LABEL_STYLES = ("bold green", "bold magenta", "bold yellow", "bold cyan", "bold white")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --dim: #5c5c5c; --line: #ddd; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --paper: #17181a; --ink: #ececec; --dim: #a4a4a4; --line: #3a3b3e; }}
  }}
  body {{ font: 17px/1.9 Georgia, serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
    background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }}
  h1 {{ font-size: 1.3rem; }}
  .answer {{ font: 14px/1.5 system-ui, sans-serif; color: var(--dim); margin-top: 1.8rem; }}
  .answer b {{ color: var(--ink); }}
  mark small {{ font: 12px system-ui, sans-serif; }}
  img {{ max-width: 100%; }}
  pre {{ font-size: 13px; overflow-x: auto; }}
  .key {{ font: 13px/1.9 system-ui, sans-serif; border-block: 1px solid var(--line); padding: .3rem 0; }}
</style>
<h1>{title}</h1>
{key}{body}
</html>
"""


def on_terminal(prediction: Prediction, *, shades: bool = True) -> Text:
    """Return the text of `Prediction.marked`, coloured.

    Args:
        shades: whether the terminal has more than sixteen colours.
    """
    text = Text()
    for piece in prediction.pieces or (Piece(prediction.text),):
        shown, style = printable(piece.text), ""
        if piece.label:
            shown, style = f"[{shown}]", _style(piece.label, prediction.labels)
        elif abs(piece.weight) >= LEAST:
            style = f"black on {_rgb(piece.weight)}" if shades else _ansi(piece.weight)
            style += " underline" if piece.weight > 0 else ""
        remarks = printable(piece.label + piece.remarks(prediction.scale or 1.0))
        text.append(shown, style).append(remarks, "dim")
    return text


def page(title: str, predictions: Iterable[Prediction]) -> str:
    """Return a self-contained HTML page of all predictions."""
    predictions = list(predictions)
    key = legend(predictions)
    body = "\n".join(line for prediction in predictions for line in _html(prediction))
    return PAGE.format(title=html.escape(title), key=f'<div class="key">{key}</div>\n' if key else "", body=body)


def _html(prediction: Prediction) -> Iterator[str]:
    if is_blank(prediction.text):
        yield '<div class="answer">blank input, without a prediction</div>'
        return
    answer = html.escape(prediction.answer)
    rest = html.escape(prediction.likeliest(separator=" · ").removeprefix(prediction.answer))
    yield f'<div class="answer">{f"<b>{answer}</b>{rest}" if answer else ""}</div>'
    yield prediction.html()
    yield from map(part, prediction.parts)


def _style(label: str, labels: Sequence[str]) -> str:
    return LABEL_STYLES[number_of(label, labels) % len(LABEL_STYLES)]


def _ansi(weight: float) -> str:
    colour = "red" if weight > 0 else "blue"
    return f"white on {colour}" if abs(weight) > 0.5 else colour


def _rgb(weight: float) -> str:
    """Return a colour from white to red (positive) or blue (negative)."""
    strength = min(1.0, abs(weight))
    full = (240, 129, 108) if weight > 0 else (106, 174, 222)  # as in the inspector
    return f"rgb({','.join(str(round(255 - (255 - part) * strength)) for part in full)})"
