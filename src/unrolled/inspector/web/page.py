"""The page's files, from a fixed table: a requested name is only a key, never a path."""

from __future__ import annotations

from importlib.resources.abc import Traversable

from fastapi import HTTPException
from fastapi.responses import Response

KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Page:
    """The HTML, style sheets and scripts in a folder of the package."""

    def __init__(self, folder: Traversable) -> None:
        files = folder.iterdir() if folder.is_dir() else ()
        self._files = {file.name: file for file in files if file.name.rpartition(".")[2] in KINDS and file.is_file()}

    def response(self, name: str) -> Response:
        """Return a file; it is read on every request, so that edits show on reload.

        Raises:
            HTTPException: 404, there is no file with this name.
        """
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404, "no file has this name; the page is at /")
        return Response(file.read_bytes(), media_type=KINDS[name.rpartition(".")[2]])
