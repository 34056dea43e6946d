"""How each task would read a file: what `unrolled data FILE` adds to the text itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.columns import Columns
from ..data.labelled import Layout, read_labelled
from ..data.parallel import ParallelLayout, read_pairs
from ..data.rows import form_by_name
from ..errors import UnrolledError
from ..tasks.common.excerpts import excerpts

TAGGED = (".conll", ".conllu", ".iob", ".iob2", ".bio")


@dataclass(frozen=True)
class As:
    """A file as a task would read it; ``how`` says why not if it cannot."""

    task: str
    how: str
    first: Sequence[str] = ()


def read_as(spec: str, task: str | None, told: dict[str, Any], delimiter: str, encoding: str, errors: str) -> list[As]:
    """How the task, or those that the file's name tells, would read a file; ``told`` are further options of the task.

    Raises:
        UnrolledError: the task that is asked for cannot read it.
    """
    path, options = Path(spec).expanduser(), {"delimiter": delimiter, "encoding": encoding, "errors": errors, **told}
    if task is not None:
        return [] if task == "lm" else [_READERS[task](path, options)]
    found = []
    for one in _likely(path):
        try:
            found.append(_READERS[one](path, options))
        except UnrolledError as error:
            found.append(As(one, f"no: {error}"))
    return found


def _likely(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    if path.suffix.lower() in TAGGED:
        return ("tag",)
    return ("classify", "translate") if form_by_name(path, "lines") != "lines" else ()


def _labelled(path: Path, options: dict[str, Any]) -> As:
    examples, notes = read_labelled(path, Layout(**options))
    first = (f"{label} ← {text}" for text, label in zip(examples.texts, examples.labels, strict=True))
    return As("classify", "; ".join([examples.how, *notes]), excerpts(first))


def _pairs(path: Path, options: dict[str, Any]) -> As:
    layout = {name: value for name, value in options.items() if name != "target"}
    target = Path(options["target"]).expanduser() if "target" in options else None
    pairs = read_pairs(path, target, ParallelLayout(**layout))
    return As("translate", pairs.how, excerpts(f"{a} → {b}" for a, b in zip(pairs.source, pairs.target, strict=True)))


def _tagged(path: Path, options: dict[str, Any]) -> As:
    columns = {name: value for name, value in options.items() if name != "delimiter"}  # it is blanks or tabs
    sentences, how = Columns(**columns).open(path)
    first = (" ".join(map("/".join, zip(one.words, one.tags, strict=True))) for one in sentences)
    return As("tag", how, excerpts(first))


_READERS: dict[str, Callable[[Path, dict[str, Any]], As]] = {
    "classify": _labelled,
    "translate": _pairs,
    "tag": _tagged,
}
