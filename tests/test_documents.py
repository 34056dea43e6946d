"""The documents keep what they promise: every file has its caption, every command and option they name exists."""

import re
import subprocess
from pathlib import Path

import pytest

from unrolled import recipes
from unrolled.tasks import TASKS, task_class
from unrolled.training.config import ALIASES, options, update

ROOT = Path(__file__).parents[1]


def test_readme_captions_every_file_of_the_tree():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    tree = (ROOT / "README.md").read_text().split("## Every file")[1].split("```")[1]
    captioned, folder = set(), ""
    for line in tree.strip().splitlines():
        name, *caption = line.split(maxsplit=1)
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        if not name.endswith("/") or caption:
            assert caption, f"{name} has no caption"
            assert caption != ["?"], f"{name} has no caption"
            captioned.add((folder if line.startswith(" ") else "") + name)
    files = {name for name in listed.stdout.split() if not name.startswith("tests/")}
    assert files - captioned == set()
    assert {name for name in captioned if not name.endswith("/")} - files == set()


PAGES = [
    "README.md",
    "docs/language-models.md",
    "docs/tagging.md",
    "docs/translation.md",
    "docs/inspection.md",
    "docs/memory.md",
    "docs/reading-files.md",
    "docs/parallel-recurrences.md",
    *(f"docs/lab/{path.name}" for path in sorted((ROOT / "docs/lab").glob("*.md"))),
    "docs/architecture.md",
    "CONTRIBUTING.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_options_in_the_documents_exist(page):
    path = ROOT / page
    text = path.read_text()
    assert not re.search(r"^(FIGURES.*|REMEDIES.*|RESULTS.*|SAMPLES|TREE)$", text, re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    every = [name for task in TASKS for name in options(task_class(task).Config)]
    known = {name.replace("_", "-") for name in [*every, *ALIASES]}
    other = set("run recipe json length temperature samples interactive help fresh split lanes window greedy".split())
    other |= set("top-k top-p stop repetitions out seeds letters alphabet picture seconds".split())
    other |= set("html file explain demonstration show-alignment n-best group only cpu-seconds write".split())
    other |= set("positions models lengths cpu-minutes task check".split())
    other |= set("hypothesis states twins limit no-repeat-ngram web port browser".split())
    other |= set("text unit value random clamp low high at reach begin end corpus leaf threshold share context".split())
    other |= set(
        "radius inputs unroll vectors targets symbols problem threads batches turns windows weights ways".split()
    )
    for flag in re.findall(r"(?<![\w-])--((?:no-)?[a-z][a-z0-9-]+)", text):
        assert {flag, flag.removeprefix("no-")} & (known | other), f"{page} names --{flag}"


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_fits_the_schema_and_says_what_it_reaches(name):
    task, flat, result = recipes.read(name)
    update(task_class(task).Config(), **flat)
    assert result.get("loss", result.get("f1", 0)) > 0
    assert result["minutes"] > 0
    assert result["measured"]
