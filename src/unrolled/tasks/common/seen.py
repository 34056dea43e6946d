"""Whether examples were seen in training: a model file has the hashes of its training examples, up to a number of them.

Of more examples, and for files of earlier versions, the training set is read again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Sequence

from ...errors import UnrolledError
from ..registry import task_class
from .description import REMEDY
from .trained import Trained

MOST = 20_000  # hashes in a model file, some 200 kB
SIZE = 8  # bytes of a hash


def hashes(examples: Sequence[str]) -> str:
    """Return the hashes of examples as text for a model file; an empty string for more than `MOST`."""
    if len(examples) > MOST:
        return ""
    return base64.b64encode(b"".join(sorted(set(map(_hash, examples))))).decode()


def seen_in_training(
    model: Trained,
    data: str | None,
    part: str,
    examples: Iterable[str],
    train: Callable[[], Iterable[str]],
    noun: str,
    *,
    remedy: str = REMEDY,
    key: Callable[[str], str] = str,
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Compare examples with the training set.

    Args:
        model: the trained model.
        data: the file; `None`: a part of the run's own data.
        part: that part; nothing is compared for ``train``.
        examples: the examples to evaluate on.
        train: reads the training set again.
        noun: the plural noun for examples, such as ``texts``.
        remedy: what to do about examples of another part of the run's own data.
        key: maps examples that the model does not distinguish to the same text.

    Returns:
        The number of examples that are training examples too, for JSON, and a note on them. Both are empty if the
        training set is not known.
    """
    is_train = data is None and part == "train"
    known = None if is_train else _stored(model.seen) or _read(model, lambda: map(key, train()))
    if known is None:
        return {}, ()
    # earlier versions stored the hashes of the examples themselves
    found = [_hash(key(example)) in known or _hash(example) in known for example in examples]
    values = {"seen_in_training": sum(found)}
    if not any(found):
        return values, ()
    share = f"{sum(found):,} of {len(found):,} {noun} ({sum(found) / len(found):.0%}) of {data or f'the {part} part'}"
    remedy = f"evaluate on new {noun}" if data is not None else remedy
    return values, (f"{share} are training examples of this run, so the metrics are too good; {remedy}",)


def _stored(text: object) -> set[bytes] | None:
    """Return the hashes in a model file; `None` if there are none, or they are not valid."""
    if not isinstance(text, str) or not text or len(text) > 2 * SIZE * MOST:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return {data[at : at + SIZE] for at in range(0, len(data), SIZE)}


def _read(model: Trained, train: Callable[[], Iterable[str]]) -> set[bytes] | None:
    """Return the hashes of the training set, read again; `None` if it cannot be read or must be downloaded."""
    named = {row.name: row for row in task_class(model.task).named()}
    own = named.get(model.config.data.data)
    if own is not None and own.here != "yes":
        return None
    try:
        return set(map(_hash, train()))
    except UnrolledError:
        return None


def _hash(example: str) -> bytes:
    return hashlib.blake2b(example.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()
