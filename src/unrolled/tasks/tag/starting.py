"""A tagger that starts from another one: its words, characters, tags and tensors.

A language model's layers do not fit: they read tokens in one direction, and a tagger's read words together with their
characters, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...data.extended import index_of
from ...errors import ArgumentError, DataError
from ...training.modelfile import ModelFile
from ...training.transfer import Taken
from ..common.starting import NETWORK, by_rows, extended_names
from .config import TagConfig
from .words import UNKNOWN_LETTER, Lexicon, TagSet

HEAD = ("head.", "crf.")
USUAL = ("min_count", "bidirectional", "crf")
NAMES = ("lowercase", "embedding_size", "characters")
OF_CHARACTERS = ("character_size", "letter_size")


def kept(source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.kept`."""
    if source.task != "tag":
        why = f"a run of the task {source.task}, whose layers do not read words together with their characters"
        raise ArgumentError("from_run", "a run of the task tag", why)
    names = [*NETWORK, *NAMES, *(OF_CHARACTERS if options["characters"] != "none" else ())]
    return {name: options[name] for name in names}


def started(options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.started`."""
    return {name: options[name] for name in USUAL}


def lexicon(source: ModelFile, new: Lexicon, where: object) -> tuple[Lexicon, list[str]]:
    """Return the lexicon of the source with the words and characters of ``new``, and a note.

    Raises:
        DataError: they have no word in common.
    """
    old = Lexicon.from_json(source.assets.get("lexicon"))
    if new.words and set(old.words).isdisjoint(new.words):
        raise DataError(f"the data and {where} have no word in common; give text in the language of that model")
    words, letters = (list(dict.fromkeys([*a, *b])) for a, b in ((old.words, new.words), (old.letters, new.letters)))
    found = Lexicon(words, letters, old.lowercase)
    added = len(found.words) - len(old.words)
    return found, [f"vocabulary of {where}: {len(old.words):,} words" + (f", {added:,} new" if added else "")]


def tags(source: ModelFile, new: TagSet, config: TagConfig) -> TagSet:
    """Return the tags of the model in the order of its scores.

    Raises:
        ArgumentError: they are not those of the source, and the head is neither to be new nor to be extended.
    """
    if config.start.head == "new":
        return new
    old = TagSet.from_json(source.assets.get("tags"))
    if old.scheme != new.scheme:
        got = f"{config.start.head}: the model's tags are {old.scheme}, the data's {new.scheme}"
        raise ArgumentError("head", "new if the tagging schemes differ", got)
    return TagSet(extended_names(old.tags, new.tags, config.start), new.scheme)


def taken(source: ModelFile, words: Lexicon, names: TagSet, config: TagConfig) -> dict[str, Taken]:
    """See `Task.taken`; ``words`` and ``names`` (of the tags) are those of the new model."""
    old = Lexicon.from_json(source.assets.get("lexicon"))
    by_token = {
        "embedding.weight": (0, _rows(old.words, words.words, 1)),
        "characters.embedding.weight": (0, _rows(old.letters, words.letters, UNKNOWN_LETTER + 1)),
    }
    tensors = source.tensors
    found = by_rows({name: tensor for name, tensor in tensors.items() if not name.startswith(HEAD)}, by_token)
    if config.start.head != "new":
        places = torch.from_numpy(index_of(TagSet.from_json(source.assets.get("tags")).tags, names.tags))
        for name, tensor in tensors.items():
            if name.startswith(HEAD):
                dims = (0, 1) if name == "crf.follow" else (0,)
                found[name] = Taken(tensor, dict.fromkeys(dims, places), fresh=True)
    return found


def _rows(old: list[str], new: list[str], special: int) -> Tensor:
    """Return the old id of each new id, or -1; the first ``special`` ids are the same."""
    ids = torch.from_numpy(index_of(old, new))
    return torch.cat([torch.arange(special), torch.where(ids < 0, ids, ids + special)])
