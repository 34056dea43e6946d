"""A translator that starts from another one: its options, its two vocabularies and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.language import Language
from ..common.starting import NETWORK, by_rows, extended_language, language_rows
from .config import TranslateConfig

KEPT = (*NETWORK, "shared", "lowercase", "reverse_source", "attention", "attention_size", "input_feeding", "context",
        "bidirectional", "encoder_size", "embedding_size", "tied")  # fmt: skip


def kept(source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.kept`."""
    return {**{name: options[name] for name in KEPT}, "vocabulary": _of(source, "source").vocabulary.kind}


def languages(
    source: ModelFile, new: tuple[Language, Language], config: TranslateConfig
) -> tuple[tuple[Language, Language], list[str]]:
    """Return the tokenizers with the tokens of the source and those of ``new``, and notes.

    Raises:
        DataError: a side has no token in common with that of the source.
    """
    found, notes = [], []
    for side, language in zip(("source", "target"), new, strict=True):
        what = f"the {side} side of {config.start.from_run}"
        one, note = extended_language(_of(source, side), language, what, config)
        found.append(one)
        notes.append(f"{side}: {note}")
    return (found[0], found[0] if config.units.shared else found[1]), notes


def taken(source: ModelFile, reader: Language, writer: Language) -> dict[str, Taken]:
    """See `Task.taken`; ``reader`` and ``writer`` are the tokenizers of the new model."""
    target = (0, language_rows(_of(source, "target"), writer))
    by_token = {
        "source.weight": (0, language_rows(_of(source, "source"), reader)),
        "target.weight": target,
        "output.weight": target,
        "output.bias": target,
    }
    return by_rows(source.tensors, by_token)


def _of(source: ModelFile, side: str) -> Language:
    return Language.from_json(source.assets.get(side))
