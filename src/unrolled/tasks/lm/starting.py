"""A language model that starts from another one: its options, its vocabulary and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...data import Vocabulary
from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.starting import NETWORK, by_rows, one_hot_rows, refuse_others, token_rows

KEPT = (*NETWORK, "kind", "vocabulary", "context", "direct", "head", "tied")


def kept(source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.kept`; of a feedforward network only the options that it uses."""
    refuse_others(options)
    if options["kind"] == "feedforward":
        names = ("kind", "vocabulary", "context", "direct", "hidden_size")
        return {**{name: options[name] for name in names}, "embedding_size": source.tensors["C.weight"].size(1)}
    table = source.tensors.get("embedding.weight")
    return {**{name: options[name] for name in KEPT}, "embedding_size": 0 if table is None else table.size(1)}


def taken(source: ModelFile, vocabulary: Vocabulary) -> dict[str, Taken]:
    """See `Task.taken`; ``vocabulary`` is that of the new model."""
    rows = token_rows(source, vocabulary)
    by_token = {
        "embedding.weight": (0, rows),
        "head.weight": (0, rows),
        "head.bias": (0, rows),
        "U.weight": (0, rows),
        "U.bias": (0, rows),
        "W.weight": (0, rows),
    }
    if "C.weight" in source.tensors:  # its last row stands for the positions before the text
        by_token["C.weight"] = (0, torch.cat([rows, torch.tensor([len(source.tensors["C.weight"]) - 1])]))
    elif "embedding.weight" not in source.tensors:
        by_token |= one_hot_rows(source.tensors, "stack.", rows)
    return by_rows(source.tensors, by_token)
