"""Write docs/files.md: every file of the repository with one line that says what it is, taken from the file itself.

    python tools/files_page.py

A Python module gives the first sentence of its docstring, other source code that of its first comment, a page its
heading and the line in italics below it, a picture the text that stands for it on a page. Tests are omitted: they
mirror src/unrolled.
"""

from __future__ import annotations

import ast
import re
import subprocess
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "files.md"
COMMENTS = {".py": "#", ".cpp": "//", ".h": "//", ".js": "//"}  # the sign of a comment; # elsewhere
FIXED = {  # files that can have no comment, or whose first bytes are sent to browsers
    "LICENSE": "Apache License 2.0.",
    "src/unrolled/py.typed": "Marks the package as annotated, for type checkers.",
    "src/unrolled/inspector/static/cells.css": "Style of the page in one file.",
    "src/unrolled/inspector/static/cells.html": "Frame of the page in one file.",
    "src/unrolled/inspector/static/web/colours.css": "Shades of values, for both pages.",
    "src/unrolled/inspector/static/web/index.html": "Frame of the live page.",
    "src/unrolled/inspector/static/web/web.css": "Style of the live page.",
}
HEAD = """# Files

Every file of the repository outside `tests/`, which mirrors `src/unrolled`. `make docs` writes this page from the
files themselves.
"""


def listed() -> list[str]:
    """The files that git knows, without the tests.

    Raises:
        OSError, CalledProcessError: this is no checkout, or there is no git.
    """
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.splitlines() if not name.startswith("tests/") and (ROOT / name).exists()]


def page(names: list[str]) -> str:
    """The page's source.

    Raises:
        ValueError: a file has nothing to take its line from.
    """
    alternatives = _alternatives(names)
    parts = [HEAD]
    for folder, some in groupby(sorted(names, key=lambda name: (_folder(name), name)), _folder):
        rows = [f"| `{Path(name).name}` | {_cell(caption(name, alternatives))} |" for name in some]
        parts.append("\n".join([f"## {folder or 'The root'}\n", "| file | what it is |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def caption(name: str, alternatives: dict[str, str]) -> str:
    """What a file is, in one sentence.

    Raises:
        ValueError: it does not say.
    """
    suffix = Path(name).suffix
    if name in FIXED:
        return FIXED[name]
    if suffix in (".png", ".svg"):
        found, where = alternatives.get(Path(name).name, ""), "no page shows it with a text in its place"
    elif suffix == ".py":
        text = (ROOT / name).read_text(encoding="utf-8")
        title = re.search(r"^# # (.+)$", text, re.MULTILINE)  # of a script in cells
        found = ast.get_docstring(ast.parse(text)) or (title[1] if title else "")
        where = "its module has no docstring"
    elif suffix == ".ipynb":
        found, where = f"{Path(name).stem}.py as a notebook", ""
    elif suffix == ".md":
        found, where = _heading((ROOT / name).read_text(encoding="utf-8")), "it has no heading"
    else:
        sign = COMMENTS.get(suffix, "#")
        found, where = (
            _comment((ROOT / name).read_text(encoding="utf-8"), sign),
            f"its first line is no comment ({sign})",
        )
    if not found.strip():
        raise ValueError(f"{name}: {where}; say in one sentence what the file is")
    return first_sentence(found)


def first_sentence(text: str) -> str:
    """The first sentence of a docstring or comment, on one line, without a command that stands beside it."""
    paragraph = text.strip().split("\n\n")[0].split("    ")[0]
    return re.split(r"(?<=[.?])\s", " ".join(paragraph.split()))[0]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _heading(text: str) -> str:
    """A page's heading without its sign, then what stands in italics below it."""
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    italics = re.search(r"^\*([^*]+)\*$", text, re.MULTILINE)
    return f"{heading[1]}{': ' + first_sentence(italics[1]) if italics else ''}" if heading else ""


def _comment(text: str, sign: str) -> str:
    """The comment with which a file begins, after a line that names its interpreter."""
    lines = [line for line in text.splitlines() if not line.startswith("#!")]
    own = []
    for line in lines:
        if not line.startswith(sign) or line == sign:
            break
        own.append(line.removeprefix(sign).strip())
    return " ".join(own)


def _alternatives(names: list[str]) -> dict[str, str]:
    """The name of each picture that a page shows → the text in its place."""
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in names if name.endswith(".md")]
    return {Path(path).name: text for page in pages for text, path in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page)}


def _cell(text: str) -> str:
    """Text as it stands in a cell of a Markdown table."""
    parts = re.split(r"(`+[^`]+`+)", text.replace("|", "\\|"))  # odd ones are code
    return "".join(part if at % 2 else re.sub(r"([\[\]<*])", r"\\\1", part) for at, part in enumerate(parts))


if __name__ == "__main__":
    PAGE.write_text(page(listed()), encoding="utf-8")
