"""--clamp of unrolled sample and unrolled evaluate: units held while a model writes or is measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import unrolled as package
from unrolled.analysis import clamp

HELD = ["--clamp", "layer 1 c[5]=2", "--clamp", "layer 1 h[3]=-0.5"]


def test_sampling(unrolled, trained: Path) -> None:
    words = ["sample", trained, "--prompt", "the ", "--length", "60", "--seed", "1"]
    model = package.load(trained)
    plain = model.generate("the ", 60, seed=1)
    with clamp(model.model, {(0, 0, 5): 2.0}, leaf="c"), clamp(model.model, {(0, 0, 3): -0.5}):
        expected = model.generate("the ", 60, seed=1)
    assert expected != plain
    assert unrolled(*words, *HELD).out.rstrip("\n") == ("the " + expected).rstrip("\n")
    assert unrolled(*words).out.rstrip("\n") == ("the " + plain).rstrip("\n")


def test_writing_in_turn(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["the cat", ":quit"])
    monkeypatch.setattr("builtins.input", lambda prompt="": next(lines))
    out = unrolled("sample", trained, "--interactive", "--length", "40", "--greedy", *HELD).out
    model = package.load(trained)
    with clamp(model.model, {(0, 0, 5): 2.0}, leaf="c"), clamp(model.model, {(0, 0, 3): -0.5}):
        expected = model.generate("the cat", 40, greedy=True)
    assert expected != model.generate("the cat", 40, greedy=True)
    assert ("the cat" + expected).rstrip("\n") in out


def test_evaluating(unrolled, trained: Path) -> None:
    told = json.loads(unrolled("evaluate", trained, "--json", *HELD).out)
    model = package.load(trained)
    test = model.config.data.read().test
    with clamp(model.model, {(0, 0, 5): 2.0}, leaf="c"), clamp(model.model, {(0, 0, 3): -0.5}):
        assert told["loss"] == pytest.approx(model.evaluate(test)["loss"], rel=1e-9)
    assert told["loss"] > model.evaluate(test)["loss"] + 1e-6
    assert told["clamp"] == HELD[1::2]
    assert "clamp" not in json.loads(unrolled("evaluate", trained, "--json").out)
    rows = [line.split() for line in unrolled("evaluate", trained, *HELD).out.splitlines()]
    assert ["held", "layer", "1", "c[5]=2"] in rows
    both = unrolled("evaluate", trained, trained / "model.safetensors", *HELD).out
    assert both.count(f"{told['loss']:.4f}") == 2
    assert "layer 1 h[3]=-0.5" in both


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
@pytest.mark.parametrize(
    ("clamps", "expected"),
    [
        (["layer 2 c[5]=2"], "--clamp must be a unit of layer 1; the model has no other, got 'layer 2 c[5]'"),
        (["layer 1 f[5]=2"], "--clamp must be a unit of h or c, the state of the model's LSTMCell"),
        (["layer 1 c[16]=2"], "--clamp must be from c[0] to c[15] in layer 1"),
        (["layer 1 c[5]"], "--clamp must be UNIT=NUMBER"),
        (["layer 1 c[5]=1", "layer 1 c[5]=2"], "--clamp must be given once for each unit"),
    ],
)
def test_bad_clamps(unrolled, trained: Path, verb: str, clamps: list[str], expected: str) -> None:
    said = unrolled(verb, trained, *(word for one in clamps for word in ("--clamp", one)))
    assert said.status == 2
    assert expected in said.err
    assert said.out == ""


def test_what_cannot_be_held(unrolled, trained: Path, text_file: Path) -> None:
    said = unrolled("sample", trained, *HELD, "--precision", "int8")
    assert "--precision must be float32 with --clamp, got 'int8'" in said.err
    assert unrolled("train", "lm", "--kind", "ngram", "--data", text_file, "--run", "runs/counts").status == 0
    for words in (["evaluate", trained, "runs/counts"], ["sample", "runs/counts"]):
        said = unrolled(*words, *HELD)
        assert said.status == 2
        assert "--clamp must be omitted for a model without recurrent layers, got 'NGram'" in said.err
