"""Hooks of the documentation site: pages from outside docs/, and checks of what the site loads and documents."""

from __future__ import annotations

import ast
import posixpath
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "unrolled"
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/README.md": "examples/index.md",
}
LOADED = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and examples that are outside docs/."""
    for name, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    for path in sorted([*ROOT.glob("examples/*.py"), *ROOT.glob("examples/notebooks/*.ipynb")]):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links to files of the repository lead to their places on the site."""
    source = {uri: name for name, uri in OUTSIDE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def moved(link: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        uri = place(name)
        return link[0] if uri is None else f"]({posixpath.relpath(uri, posixpath.dirname(page.file.src_uri))}"

    return re.sub(r"\]\(([^)#:\s]+)", moved, markdown)


def place(name: str) -> str | None:
    """The place on the site of a file or folder of the repository; `None` if it is not there."""
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    if name in ("examples", "examples/notebooks"):
        return OUTSIDE["examples/README.md"]
    return name if name.startswith("examples/") and name not in OUTSIDE else OUTSIDE.get(name)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuse a page that needs a network.

    Raises:
        PluginError: it loads a script, style or picture from another host.
    """
    if found := LOADED.search(output):
        raise PluginError(f"{page.file.src_uri} loads {found[1]}; the site must work offline: put a copy into docs/")
    return output


def on_post_build(config: Any) -> None:
    """Refuse an API reference that lacks a public name.

    Raises:
        PluginError: a name in some ``__all__`` has no heading.
    """
    documented = inventory((Path(config.site_dir) / "objects.inv").read_bytes())
    for path in (PACKAGE / "__init__.py", PACKAGE / "nn.py", *sorted(PACKAGE.glob("*/__init__.py"))):
        if lacking := sorted(set(public(path)) - documented):
            raise PluginError(
                f"docs/api/ lacks {', '.join(lacking)}; add its module, or a docstring where it is defined"
            )


def inventory(data: bytes) -> set[str]:
    """The names in an inventory of Sphinx's format: four lines of text, then a name at the beginning of each line."""
    lines = zlib.decompress(data.split(b"\n", 4)[4]).decode("utf-8").splitlines()
    return {line.split(" ")[0] for line in lines}


def public(path: Path) -> Iterable[str]:
    """The full names of what a module lists in ``__all__``, each where it is imported from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    package = [part for part in inside if part != "__init__"]
    above = package if path.stem == "__init__" else package[:-1]
    names, origins = list[str](), dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = [*above[: len(above) - node.level + 1], *(node.module or "").split(".")]
            for alias in node.names:
                origins[alias.asname or alias.name] = ".".join(part for part in (*module, alias.name) if part)
        elif isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            names = ast.literal_eval(node.value)
    return [origins.get(name, ".".join((*package, name))) for name in names]
