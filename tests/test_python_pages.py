"""The Python of the documentation runs as it stands: each page in an empty folder, small sizes, few steps."""

import re
import sys
from pathlib import Path

import pytest

import unrolled
import unrolled.testing
from unrolled.testing import CHECKS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("in-python.md", "how-to/own-cell.md", "how-to/drop-in-layers.md", "ctc.md")
BASIC = {"shapes", "dtypes", "purity", "lanes", "lengths", "resets"}
TEXT = "Once upon a time The cat sat on it. The dog: def add(a, b):\n    def sub(a, b):\n" * 40


@pytest.fixture
def here(tmp_path):
    """A folder with the files that a page names, and functions that do less."""
    train, check = unrolled.train, unrolled.testing.check_cell

    def brief(task, *, time=None, epochs=None, **options):
        tiny = {"steps": 2, "batch_size": 4, "hidden_size": 8} | (
            {"bptt": 8, "preview_length": 5} if task == "lm" else {}
        )
        return train(task, **options | tiny)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.delenv("UNROLLED_RUNS", raising=False)
        patch.syspath_prepend(str(tmp_path))
        patch.setattr(unrolled, "train", brief)
        patch.setattr(unrolled.testing, "check_cell", lambda cell: check(cell, exempt=set(CHECKS) - BASIC))
        (tmp_path / "book.txt").write_text(TEXT)
        yield tmp_path
    sys.modules.pop("my_cells", None)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page, here, capsys):
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for code in blocks:
        if code.startswith('"""'):
            (here / "my_cells.py").write_text(code)
            if "--run runs/leaky" in text:  # the page trains on the command line what its Python loads
                unrolled.train("lm", data="book.txt", cell="my_cells:Leaky", run="runs/leaky")
        else:
            exec(compile(code, page, "exec"), names)
    printed = capsys.readouterr().out
    if page == "in-python.md":
        assert "'lenght' is not an option; did you mean 'length'?" in printed
        assert "accuracy" in printed
        assert "Leaky, backend auto" in printed
