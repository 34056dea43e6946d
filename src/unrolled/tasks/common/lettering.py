"""Text in pictures that are drawn with Pillow."""

from __future__ import annotations

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def shortened(text: str, font: Font, width: float) -> str:
    """Return the text, cut off with an ellipsis where it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def lettering(size: int) -> Font:
    """Return a font: DejaVu Sans with its many scripts, or else Pillow's own, which has Latin letters only."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)
