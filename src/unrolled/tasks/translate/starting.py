"""A translator that starts from another one: its options, its two vocabularies and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...data.extended import extended, rows
from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.language import SPECIAL, Language
from ..common.starting import NETWORK, by_rows, vocabulary_note
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
        old = _of(source, side)
        vocabulary = extended(old.vocabulary, language.vocabulary, f"the {side} side of {config.start.from_run}")
        notes.append(f"{side}: {vocabulary_note(old.vocabulary, vocabulary, config)}")
        found.append(Language(vocabulary, old.lowercase))
    return (found[0], found[0] if config.units.shared else found[1]), notes


def taken(source: ModelFile, reader: Language, writer: Language) -> dict[str, Taken]:
    """See `Task.taken`; ``reader`` and ``writer`` are the tokenizers of the new model."""
    target = (0, _rows(source, "target", writer))
    by_token = {
        "source.weight": (0, _rows(source, "source", reader)),
        "target.weight": target,
        "output.weight": target,
        "output.bias": target,
    }
    return by_rows(source.tensors, by_token)


def _of(source: ModelFile, side: str) -> Language:
    return Language.from_json(source.assets.get(side))


def _rows(source: ModelFile, side: str, new: Language) -> Tensor:
    ids = torch.from_numpy(rows(_of(source, side).vocabulary, new.vocabulary))
    return torch.cat([torch.arange(SPECIAL), torch.where(ids < 0, ids, ids + SPECIAL)])
