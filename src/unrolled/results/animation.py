"""A part of a result that moves: frames as an animated GIF."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from . import markup
from .markup import Shown


@dataclass(frozen=True)
class Animation(Shown):
    """An animated GIF.

    Attributes:
        name: the file's name, without suffix.
        draw: renders the GIF file; called once, on first use.
        title: its title.
    """

    name: str
    draw: Callable[[], bytes] = field(repr=False)
    title: str = ""
    kind: ClassVar[str] = "animation"

    @cached_property
    def gif(self) -> bytes:
        """The bytes of the GIF file."""
        return self.draw()

    def plain(self) -> str:
        return f"{self.title or self.name} (animation)"

    def _repr_html_(self) -> str:
        return markup.figure(self.title or self.name, self.gif, "gif")

    def as_json(self) -> dict[str, Any]:
        gif = base64.b64encode(self.gif).decode()
        return {"kind": self.kind, "name": self.name, "title": self.title, "gif": gif}

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.gif": self.gif}
