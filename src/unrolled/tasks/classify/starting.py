"""A classifier that starts from another one, or from the layers of a language model (Howard and Ruder 2018).

From a language model come the vocabulary, the embedding and the recurrent layers; the classifier then reads as that
model does: its tokens, in one direction. The other direction, if there is one layer, the pooling and the output layer
are new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data import Vocabulary, WordVocabulary
from ...data.characters import CharVocabulary
from ...data.extended import extended
from ...errors import ArgumentError
from ...training.modelfile import ModelFile
from ...training.start_options import start_of
from ...training.transfer import Taken
from ..common.starting import (
    NETWORK,
    by_rows,
    head_rows,
    one_hot_rows,
    refuse_others,
    source_vocabulary,
    token_rows,
    vocabulary_note,
)
from .config import ClassifyConfig
from .text_input import LEARNED, ONE_HOT, Tokenizer

READER = "lm"  # the other task whose layers a classifier can use
TABLE = "embedding.table.weight"
HEAD = ("head.", "bag_head.")
RATE = 6e-3  # with a language model's layers, of 3e-3, 6e-3 and 12e-3 on SST-2 and TREC; docs/how-to/fine-tuning.md
USUAL = ("lowercase", "min_count", "max_length", "bidirectional", "pooling", "ngrams", "ngram_buckets", "ngram_size")


def kept(source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.kept`; ``source`` is a classifier or a language model."""
    if source.task not in ("classify", READER):
        raise ArgumentError("from_run", "a run of the task classify or lm", f"a run of the task {source.task}")
    refuse_others(options)
    if options["kind"] != "recurrent":
        raise ArgumentError("from_run", "a run of recurrent layers", f"a run of --kind {options['kind']}")
    table = source.tensors.get("embedding.weight" if source.task == READER else TABLE)
    size = {"embeddings": ONE_HOT} if table is None else {"embeddings": LEARNED, "embedding_size": table.size(1)}
    kind = options["vocabulary"]
    if source.task == READER and kind == "word":
        kind = "spaced"
    return {**{name: options[name] for name in NETWORK}, **size, "vocabulary": kind}


def started(source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """See `Task.started`."""
    if source.task != READER:
        return {name: options[name] for name in USUAL if options[name] is not None}
    lower = not _has_capitals(source_vocabulary(source))
    return {"bidirectional": options["num_layers"] == 1, "pooling": "concat", "lowercase": lower, "lr": RATE}


def reader(source: ModelFile, own: Tokenizer, config: ClassifyConfig) -> tuple[Tokenizer, list[str]]:
    """Return the tokenizer with the tokens of the source and those of ``own``, built from the data, and a note."""
    where, old = str(start_of(config).from_run), source_vocabulary(source)
    found = extended(old, own.vocabulary, where)
    return Tokenizer(found, own.lowercase, own.spaced), [vocabulary_note(old, found, config)]


def taken(source: ModelFile, vocabulary: Vocabulary, names: list[str], config: ClassifyConfig) -> dict[str, Taken]:
    """See `Task.taken`; ``vocabulary`` and ``names`` (of the classes) are those of the new model."""
    rows = token_rows(source, vocabulary)
    tensors = source.tensors
    if source.task == READER:
        tensors = {
            name.replace("embedding.weight", TABLE): tensor
            for name, tensor in tensors.items()
            if name.startswith(("embedding.", "stack."))
        }
    without = HEAD if isinstance(vocabulary, WordVocabulary) or (rows >= 0).all() else (*HEAD, "bag.")  # hashed ids
    kept_tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(without)}
    by_token = {TABLE: (0, rows)} if TABLE in tensors else one_hot_rows(tensors, "stack.", rows)
    found = by_rows(kept_tensors, by_token)
    if config.start.head != "new":
        found |= head_rows(source, names, HEAD)
    return found


def _has_capitals(vocabulary: Vocabulary) -> bool:
    """Whether tokens have capital letters; of a byte or byte-pair vocabulary, tokens of several bytes."""
    if isinstance(vocabulary, CharVocabulary):
        return any(c.isupper() for c in vocabulary.symbols)
    if isinstance(vocabulary, WordVocabulary):
        return any(c.isupper() for word in vocabulary.words for c in word)
    spelled = (vocabulary.spell(id) for id in range(len(vocabulary)))
    longer = [token.decode("utf-8", "replace") for token in spelled if len(token) > 1]
    return not longer or any(c.isupper() for token in longer for c in token)
