"""Training that starts from another model: its vocabulary, its classes, and its tensors by their names here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...data import Vocabulary, vocabulary_from_json
from ...data.extended import extended, index_of, rows
from ...errors import ArgumentError, RunError
from ...training.modelfile import ModelFile
from ...training.start_options import StartClasses, start_of
from ...training.transfer import Taken
from .language import SPECIAL, Language

KINDS = ("ngram", "bag", "cnn", "transformer")  # models whose weights are of no use elsewhere
NETWORK = (
    "cell",
    "hidden_size",
    "proj_size",
    "layer_norm",
    "residual",
    "feedforward_size",
    "dilation",
    "initial_state",
    "peepholes",
    "reset_after",
    "nonlinearity",
    "candidate",
    "filter_width",
)  # fmt: skip
"""The options of `Recurrent` that determine the layers; their number may differ."""


def refuse_others(options: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` if the options of a run are those of a model without recurrent layers."""
    if (kind := options.get("kind")) in KINDS:
        raise ArgumentError(
            "from_run", "a run of a recurrent network", f"one of --kind {kind}, which has no recurrent layers"
        )


def source_vocabulary(source: ModelFile, key: str = "vocabulary") -> Vocabulary:
    """Return the vocabulary of the model that training starts from."""
    return vocabulary_from_json(source.assets.get(key))


def vocabulary_note(old: Vocabulary, new: Vocabulary, config: Any) -> str:
    """Return a note on a vocabulary that extends the one of the model that training starts from."""
    added = len(new) - len(old)
    more = f", {added:,} new" if added else ""
    return f"vocabulary of {start_of(config).from_run}: {len(old):,} tokens{more}"


def class_names(source: ModelFile, new: Sequence[str], start: StartClasses) -> list[str]:
    """Return the classes of a model that starts from ``source``, in the order of its outputs; see `extended_names`."""
    return extended_names(source.assets.get("classes"), new, start)


def extended_names(old: object, new: Sequence[str], start: StartClasses) -> list[str]:
    """Return the classes of a model that starts from one with the classes ``old``, in their order.

    Args:
        old: its classes, from a model file.
        new: the classes of the data.
        start: the options, with the run's name and ``head``: auto, keep or new.

    Raises:
        ArgumentError: the classes differ, and ``head`` is auto.
        RunError: the file does not list the classes.
    """
    head, where = start.head, start.from_run
    if head == "new":
        return list(new)
    if not isinstance(old, list) or not all(isinstance(name, str) for name in old):
        raise RunError(f"{where} does not list its classes; restore it")
    added = [name for name in new if name not in old]
    if head == "auto" and (added or len(old) != len(new)):
        found = f"auto: {_some(old)} in {where}, {_some(new)} in the data"
        remedy = "keep adds new classes to the old ones"
        raise ArgumentError("head", "new if the classes differ", found, remedy)
    return [*old, *added]


def head_rows(source: ModelFile, names: Sequence[str], prefixes: tuple[str, ...]) -> dict[str, Taken]:
    """Return the tensors of the output layer, in the order of the new model's classes; rows of new ones stay as
    initialized.

    Args:
        source: the model that training starts from.
        names: the classes of the new model.
        prefixes: the names of the output layer's tensors begin with one of them.
    """
    places = torch.from_numpy(index_of(source.assets["classes"], names))
    heads = {name: tensor for name, tensor in source.tensors.items() if name.startswith(prefixes)}
    return {name: Taken(tensor, {0: places}, fresh=True) for name, tensor in heads.items()}


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def token_rows(source: ModelFile, new: Vocabulary, key: str = "vocabulary") -> Tensor:
    """Return the id in the vocabulary of the source of each token of ``new``, which extends it, or -1: ``(V,)``."""
    return torch.from_numpy(rows(source_vocabulary(source, key), new))


def extended_language(old: Language, new: Language, what: str, config: Any) -> tuple[Language, str]:
    """Return ``old``, which errors call ``what``, with the tokens of ``new``, and a note.

    Raises:
        DataError: they have no token in common.
    """
    vocabulary = extended(old.vocabulary, new.vocabulary, what)
    return Language(vocabulary, old.lowercase), vocabulary_note(old.vocabulary, vocabulary, config)


def language_rows(old: Language, new: Language) -> Tensor:
    """Return the id in ``old`` of each token of ``new``, which extends it, or -1: ``(V,)``."""
    ids = torch.from_numpy(rows(old.vocabulary, new.vocabulary))
    return torch.cat([torch.arange(SPECIAL), torch.where(ids < 0, ids, ids + SPECIAL)])


def by_rows(tensors: Mapping[str, Tensor], by_token: Mapping[str, tuple[int, Tensor]]) -> dict[str, Taken]:
    """Return tensors, of which some have one row per token: name → (dimension, see `Taken`)."""
    return {name: Taken(tensor, dict([by_token[name]]) if name in by_token else {}) for name, tensor in tensors.items()}


def one_hot_rows(tensors: Mapping[str, Tensor], prefix: str, ids: Tensor) -> dict[str, tuple[int, Tensor]]:
    """Return the rows of the first layer's input weights, with one column for each token (see `by_rows`)."""
    known = int(ids.max()) + 1
    found = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{prefix}layers.0.") and name.endswith("weight_ih"):
            blocks = max(1, tensor.size(1) // known)  # columns for the tokens before x_t, see `qrnn`
            found[name] = (1, torch.cat([torch.where(ids < 0, ids, ids + b * known) for b in range(blocks)]))
    return found
