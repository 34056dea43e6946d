"""What a function says it takes is what it gets: every public function, with arguments of every wrong kind."""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest.mock import Mock

import numpy as np
import pytest
import torch

import unrolled
from unrolled.checks import UNCHECKED, Least, Size, check_texts, checked, options_of
from unrolled.data.bitext import Pairs
from unrolled.data.labelled import Examples
from unrolled.decoding import Sampling
from unrolled.errors import ArgumentError, UnrolledError

MODULES = ("unrolled", "analysis", "cells", "data", "decoding", "inspector", "lab", "layers", "nn", "testing")
MORE = {
    "analysis.ablation": "ablation",
    "analysis.compare": "compare",
    "analysis.lookback": "lookback",
    "analysis.matching": "match_units",
    "analysis.saturation": "saturation",
    "analysis.similar": "similar",
    "analysis.unrolled": "unroll",
    "lab.error_surface": "descend",
    "lab.gradients": "flows",
    "lab.shannon": "play",
    "lab.truncation": "compare",
    "lab.unroll": "of_text",
    "data.labelled": "Examples",
    "data.bitext": "Pairs",
    "tasks.classify.trained": "TrainedClassifier",
    "tasks.lm.trained": "TrainedLanguageModel",
    "tasks.memory.trained": "TrainedMemory",
    "tasks.tag.trained": "TrainedTagger",
    "tasks.translate.scores": "score",
    "tasks.translate.trained": "TrainedTranslator",
}
# What runs at every step, or for every symbol; what is only ever given back; what others derive from.
HOT = {"scan", "scan_traced", "forward", "step", "step_traced", "run", "initial_state", "draw_noise", "feed", "spell"}
GIVEN_BACK = {
    "Encoded",
    "Finding",
    "Found",
    "Hypothesis",
    "Labels",
    "NamedDataset",
    "Pass",
    "Inspection",
    "Reading",
    "Report",
    "Result",
    "Scored",
}
GIVEN_BACK |= {
    "CTCStream",
    "Piece",
    "Transcript",
    "Split",
    "TextData",
    "Unit",
    "Weights",
    "Window",
    "check_rate",
    "check_size",
}
BASES = {"BuiltinCell", "Cell", "DropIn", "Vocabulary"}
TYPES_OF_TENSORS = {"CRF", "CharacterReader", "GRUState", "LSTMState", "QRNNState", "RNNState", "LockedDropout"}


def public() -> Iterator[tuple[str, Callable[..., Any], bool]]:
    """Every public function and method: its name, it, and whether its first argument is ``self``."""
    names = [(f"unrolled.{module}" if module != "unrolled" else module, None) for module in MODULES]
    for module, one in [*names, *((f"unrolled.{module}", name) for module, name in MORE.items())]:
        found = importlib.import_module(module)
        for name in [one] if one else found.__all__:
            member = getattr(found, name)
            if name in HOT | GIVEN_BACK:
                continue
            if inspect.isfunction(member):
                yield f"{module}.{name}", member, False
            elif inspect.isclass(member) and name not in BASES:
                for key, method in vars(member).items():
                    own = inspect.isfunction(method) and method.__module__.startswith("unrolled")
                    if own and key == "__init__" and name not in TYPES_OF_TENSORS:
                        yield f"{module}.{name}", method, True
                    elif own and not issubclass(member, torch.nn.Module | tuple) and key not in HOT and key[0] != "_":
                        yield f"{module}.{name}.{key}", method, True


INSIDE = {  # of the decoding, which calls them for every symbol; of the data, for every batch
    "unrolled.decoding.Sampling.choose",
    "unrolled.decoding.Sampling.probabilities",
    "unrolled.decoding.Search.limits",
    "unrolled.data.LaneStream.window",
    "unrolled.data.labelled.Examples.pick",
    "unrolled.data.bitext.Pairs.pick",
    "unrolled.data.bitext.Pairs.line",
}


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations, where all names are known."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:
        return {}


def fits(hint: Any) -> Any:
    """Something of the type."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return fits(parts[0])
    if origin in (typing.Union, types.UnionType):
        return None if type(None) in parts else fits(parts[0])
    if origin is Literal:
        return parts[0]
    simple = {str: "x", bool: False, int: 1, float: 0.5, Path: Path()}
    if hint in simple:
        return simple[hint]
    whole = origin or hint
    if whole is np.ndarray:
        return np.zeros(1)
    if whole is tuple:
        return tuple(fits(part) for part in parts if part is not ...)
    if whole in (list, Sequence, Iterable):
        return []
    if whole in (dict, Mapping):
        return {}
    if whole is collections.abc.Callable:
        return print
    return Mock(spec=whole) if isinstance(whole, type) else None


def wrong_for(hint: Any) -> list[Any]:
    """What is none of the type; nothing if all is."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        least = [said.value - 1 for said in parts[1:] if isinstance(said, Least)]
        return [] if UNCHECKED in parts else [*wrong_for(parts[0]), *least]
    if origin in (typing.Union, types.UnionType):
        several = [part for part in parts if part is not type(None)]
        return wrong_for(several[0]) if len(several) == 1 else [object()] if all(map(wrong_for, several)) else []
    if hint in (Any, object, inspect.Parameter.empty, None) or isinstance(hint, typing.TypeVar):
        return []
    kinds: dict[Any, list[Any]] = {
        str: [5, b"x", ["x"]],
        bool: [1, "yes", 0.0],
        int: ["5", 1.5, True, math.nan, np.zeros(2)],
        float: ["hot", math.nan, math.inf, True, np.zeros(2)],
        Path: [5, b"x"],
    }
    found = [object(), *kinds.get(hint, [])]
    if origin in (Sequence, Iterable, list) and parts[0] is str:
        found += ["good", b"good", 5, [None], ["good", 5]]
        found += [{"good": 1}, {"good"}] if origin is Sequence else []  # which have no order
    return found


def test_every_public_function_names_what_is_wrong() -> None:
    """With one wrong argument at a time, the others being right: always an error of ours, of one line."""
    missed, tried = [], 0
    for name, function, method in public():
        if name in INSIDE:
            continue
        parameters = list(inspect.signature(function).parameters.values())
        hints = hints_of(function)
        plain = [p for p in parameters[method:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        for parameter in plain:
            for value in wrong_for(hints.get(parameter.name, Any)):
                given = {p.name: value if p is parameter else fits(hints.get(p.name, Any)) for p in plain}
                tried += 1
                try:
                    function(*[Mock()] * method, **given)
                except UnrolledError as error:
                    if parameter.name in str(error) and "\n" not in str(error):
                        continue
                    missed.append(f"{name}({parameter.name}={value!r}): {error}")
                except Exception as error:
                    missed.append(f"{name}({parameter.name}={value!r}): {type(error).__name__}: {error}")
                else:
                    missed.append(f"{name}({parameter.name}={value!r}): no error")
    assert not missed, "\n".join(missed)
    assert tried > 500


def test_every_public_function_names_an_unknown_keyword() -> None:
    """Before anything else is said of the arguments, those that are missing included."""
    missed, tried = [], 0
    for name, function, method in public():
        parameters = inspect.signature(function).parameters.values()
        passed_on = any(p.kind is p.VAR_KEYWORD and p.annotation == "Any" for p in parameters)
        if name in INSIDE or passed_on or len(parameters) == method:
            continue
        tried += 1
        try:
            function(*[Mock()] * method, zqx=1)
        except ArgumentError as error:
            if str(error).startswith("'zqx' is not an option"):
                continue
            missed.append(f"{name}: {error}")
        except Exception as error:
            missed.append(f"{name}: {type(error).__name__}: {error}")
    assert not missed, "\n".join(missed)
    assert tried > 120


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda: unrolled.nn.LSTM(2, 3, zoneot=0.1), "zoneout"),
        (lambda: unrolled.nn.GRU(2, 3, num_layer=2), "num_layers"),
        (lambda: unrolled.LSTMCell(2, 3, peephole=True), "peepholes"),
        (lambda: unrolled.LSTMCell(2, 3, zoneot=0.1), "zoneout"),
        (lambda: unrolled.cells.make_cell("gru", 2, 3, reset_aftr=False), "reset_after"),
        (lambda: unrolled.layers.Stack.build("lstm", 2, 3, layer_nrom=True), "layer_norm"),
        (lambda: Sampling(temprature=1), "temperature"),  # type: ignore[call-arg]
        (lambda: unrolled.load("runs/x", cel="a:B"), "cell"),  # type: ignore[call-arg]
        (lambda: unrolled.train("lm", hiden_size=8), "hidden_size"),
    ],
)
def test_a_misspelt_option_is_answered_with_the_nearest(call: Callable[[], Any], near: str) -> None:
    with pytest.raises(ArgumentError, match=rf"'\w+' is not an option; did you mean '{near}'"):
        call()


@checked
def takes(
    texts: Sequence[str] = (),
    count: int = 0,
    rate: float = 0.0,
    on: bool = False,
    name: Literal["a", "b"] = "a",
    where: Path | None = None,
    pair: tuple[float, float] = (0, 0),
    of: Mapping[str, int] = types.MappingProxyType({}),
    some: Iterable[str] = (),
    words: Annotated[float, "a rate"] = 0.0,
    size: Size = 1,
) -> tuple[Any, ...]:
    return texts, count, rate, on, name, where, pair, of, some, words


@pytest.mark.parametrize("given", [("a", "b"), iter("ab"), (c for c in "ab"), np.array(["a", "b"])])
def test_a_list_of_texts_is_whatever_gives_them_in_order(given: Any) -> None:
    assert check_texts("texts", given) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("good film", "texts must be a list of strings, got 'good film'; write ['good film']"),
        (b"good", "texts must be a list of strings, got b'good'"),
        (None, "texts must be a list of strings, got None"),
        (np.array("good"), "texts must be a list of strings, got array('good', dtype='<U4')"),
        (["good", None], "texts[1] must be a string, got None"),
        (iter(["good", "bad", 3]), "texts[2] must be a string, got 3"),
    ],
)
def test_a_single_text_is_not_taken_apart(given: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        takes(given)
    assert str(caught.value) == message


@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), 3])
def test_numbers_of_others_become_pythons(number: Any) -> None:
    found = takes(count=number, rate=number, on=np.bool_(True), pair=[number, np.float32(0.5)])
    assert (found[1], found[2], found[3], found[6]) == (3, 3, True, (3, 0.5))
    assert (type(found[1]), type(found[3]), type(found[6][1])) == (int, bool, float)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": True}, "count must be an integer, got True"),
        ({"count": 2.0}, "count must be an integer, got 2.0"),
        ({"rate": math.nan}, "rate must be a finite number, got nan"),
        ({"rate": np.float32("inf")}, "rate must be a finite number, got inf"),
        ({"rate": "hot"}, "rate must be a number, got 'hot'"),
        ({"words": "hot"}, "words must be a rate, got 'hot'"),
        ({"size": 0}, "size must be an integer of at least 1, got 0"),
        ({"size": "1"}, "size must be an integer of at least 1, got '1'"),
        ({"size": 1 << 63}, "size must be an integer below 2^63, got 9223372036854775808"),
        ({"on": 1}, "on must be True or False, got 1"),
        ({"name": "c"}, "name must be 'a' or 'b', got 'c'"),
        ({"name": ["a"]}, "name must be 'a' or 'b', got ['a']"),
        ({"where": 5}, "where must be a path, got 5"),
        ({"pair": (1,)}, "pair must be 2 values: a number, a number, got (1,)"),
        ({"pair": (1, "2")}, "pair[1] must be a number, got '2'"),
        ({"of": {"a": "b"}}, "of['a'] must be an integer, got 'b'"),
        ({"of": [1]}, "of must be a dictionary, got [1]"),
        ({"some": "good"}, "some must be a list of strings, got 'good'; write ['good']"),
    ],
)
def test_what_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        takes(**given)
    assert str(caught.value) == message


def test_a_stream_is_read_as_it_is_needed() -> None:
    def stream() -> Iterator[Any]:
        yield "a"
        yield 5

    some = takes(some=stream())[8]
    assert next(some) == "a"
    with pytest.raises(ArgumentError, match=r"some\[1\] must be a string, got 5"):
        next(some)


def test_a_list_stays_the_callers_own() -> None:
    texts = ["a", "b"]
    assert takes(texts)[0] is texts
    with pytest.raises(ArgumentError, match="labels must be of the same length as texts, 2, got 1"):
        Examples(texts, ["x"])
    with pytest.raises(ArgumentError, match="target must be of the same length as source, 2, got 0"):
        Pairs(texts, [])


def test_an_unknown_keyword_is_answered_with_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="'nmae' is not an option; did you mean 'name'"):
        takes(nmae=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes from 0 to 11 positional arguments but 12 were given"):
        takes(*range(12))  # type: ignore[arg-type]
    assert str(inspect.signature(takes)).startswith("(texts: 'Sequence[str]' = (), count: 'int' = 0")


def test_options_by_name() -> None:
    assert options_of(Sampling, {"top_k": 3}) == Sampling(top_k=3)
    with pytest.raises(ArgumentError, match="'temprature' is not an option; did you mean 'temperature'"):
        options_of(Sampling, {"temprature": 1})


@pytest.mark.parametrize("value", [np.zeros((3, 4)), torch.nn.Sequential(torch.nn.ReLU()), "x" * 5000, ["\n"] * 2000])
def test_whatever_came_the_message_is_one_short_line(value: Any) -> None:
    said = str(ArgumentError("x", "y", value))
    assert "\n" not in said
    assert len(said) < 300


@pytest.mark.parametrize("run", [5, None, b"x", ["x"]])
def test_the_three_calls_of_the_package(run: Any) -> None:
    for call in (lambda: unrolled.load(run), lambda: unrolled.resume(run), lambda: unrolled.train("lm", run=run or 5)):
        with pytest.raises(ArgumentError, match="run must be a path"):
            call()
    with pytest.raises(ArgumentError, match="hidden_size must be an integer, got 'big'"):
        unrolled.train("lm", hidden_size="big")
    with pytest.raises(ArgumentError, match="task must be a string"):
        unrolled.train(run)
