"""Window-by-window reading of a text by a language model: log-probabilities and unit values."""

from __future__ import annotations

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
from ..training.process import device_of
from .capture import capture
from .units import Unit, cell_at, stack_of, width_of

# T steps of a window, B lanes, V vocabulary size, H units

Classes = Callable[[str], str] | Sequence[str]
"""A function from a token to its class, e.g. ``lambda token: "newline" if token == "\\n" else "other"``; or a list of
the class of each token of the text."""

Progress = Callable[[int], None]
"""Called with the amount of work done so far."""

WARMUP = 256  # tokens that a lane reads before its segment
SNIPPET = 30  # tokens of context on either side


@runtime_checkable
class LanguageModelHandle(Protocol):
    """The part of the interface of a trained language model that this package uses."""

    model: nn.Module
    """``ids (T, B), state, resets -> logits (T, B, V), state``"""
    vocabulary: Vocabulary


@checked
def as_split(handle: LanguageModelHandle, text: str | Split) -> Split:
    """Encode a text with the vocabulary of the model.

    Raises:
        ArgumentError: the text has characters outside the vocabulary.
        DataError: the text has fewer than two tokens.
    """
    if isinstance(text, str):
        if outside := handle.vocabulary.outside(text):
            expected = f"in the model's {handle.vocabulary.kind} vocabulary"
            raise ArgumentError("text", expected, "".join(list(outside)[:5]), "remove these characters")
        ids = handle.vocabulary.encode(text)
        unknown = handle.vocabulary.unknown
        text = Split(ids, np.zeros(1, np.int64), len(text), 0 if unknown is None else int((ids == unknown).sum()))
    if len(text) < 2:
        raise DataError("the text is too short to predict anything; provide at least two tokens")
    return text


def windows_with_positions(split: Split, window: int, lanes: int) -> Iterator[tuple[Window, npt.NDArray[np.int64]]]:
    """Yield windows that predict every token but the first once, and the position of each input, ``(T, B)``."""
    predicted = len(split) - 1
    share = -(-predicted // min(lanes, predicted))
    at = np.maximum(np.arange(0, predicted, share) - WARMUP, 0)  # (B,)
    for part in sequential(split, window, lanes, warmup=WARMUP):
        T = part.inputs.size(0)
        yield part, at + np.arange(T)[:, None]
        at = at + T


@torch.no_grad()
def log_probabilities(model: nn.Module, window: Window, state: State) -> tuple[Tensor, State]:
    """Return log p of each target of a window in nats, ``(T, B)`` float64, and the final state."""
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
    """Yield the units of one layer window by window, as (position of the first token, values ``(T, H)``).

    ``values[t]`` is the state after token ``position + t``, up to the last token. A layer below 0 is counted from the
    last. The model may be used between two windows. ``progress`` is called with the number of tokens read so far.

    Raises:
        ArgumentError: the layer or leaf does not exist, or the layers are bidirectional.
    """
    stack = stack_of(handle.model)
    check_unidirectional(handle)
    cell = cell_at(stack, layer + stack.num_layers if layer < 0 else layer)
    width_of(cell, leaf)
    recurrence = next(name for name, module in handle.model.named_modules() if module is cell)
    pieces: list[Tensor] = []

    def sink(name: str, begin: int, trace: Trace) -> None:
        if name == recurrence:
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
    """Return the mean of each unit over a text, as values for `clamp` that remove only the information of the units."""
    layers = stack_of(handle.model).num_layers
    total: npt.NDArray[np.float64] = np.zeros(())
    split = as_split(handle, text)
    for _, values in states(handle, split, layer, leaf=leaf, window=window):
        total = total + values.sum(0, dtype=np.float64)
    return {(layer % layers, 0, unit): float(mean) for unit, mean in enumerate(total / len(split))}


@torch.no_grad()
def read(handle: LanguageModelHandle, split: Split, begin: int, end: int, state: State) -> tuple[Tensor, State]:
    """Return logits ``(T, 1, V)`` after each token from ``begin`` up to ``end``, and the final state."""
    device = device_of(handle.model)
    ids = torch.from_numpy(split.tokens[begin:end].astype(np.int64))[:, None].to(device)  # (T, 1)
    low, high = np.searchsorted(split.starts, [begin, end])
    resets = torch.zeros(end - begin, 1, dtype=torch.bool)
    resets[torch.from_numpy(split.starts[low:high] - begin)] = True
    return handle.model(ids, state, resets.to(device) if low < high else None)


def expected_after(
    handle: LanguageModelHandle, split: Split, positions: Sequence[int], most: int = 3, window: int = 1024
) -> list[list[tuple[str, float]]]:
    """Return the most probable next tokens at each position with their probabilities, most probable first."""
    expected: dict[int, list[tuple[str, float]]] = {}
    state: State = None
    for begin in range(0, max(positions, default=-1) + 1, window):
        end = min(begin + window, len(split))
        logits, state = read(handle, split, begin, end, state)
        for at in {at for at in positions if begin <= at < end}:
            p, ids = logits[at - begin, 0].double().softmax(-1).topk(min(most, logits.size(-1)))
            tokens = (handle.vocabulary.decode([id]) for id in ids.tolist())
            expected[at] = list(zip(tokens, p.tolist(), strict=True))
    return [expected[at] for at in positions]


def check_unidirectional(handle: LanguageModelHandle) -> None:
    """Raise `ArgumentError` if the layers are bidirectional, because windows would depend on the following text."""
    if stack_of(handle.model).num_directions > 1:
        raise ArgumentError("model", "unidirectional, as language models are", "bidirectional layers")


def check_same_vocabulary(a: LanguageModelHandle, b: LanguageModelHandle) -> None:
    """Raise `ArgumentError` unless both models have the same vocabulary."""
    if a.vocabulary.to_json() != b.vocabulary.to_json():
        sizes = f"{len(a.vocabulary)} and {len(b.vocabulary)} {b.vocabulary.kind} tokens"
        raise ArgumentError("a, b", "models with the same vocabulary", sizes, "train both on the same data")


def class_table(vocabulary: Vocabulary, classes: Callable[[str], str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the names of the classes, in the order of the vocabulary, and the class number of each token ``(V,)``."""
    names: dict[str, int] = {}
    table = [names.setdefault(classes(vocabulary.decode([id])), len(names)) for id in range(len(vocabulary))]
    return list(names), np.array(table, dtype=np.int64)


def class_numbers(
    handle: LanguageModelHandle, split: Split, classes: Classes
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the names of the classes, and the class number of each token of a text ``(N,)``.

    Raises:
        ArgumentError: the length of a list of classes differs from that of the text.
    """
    if callable(classes):
        names, table = class_table(handle.vocabulary, classes)
        return names, table[split.tokens]
    if len(classes) != len(split):
        raise ArgumentError("classes", f"one for each of {len(split)} tokens", len(classes))
    numbers: dict[str, int] = {}
    text_classes = np.array([numbers.setdefault(name, len(numbers)) for name in classes], dtype=np.int64)
    return list(numbers), text_classes


def token_kind(token: str) -> str:
    """Return the class of a token: newline, space, letter, capital, digit, punctuation, word (several characters)."""
    if "\n" in token:
        return "newline"
    if token.isspace():
        return "space"
    bare = token.strip()
    if len(bare) > 1:
        return "word"
    if bare.isalpha():
        return "capital" if bare.isupper() else "letter"
    return "digit" if bare.isdigit() else "punctuation"


def snippet(
    handle: LanguageModelHandle, split: Split, begin: int, end: int, around: int = SNIPPET
) -> tuple[str, str, str]:
    """Return the text before, of and after the tokens from ``begin`` up to ``end``."""
    parts = (slice(max(0, begin - around), begin), slice(begin, end), slice(end, end + around))
    before, inside, after = (handle.vocabulary.decode(split.tokens[part].tolist()) for part in parts)
    return before, inside, after
