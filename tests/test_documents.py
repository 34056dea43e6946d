"""The documents keep what they promise: commands parse, options and links exist, every file has its line."""

import ast
import importlib
import re
import runpy
import subprocess
from pathlib import Path

import pytest

from document_commands import check, flags, mentioned, shown, verb_of, verbs, words
from unrolled import recipes
from unrolled.errors import UnrolledError
from unrolled.tasks import task_class
from unrolled.tasks.registry import TASKS
from unrolled.training.config import options, update

ROOT = Path(__file__).parents[1]
FILES = runpy.run_path(str(ROOT / "tools" / "files_page.py"))
PAGES = sorted(
    str(p.relative_to(ROOT)) for pattern in ("*.md", "docs/**/*.md", "examples/*.md") for p in ROOT.glob(pattern)
)
OF_COMING_TASKS = {"rate", "size"}  # in a table of docs/architecture.md


@pytest.fixture(scope="module")
def names():
    """The files of the checkout."""
    try:
        return FILES["listed"]()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")


@pytest.fixture(scope="module")
def known():
    """Every option of this project: of the command, and of the scripts."""
    scripts = [path.read_text() for folder in ("benchmarks", "tools") for path in ROOT.glob(f"{folder}/*.py")]
    of_scripts = {flag for text in scripts for flag in re.findall(r'"--([a-z-]+)"', text)}
    return set().union(OF_COMING_TASKS, of_scripts, *map(flags, verbs()))


def test_page_of_files_is_what_the_files_say(names):
    assert (ROOT / "docs" / "files.md").read_text() == FILES["page"](names), "run: python tools/files_page.py"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.py", "x = 1\n", "no docstring"),
        ("a.h", "#pragma once\n", "no comment"),
        ("a.toml", 'task = "lm"\n', "no comment"),
        ("a.md", "text\n", "no heading"),
        ("a.png", "", "no page shows it"),
    ],
)
def test_file_that_does_not_say_what_it_is_is_refused(name, text, message, tmp_path, monkeypatch):
    monkeypatch.setitem(FILES["page"].__globals__, "ROOT", tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        FILES["page"]([name])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A first\nsentence. A second.\n\nMore.", "A first sentence."),
        ("What is it?    python it.py", "What is it?"),
        ("See `a.b` and v1.2: no end", "See `a.b` and v1.2: no end"),
    ],
)
def test_line_of_a_file_is_its_first_sentence(text, sentence):
    assert FILES["first_sentence"](text) == sentence


@pytest.mark.parametrize("page", PAGES)
def test_links_of_the_documents_lead_somewhere(page):
    path = ROOT / page
    text = path.read_text()
    assert not re.search(r"^(FIGURES.*|REMEDIES.*|RESULTS.*|SAMPLES|TREE)$", text, re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_documents_are_understood(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    for file in set(re.findall(r"(\S+)/config\.toml", "\n".join(shown(text)))):  # of a run, as a recipe
        (tmp_path / file).mkdir(parents=True)
        (tmp_path / file / "config.toml").write_text('task = "lm"\n')
    for run in set(re.findall(r"--from (\S+)", "\n".join(shown(text)))):  # whose network is read
        task = next((name for name in TASKS if Path(run).name.startswith(name)), "lm")
        (tmp_path / run).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / run).symlink_to(ROOT / "tests" / "fixtures" / "trained" / task)
    for command in shown(text):
        if "…" not in command:
            check(command, ROOT)
    for command in [*mentioned(text), *(line for line in shown(text) if "…" in line)]:
        program, *rest = words(command)
        if program == "unrolled" and (verb := verb_of(rest)) is not None:
            given = {word[2:].partition("=")[0] for word in rest if word.startswith("--")}
            assert given <= flags(verb), command


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_documents_imports_and_trains_with_what_exists(page):
    for block in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "unrolled":
                module = importlib.import_module(node.module)
                assert {alias.name for alias in node.names} <= {*dir(module)}, node.module
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "unrolled.train":
                config = task_class(ast.literal_eval(node.args[0])).Config()
                given = [word for word in node.keywords if word.arg != "run"]
                assert {word.arg for word in given} <= {*options(type(config))}
                literal = [word for word in given if not isinstance(word.value, ast.Name)]
                update(config, **{word.arg: ast.literal_eval(word.value) for word in literal})


@pytest.mark.parametrize("page", PAGES)
def test_options_that_the_documents_name_exist(page, known):
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", (ROOT / page).read_text()))
    assert named <= known


@pytest.mark.parametrize(
    "command",
    [
        "unrolled train lm --hiden-size 8",
        "unrolled train lm --cell lstn",
        "unrolled train tag --kind ngram",
        "unrolled evaluate RUN --show-alignment",
        "unrolled inspect ablate RUN --states x",
        "unrolled lab memory --letters 9",
        "unrolled tran lm",
        "python benchmarks/recipe.py hello --no-such",
        "python benchmarks/none.py",
        "make everything",
    ],
)
def test_wrong_command_in_a_document_is_found(command):
    with pytest.raises((UnrolledError, AssertionError, OSError)):
        check(command, ROOT)


def test_commands_are_found_in_blocks_and_in_prose():
    text = (
        "A `unrolled data\n--json` b\n\n    OMP_NUM_THREADS=1 unrolled train lm  # c\n\n"
        "```\nunrolled lab \\\n  memory\n```\nunrolled d\n"
    )
    assert [words(line) for line in shown(text)] == [["unrolled", "train", "lm"], ["unrolled", "lab", "memory"]]
    assert mentioned(text) == ["unrolled data --json"]


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_fits_the_schema_and_says_what_it_reaches(name):
    task, flat, result = recipes.read(name)
    update(task_class(task).Config(), **flat)
    if "published" in result:  # a paper's settings and figures
        return
    assert result.get("loss", result.get("f1", 0)) > 0
    assert result["minutes"] > 0
    assert result["measured"]
