"""Generated sets of lines."""

import numpy as np
import pytest

from unrolled.data.line_sets import LineLayout, open_lines, read_lines
from unrolled.data.named_lines import LineDrawing
from unrolled.data.rendered_lines import fonts_of
from unrolled.errors import ArgumentError

SMALL = LineLayout(height=24, drawing=LineDrawing(count=20))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_generated_sets_are_the_same_each_time():
    sets, again = open_lines("generated", SMALL), open_lines("generated", SMALL)
    assert sets.digest() == again.digest()
    assert [len(part) for part in sets.parts().values()] == [20, 2, 2]
    assert set(sets.train.groups) == {"latin"}
    assert all(10 <= len(text) <= 25 for text in sets.train.texts)
    assert all(sets.train[number].shape == (24, sets.train.widths[number]) for number in range(20))
    assert all(np.percentile(sets.train[number], 99) > 200 for number in range(20))  # paper
    test, _ = read_lines("generated", SMALL)
    assert test.digest() == sets.test.digest()
    assert not {*sets.train.texts} & {*test.texts}


@pytest.mark.skipif(len(fonts_of("latin")) < 2, reason="fewer than two fonts")
def test_unseen_fonts_are_in_the_test_set_only():
    name = fonts_of("latin")[0].name
    usual, unseen = (
        open_lines("generated", LineLayout(height=24, drawing=LineDrawing(count=20, unseen=fonts)))
        for fonts in ((), (name,))
    )
    assert usual.test.digest() != unseen.test.digest()
    assert usual.train.digest() != unseen.train.digest()


def test_invalid_options():
    with pytest.raises(ArgumentError, match=r"folds.*0 with generated lines"):
        open_lines("generated", SMALL, folds=5)
    with pytest.raises(ArgumentError, match=r"count.*at least 20"):
        LineDrawing(count=0)
    with pytest.raises(ArgumentError, match=r"scripts.*names among latin, greek"):
        open_lines("generated", LineLayout(drawing=LineDrawing(scripts=("klingon",))))
