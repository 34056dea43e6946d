"""Curves differ in colour, dashes and marker; neighbours also in grey."""

from unrolled.results.palette import STYLES, darker, style


def luminance(colour):
    linear = [(int(colour[n : n + 2], 16) / 255) ** 2.2 for n in (1, 3, 5)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_style_is_unique():
    for name in ("colour", "dashes", "marker"):
        assert len({getattr(curve, name) for curve in STYLES}) == len(STYLES)
    assert style(len(STYLES)) == STYLES[0]
    assert STYLES[0].line == {"color": "#0072b2", "linestyle": "-"}
    assert STYLES[3].line == {"color": "#e69f00", "linestyle": (0, (1.5, 1.5))}


def test_text_has_a_contrast_of_at_least_3_5_with_white():
    assert darker("#e69f00") == "#a16f00"
    assert all(1.05 / (luminance(darker(curve.colour)) + 0.05) > 3.5 for curve in STYLES)
