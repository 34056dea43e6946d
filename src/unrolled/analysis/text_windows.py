"""A language model reads a text, window by window: what it costs, and what its units do meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import State, Trace
from ..checks import checked
from ..data import Split, Vocabulary, sequential
from ..data.stream import Window
from ..errors import ArgumentError, DataError
from .capture import capture
from .units import Unit, cell_at, stack_of, width_of

# T steps of a window, B lanes, V symbols, H units

Classes = Callable[[str], str] | Sequence[str]
"""the class of a symbol, e.g. ``lambda symbol: "newline" if symbol == "\\n" else "other"``; or a list of the class of
each symbol of the text"""

Progress = Callable[[int], None]
"""told from time to time how much has been done"""

WARMUP = 256  # symbols that a lane reads before those it counts
SNIPPET = 30  # symbols on either side of what is shown


@runtime_checkable
class LanguageModelHandle(Protocol):
    """What `unrolled.load` gives for a language model, as far as it is asked for here."""

    model: nn.Module
    """``ids (T, B), state, resets -> logits (T, B, V), state``"""
    vocabulary: Vocabulary


@checked
def as_split(handle: LanguageModelHandle, text: str | Split) -> Split:
    """The text as symbols of the model.

    Raises:
        ArgumentError: it has characters that the vocabulary lacks.
        DataError: nothing in it can be predicted.
    """
    if isinstance(text, str):
        if outside := handle.vocabulary.outside(text):
            expected = f"in the model's {handle.vocabulary.kind} vocabulary"
            raise ArgumentError("text", expected, "".join(list(outside)[:5]), "leave these characters out")
        ids = handle.vocabulary.encode(text)
        unknown = handle.vocabulary.unknown
        text = Split(ids, np.zeros(1, np.int64), len(text), 0 if unknown is None else int((ids == unknown).sum()))
    if len(text) < 2:
        raise DataError("the text is too short: nothing is predicted in it; give at least two symbols")
    return text


def device_of(model: nn.Module) -> torch.device:
    """Where its weights lie, or its counts."""
    return next(itertools.chain(model.parameters(), model.buffers())).device


def placed(split: Split, window: int, lanes: int) -> Iterator[tuple[Window, npt.NDArray[np.int64]]]:
    """Windows that predict every symbol but the first once, and where each step's input stands: ``(T, B)``."""
    predicted = len(split) - 1
    share = -(-predicted // min(lanes, predicted))
    at = np.maximum(np.arange(0, predicted, share) - WARMUP, 0)  # (B,)
    for part in sequential(split, window, lanes, warmup=WARMUP):
        T = part.inputs.size(0)
        yield part, at + np.arange(T)[:, None]
        at = at + T


@torch.no_grad()
def log_probabilities(model: nn.Module, window: Window, state: State) -> tuple[Tensor, State]:
    """log p of each target of a window, in nats: ``(T, B)`` float64; and the state after."""
    device = device_of(model)
    resets = window.resets.to(device) if window.resets.any() else None
    logits, state = model(window.inputs.to(device), None if window.resets[0].all() else state, resets)
    nats = F.cross_entropy(logits.flatten(0, 1).float(), window.targets.to(device).flatten(), reduction="none")
    return -nats.view(window.targets.shape).double().cpu(), state


@checked
@torch.no_grad()
def states(
    handle: LanguageModelHandle,
    split: Split,
    layer: int = -1,
    *,
    leaf: str = "h",
    window: int = 1024,
    progress: Progress | None = None,
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """One layer's units as the text is read: (position of the first, values ``(T, H)``), window after window.

    ``values[t]`` are those after symbol ``position + t`` has been read; the last symbol is read too. A layer below 0 is
    counted from the last. The model is watched only while it reads, so it may be used between two windows. ``progress``
    is told how many symbols have been read.

    Raises:
        ArgumentError: no such layer or leaf, or the layers have two directions.
    """
    stack = stack_of(handle.model)
    one_way(handle)
    cell = cell_at(stack, layer + stack.num_layers if layer < 0 else layer)
    width_of(cell, leaf)
    wanted = next(name for name, module in handle.model.named_modules() if module is cell)
    pieces: list[Tensor] = []

    def sink(name: str, begin: int, trace: Trace) -> None:
        if name == wanted:
            if leaf not in trace:
                raise ArgumentError("leaf", f"one that {type(cell).__name__} traces", leaf)
            pieces.append(trace[leaf][:, 0])

    state: State = None
    for begin in range(0, len(split), window):
        with capture(handle.model, sink, chunk=window):
            _, state = read(handle, split, begin, min(begin + window, len(split)), state)
        values = torch.cat(pieces).float().cpu().numpy()
        pieces.clear()
        yield begin, values
        if progress is not None:
            progress(begin + len(values))


@checked
def means(
    handle: LanguageModelHandle, text: str | Split, layer: int = -1, *, leaf: str = "h", window: int = 1024
) -> dict[Unit, float]:
    """Each unit's mean over a text: the values with which `clamp` takes out only what the units say about the text."""
    layers = stack_of(handle.model).num_layers
    total: npt.NDArray[np.float64] = np.zeros(())
    split = as_split(handle, text)
    for _, values in states(handle, split, layer, leaf=leaf, window=window):
        total = total + values.sum(0, dtype=np.float64)
    return {(layer % layers, 0, unit): float(mean) for unit, mean in enumerate(total / len(split))}


@torch.no_grad()
def read(handle: LanguageModelHandle, split: Split, begin: int, end: int, state: State) -> tuple[Tensor, State]:
    """Logits ``(T, 1, V)`` after each of the symbols from ``begin`` up to ``end``, and the state after."""
    device = device_of(handle.model)
    ids = torch.from_numpy(split.tokens[begin:end].astype(np.int64))[:, None].to(device)  # (T, 1)
    low, high = np.searchsorted(split.starts, [begin, end])
    resets = torch.zeros(end - begin, 1, dtype=torch.bool)
    resets[torch.from_numpy(split.starts[low:high] - begin)] = True
    return handle.model(ids, state, resets.to(device) if low < high else None)


def expected_after(
    handle: LanguageModelHandle, split: Split, positions: Sequence[int], most: int = 3, window: int = 1024
) -> list[list[tuple[str, float]]]:
    """The likeliest symbols after each of these positions, and their probabilities, the likeliest first."""
    found: dict[int, list[tuple[str, float]]] = {}
    state: State = None
    for begin in range(0, max(positions, default=-1) + 1, window):
        end = min(begin + window, len(split))
        logits, state = read(handle, split, begin, end, state)
        for at in {at for at in positions if begin <= at < end}:
            p, ids = logits[at - begin, 0].double().softmax(-1).topk(min(most, logits.size(-1)))
            named = (handle.vocabulary.decode([id]) for id in ids.tolist())
            found[at] = list(zip(named, p.tolist(), strict=True))
    return [found[at] for at in positions]


def one_way(handle: LanguageModelHandle) -> None:
    """Raise `ArgumentError` if the model's layers read in two directions: windows would have to know what follows."""
    if stack_of(handle.model).num_directions > 1:
        raise ArgumentError("model", "of one direction, as language models are", "layers of two directions")


def check_alike(a: LanguageModelHandle, b: LanguageModelHandle) -> None:
    """Raise `ArgumentError` unless two models have the same vocabulary."""
    if a.vocabulary.to_json() != b.vocabulary.to_json():
        sizes = f"{len(a.vocabulary)} and {len(b.vocabulary)} {b.vocabulary.kind} symbols"
        raise ArgumentError("a, b", "models with the same vocabulary", sizes, "train both on the same data")


def class_table(vocabulary: Vocabulary, classes: Callable[[str], str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of the classes, in the order in which symbols have them, and each symbol's number ``(V,)``."""
    names: dict[str, int] = {}
    table = [names.setdefault(classes(vocabulary.decode([id])), len(names)) for id in range(len(vocabulary))]
    return list(names), np.array(table, dtype=np.int64)


def classed(handle: LanguageModelHandle, split: Split, classes: Classes) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of the classes, and the number of the class of each symbol of a text ``(N,)``.

    Raises:
        ArgumentError: the classes are listed, and not one for each symbol.
    """
    if callable(classes):
        names, table = class_table(handle.vocabulary, classes)
        return names, table[split.tokens]
    if len(classes) != len(split):
        raise ArgumentError("classes", f"one for each of {len(split)} symbols", len(classes))
    numbers: dict[str, int] = {}
    every = np.array([numbers.setdefault(name, len(numbers)) for name in classes], dtype=np.int64)
    return list(numbers), every


def kind_of_symbol(symbol: str) -> str:
    """A class for every symbol: newline, space, letter, capital, digit, punctuation, word (several characters)."""
    if "\n" in symbol:
        return "newline"
    if symbol.isspace():
        return "space"
    bare = symbol.strip()
    if len(bare) > 1:
        return "word"
    if bare.isalpha():
        return "capital" if bare.isupper() else "letter"
    return "digit" if bare.isdigit() else "punctuation"


def snippet(
    handle: LanguageModelHandle, split: Split, begin: int, end: int, around: int = SNIPPET
) -> tuple[str, str, str]:
    """The text before, of, and after the symbols from ``begin`` up to ``end``."""
    parts = (slice(max(0, begin - around), begin), slice(begin, end), slice(end, end + around))
    before, inside, after = (handle.vocabulary.decode(split.tokens[part].tolist()) for part in parts)
    return before, inside, after
