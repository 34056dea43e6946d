"""Clips as inputs of `unrolled predict`: files, and folders of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...data.clip_files import frame_files
from ...data.clips import is_clip
from .file_inputs import FileInputs


@dataclass(frozen=True, kw_only=True)
class ClipInputs(FileInputs):
    """Clips to predict."""

    input_name: ClassVar[str] = "clip"
    endings: ClassVar[tuple[str, ...]] = ("video",)

    def is_one(self, folder: Path) -> bool:
        """Return whether a folder is a clip: it has frames and no folders."""
        try:
            return bool(frame_files(folder))
        except OSError:
            return False

    def _accepts(self, path: Path) -> bool:
        return path.is_file() and is_clip(path)
