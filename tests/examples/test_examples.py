"""The examples run from their first line to their last, with few steps on little data, and the notebooks are theirs."""

import json
import runpy
from pathlib import Path

import pytest

from unrolled.tasks import registry

EXAMPLES = Path(__file__).parents[2] / "examples"
made = runpy.run_path(str(EXAMPLES / "make_notebooks.py"), run_name="made")

CODE = "".join(
    f'def name_{n}(x):  # The note {n % 7}\n    if x > {n}: return ["a {n}" for x in range(9)]\n\n' for n in range(300)
)
TAGGED = "Ann B-person\nsaw O\nLeeds B-place\n. O\n\nThe O\ncat O\nslept O\n. O\n\n" * 20
PAIRS = "".join(f"day {n}\t{n:02}\n" for n in range(100))

# script: (data for the environment variable DATA, what it prints)
SAYS = {
    "hello": ("code.py", ("network     GRU, 1 layer of 128 units\nparameters  ",)),
    "own_text": ("code.py", ("network     none: it counts 5-grams", "5-grams  0.", "--- temperature 1.2")),
    "classify_csv": ("", ("classes     negative, positive", "bag of words", "confusion.png: ")),
    "tag": ("tagged.conll", ("word     tag", "{home}/tagged.conll, test\n", "\nplace ")),
    "translate": ("pairs.tsv", ("Samstag, 5. November 2016  →  ", "loss  perplexity  BLEU")),
    "own_cell": (
        "code.py",
        ("LeakyCell, backend auto", "  gradients             ok\n", "network     __main__:LeakyCell"),
    ),
    "own_task": ("", ("task        next-value\n", "squared error  0.0", "x  ")),
    "look_inside": ("code.py", ("position in the line", "inside double quotes", "= 1.0\n", "runs/cells.html")),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_RUNS", raising=False)
    monkeypatch.setattr(registry, "_registered", {})
    for name, text in (("code.py", CODE), ("tagged.conll", TAGGED), ("pairs.tsv", PAIRS)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", SAYS)
def test_example(name, home, monkeypatch, capsys):
    data, says = SAYS[name]
    for variable, value in (("STEPS", "2"), ("CHARACTERS", "1500"), ("DATA", data), ("TEXT", data)):
        if value:
            monkeypatch.setenv(variable, value)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr()
    for one in says:
        assert one.format(home=home) in said.out
    assert said.err == ""


def test_every_script_has_a_test():
    assert {script.stem for script in made["SCRIPTS"]} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_notebooks_are_up_to_date(name):
    found = (EXAMPLES / "notebooks" / f"{name}.ipynb").read_text("utf-8")
    assert found == made["notebook"](EXAMPLES / f"{name}.py"), "run make notebooks"
    for cell in json.loads(found)["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), name, "exec")
            assert cell["outputs"] == []


def test_there_are_no_other_notebooks():
    assert {path.stem for path in (EXAMPLES / "notebooks").glob("*.ipynb")} == set(SAYS)


def test_cells_of_a_script():
    script = (
        "# %% [markdown]\n# # A\n#\n# b `c`\n\n# %%\nx = 1\nprint(x, 2)\n\n\n# %%\ny = x\nprint(y)\n# %%\nprint(f(y))\n"
    )
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"](script)]
    assert kinds == [
        ("markdown", "# A\n\nb `c`"),
        ("code", "x = 1\nprint(x, 2)"),
        ("code", "y = x\ny"),
        ("code", "print(f(y))"),
    ]
