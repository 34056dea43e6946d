"""The page says what it was given, is small enough, and no text can become markup or script on it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from planted_cells import story, untrained

from unrolled.errors import ArgumentError
from unrolled.inspector import Unit, read
from unrolled.inspector.packing import scale
from unrolled.inspector.page import MOST_CHARACTERS, MOST_UNITS, PageUnit, page
from unrolled.inspector.shown import Shown, values_of

NASTY = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> & \u2028 ]]> @DATA@ @SCRIPT@ \ud800 é 𝒳\n"


class Elements(HTMLParser):
    """The elements of a page, with the text in scripts."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.scripts, self.attributes = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def made(text, cells=1, title="t", about="a", spell=str):
    values = np.linspace(-1, 1, cells * len(text), dtype=np.float32).reshape(cells, -1)
    n = len(text)
    shown = Shown(values, np.tile(np.arange(5), (n, 1)), np.full((n, 5), 0.2, dtype=np.float32))
    return page(title, about, text, [PageUnit(NASTY, NASTY)] * cells, shown, spell)


def test_nothing_from_outside_becomes_markup_or_script():
    source = made(NASTY, title=NASTY, about=NASTY, spell=lambda id: NASTY)
    elements, plain = Elements(source), Elements(made("a"))
    assert elements.tags == plain.tags
    assert elements.scripts[1:] == plain.scripts[1:]
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name in ("src", "href")]
    data = json.loads(elements.scripts[0])
    assert data["text"] == NASTY.replace("\ud800", "\ufffd")
    assert data["guesses"]["symbols"] == [NASTY.replace("\ud800", "\ufffd")] * 5
    assert source.encode("utf-8")


def test_only_its_own_script_may_run_and_nothing_is_fetched():
    source = made("a text\n")
    script = Elements(source).scripts[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in source
    assert not re.findall(r"https?://|@import|url\(|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", source)
    assert "prefers-color-scheme: dark" in source
    assert not re.search(r"@[A-Z]+@", source.replace(Elements(source).scripts[0], ""))


def test_a_page_of_the_largest_size_is_under_five_megabytes():
    n = MOST_CHARACTERS
    draw = np.random.default_rng(0)
    text = "".join(map(chr, draw.integers(0x4E00, 0x6000, n)))  # three bytes each
    values, shares = (draw.random(shape, dtype=np.float32) for shape in ((MOST_UNITS, n), (n, 5)))
    shown = Shown(values, draw.integers(0, 5000, (n, 5)), shares)
    source = page("t", "a", text, [PageUnit("a", "b", "c", values[0] > 0.5)] * MOST_UNITS, shown, chr)
    truth = json.loads(Elements(source).scripts[0])["units"][0]["truth"]
    marks = np.unpackbits(np.frombuffer(base64.b64decode(truth), dtype=np.uint8))[:n]
    np.testing.assert_array_equal(marks, values[0] > 0.5)
    assert len(source.encode()) < 5_000_000
    with pytest.raises(ArgumentError, match="at most 100,000 characters"):
        made("a" * (n + 1))
    with pytest.raises(ArgumentError, match="from 1 to 14"):
        made("abc", cells=15)


def test_the_values_are_the_units():
    text = story(3000)
    reading = read(untrained(1, text), text)
    shown = values_of(reading, [Unit("layers.0.0", "h", 3), Unit("layers.0.0", "f", 1)], len(text))
    source = page("t", "a", text, [PageUnit("x", "y"), PageUnit("z", "w")], shown, lambda id: "?")
    data = json.loads(Elements(source).scripts[0])
    for cell, values in zip(data["units"], shown.values, strict=True):
        level = np.frombuffer(base64.b64decode(cell["values"]), dtype=np.uint8).astype(float)
        again = cell["low"] + (level - 1) / 254 * (cell["high"] - cell["low"])
        inside = (values > cell["low"]) & (values < cell["high"])
        assert inside.mean() > 0.98
        np.testing.assert_allclose(again[inside], values[inside], atol=(cell["high"] - cell["low"]) / 250)
    shares = np.frombuffer(base64.b64decode(data["guesses"]["shares"]), dtype=np.uint8).reshape(-1, 5) / 255
    np.testing.assert_allclose(shares, shown.shares, atol=0.003)


def test_the_scale_is_even_about_zero_for_both_signs():
    assert scale(np.array([-1, 0, 3], dtype=np.float32)) == pytest.approx((-3, 3), rel=0.02)
    assert scale(np.array([-1, 0, 9], dtype=np.float32)) == pytest.approx((-1, 9), rel=0.02)  # one-sided: its own range
    assert scale(np.array([-9, -3], dtype=np.float32)) == pytest.approx((-9, -3), rel=0.02)
    assert scale(np.array([0.2, 0.9, np.nan], dtype=np.float32)) == pytest.approx((0.2, 0.9), rel=0.02)
    assert scale(np.array([np.nan], dtype=np.float32)) == (-1, 1)
