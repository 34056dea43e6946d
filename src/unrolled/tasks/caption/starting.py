"""A captioner that starts from another one: its options, its vocabulary and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.language import Language
from ..common.starting import NETWORK, by_rows, extended_language, language_rows
from .config import CaptionConfig

KEPT = (*NETWORK, "vocabulary", "lowercase", "encoder", "size", "maps", "depth", "attention", "attention_size", "gate",
        "image", "encoder_size", "embedding_size", "tied")  # fmt: skip


def kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.kept`."""
    return {name: options[name] for name in KEPT}


def language(source: ModelFile, new: Language, config: CaptionConfig) -> tuple[Language, list[str]]:
    """Return the tokenizer with the tokens of the source and those of ``new``, and notes.

    Raises:
        DataError: they have no token in common.
    """
    found, note = extended_language(_of(source), new, f"the vocabulary of {config.start.from_run}", config)
    return found, [note]


def taken(source: ModelFile, new: Language) -> dict[str, Taken]:
    """See `Task.taken`; ``new`` is the tokenizer of the new model."""
    target = (0, language_rows(_of(source), new))
    return by_rows(source.tensors, {"target.weight": target, "output.weight": target, "output.bias": target})


def _of(source: ModelFile) -> Language:
    return Language.from_json(source.assets.get("language"))
