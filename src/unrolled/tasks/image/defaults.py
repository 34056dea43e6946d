"""The augmentation that the data decide, where the options leave it open.

digits (grey)             shift by a 16th of the side, turn by up to 10 degrees; a mirrored digit is no digit
photographs (in colour)   shift by an eighth of the side, mirror, cover a quarter of the side
generated drawings        shift by a 16th of the side, mirror
"""

from __future__ import annotations

from typing import Any

from ...training.config import update
from .config import ImageConfig


def with_augmentation(config: ImageConfig, kind: str, size: int) -> ImageConfig:
    """Return the config with all numbers of the augmentation decided.

    Args:
        config: the options.
        kind: ``digits``, ``photographs`` or ``drawings``; see `PictureSets`.
        size: pixels of a side.
    """
    photographs = kind == "photographs"
    usual: dict[str, Any] = {
        "shift": max(1, size // (8 if photographs else 16)),
        "flip": kind != "digits",
        "crop": 1.0,
        "rotate": 10.0 if kind == "digits" else 0.0,
        "cutout": size // 4 if photographs else 0,
    }
    return update(config, **{name: v for name, v in usual.items() if getattr(config.augmentation, name) is None})
