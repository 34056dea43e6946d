"""Hooks of the documentation site: the changelog as a page, and a check that no page loads anything from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
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
