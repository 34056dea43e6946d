"""Predictions with highlighted spans, by label or saliency: on a terminal, and as an HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from rich.text import Text

from ...results import Piece, Prediction
from ...results.markup import AGAINST, FOR, marked, number_of, part
from ...results.prediction import LEAST
from .look import printable

LABEL_STYLES = ("bold cyan", "bold magenta", "bold yellow", "bold green", "bold blue", "bold red")
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
  mark {{ border-radius: 3px; padding: 1px 0; }}
  mark small {{ font: 11px system-ui, sans-serif; margin: 0 3px; opacity: .75; }}
  img {{ max-width: 100%; }}
  pre {{ font-size: 13px; overflow-x: auto; }}
  .key {{ font: 13px system-ui, sans-serif; color: #555; }}
</style>
<h1>{title}</h1>
{key}{body}
</html>
"""
KEY = f"""<p class="key"><mark style="background: rgba({FOR}, .6)">green</mark> supports the prediction,
<mark style="background: rgba({AGAINST}, .6)">red</mark> opposes it (gradient times input)</p>
"""


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
        elif abs(piece.weight) >= LEAST:
            text.append(shown, f"black on {_rgb(piece.weight)}" if shades else _ansi(piece.weight))
        else:
            text.append(shown)
    return text


def page(title: str, predictions: Iterable[Prediction]) -> str:
    """Return a self-contained HTML page of all predictions."""
    predictions = list(predictions)
    weighted = any(piece.weight for prediction in predictions for piece in prediction.pieces)
    body = "\n".join(line for prediction in predictions for line in _html(prediction))
    return PAGE.format(title=html.escape(title), key=KEY if weighted else "", body=body)


def _html(prediction: Prediction) -> Iterator[str]:
    if prediction.answer:
        rest = html.escape(prediction.likeliest().removeprefix(prediction.answer))
        yield f'<div class="answer"><b>{html.escape(prediction.answer)}</b>{rest}</div>'
    else:
        yield '<div class="answer"></div>'
    yield f"<p>{marked(prediction.pieces or (Piece(prediction.text),))}</p>"
    yield from map(part, prediction.parts)


def _style(label: str) -> str:
    return LABEL_STYLES[number_of(label, len(LABEL_STYLES))]


def _ansi(weight: float) -> str:
    colour = "green" if weight > 0 else "red"
    return f"black on {colour}" if abs(weight) > 0.5 else colour


def _rgb(weight: float) -> str:
    """Return a colour from white to green (positive) or red (negative)."""
    strength = min(1.0, abs(weight))
    full = (120, 200, 130) if weight > 0 else (240, 140, 130)
    return f"rgb({','.join(str(round(255 - (255 - part) * strength)) for part in full)})"
