"""Hooks of the documentation site: the changelog as a page; checks that pages work offline and names are documented."""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "unrolled"
LOADED = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


def on_files(files: Files, config: Any) -> Files:
    """Add CHANGELOG.md, with its links as they read from the documentation's folder."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=text.replace("](docs/", "](")))
    return files


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
