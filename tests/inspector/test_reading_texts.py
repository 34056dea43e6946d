"""Every kind of model reads a text with each step at its place, and gives the states it would give by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_cells import untrained
from readable_models import LINES, TEXT, classifier, language_model, tagger, translator

from unrolled.analysis import capture
from unrolled.analysis.passes import CHOOSING, NOWHERE, REPORTING
from unrolled.data import CharVocabulary
from unrolled.errors import DataError, RunError
from unrolled.inspector import Unit, built_in, label, own, read, search
from unrolled.inspector.shown import values_of
from unrolled.inspector.unit_search import measure
from unrolled.tasks.lm.trained import TrainedLanguageModel


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_a_language_model_reads_every_symbol_once(kind):
    model = language_model(kind)
    reading = read(model, TEXT)
    ids = model.vocabulary.encode(TEXT)
    assert reading.steps == len(ids)
    places = np.concatenate([one.positions[one.part != NOWHERE] for one in reading.passes()])
    assert len(places) == len(ids)
    spelled = {p: model.vocabulary.decode([int(one.symbols[t, b])]) for one in reading.passes()
               for (t, b), p in np.ndenumerate(one.positions) if one.part[t, b] != NOWHERE}  # fmt: skip
    assert all(TEXT[: place + 1].endswith(symbol) for place, symbol in spelled.items())
    for part in (CHOOSING, REPORTING):
        share = sum((one.part == part).sum() for one in reading.passes()) / len(ids)
        assert share == pytest.approx(0.5, abs=0.02)


def test_states_are_those_of_reading_from_the_beginning():
    model = untrained(3, TEXT, num_layers=2)
    reading = read(model, TEXT)
    shown = values_of(reading, [Unit("layers.1.0", "h", 4), Unit("layers.0.0", "i", 2)], len(TEXT))
    traces = {}
    with torch.no_grad(), capture(model.model.stack, lambda name, _, trace: traces.setdefault(name, trace), chunk=9999):
        logits, _ = model.model(torch.from_numpy(model.vocabulary.encode(TEXT).astype(np.int64))[:, None])
    for values, (name, gate, unit) in zip(shown.values, [("layers.1.0", "h", 4), ("layers.0.0", "i", 2)], strict=True):
        np.testing.assert_allclose(values, traces[name][gate][:, 0, unit], atol=2e-3)  # lanes warm up
    best = logits[:, 0].softmax(1).topk(5)
    np.testing.assert_allclose(shown.shares, best.values, atol=2e-3)
    assert (shown.guesses[:, 0] == best.indices[:, 0].numpy()).mean() > 0.98


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (classifier("word"), ["Anna", "saw", "the", "cat", "."]),
        (classifier("char"), list("Anna saw")),
        (tagger(), ["Anna", "saw", "the", "cat", "."]),
        (translator("word"), ["Anna", " saw", " the", " cat", "."]),
        (translator("char"), list("Anna saw")),
        (translator("word", backwards=True), ["Anna", " saw", " the", " cat", "."]),
        (translator("bpe"), None),
    ],
)
def test_other_models_read_lines(model, words):
    reading = read(model, LINES)
    places = sorted(int(p) for one in reading.passes() for p in one.positions[one.part != NOWHERE])
    assert len(places) == reading.steps
    assert len(set(places)) == len(places)
    assert places[-1] == len(LINES) - 2  # the full stop before the last line's end
    if words is not None:
        begins = [0, *(place + 1 for place in places)]
        assert [LINES[a : b + 1].strip(" ") for a, b in zip(begins, places, strict=False)][: len(words)] == [
            word.strip(" ") for word in words
        ]
    labels = label(LINES, [one for one in built_in() if one.name in ("capital", "position in the line")])
    scores = measure(reading, labels)
    stack = reading.stack(model.model)
    ways = (False, True)[: stack.num_directions]
    assert {unit.place for unit in scores.units} == {(layer, way) for layer in (1, 2) for way in ways}
    assert len(scores.units) == sum(6 * cell.hidden_size for cell in stack.cells)
    assert scores.score.min() < scores.score.max() <= 1


def test_a_planted_word_is_found_in_a_classifier():
    """A unit of a layer that reads backwards, which is high from the word ``cat`` on to the left."""
    torch.manual_seed(0)
    model = classifier("word")
    cell = model.model.stack.get_submodule("layers.0.1")
    H, cat = cell.hidden_size, model.reader.vocabulary.look_up(["cat"])[0]
    with torch.no_grad():
        for gate, bias in enumerate((30.0, 30.0, 0.0, 30.0)):
            for weight in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh):
                weight[gate * H + 1] = 0.0
            cell.bias_ih[gate * H + 1] = bias
        direction = model.model.embedding.table.weight[cat] / model.model.embedding.table.weight[cat].norm()
        model.model.embedding.table.weight -= (
            0.999 * (model.model.embedding.table.weight @ direction)[:, None] * direction
        )
        model.model.embedding.table.weight[cat] = direction
        cell.weight_ih[2 * H + 1] = 30 * direction
    draw = np.random.default_rng(0)
    words = np.array("Anna saw the cat see ( ) !".split())
    text = "\n".join(
        " ".join(words[draw.choice(8, 7, p=[0.18, 0.18, 0.18, 0.04, 0.12, 0.1, 0.1, 0.1])]) for _ in range(400)
    )
    [one] = search(read(model, text), label(text, [own("up to a cat=^.*cat")])).findings
    assert one.best[0].unit.name in ("layer 1 ← c[1]", "layer 1 ← h[1]")
    assert one.found
    assert one.score > 0.99


def test_what_cannot_be_read():
    vocabulary = CharVocabulary("ab")
    from unrolled.tasks.lm.feedforward import FeedForward

    with pytest.raises(RunError, match="FeedForward has no recurrent layers"):
        read(TrainedLanguageModel(FeedForward(2, 3, 4, 5, 0.0, False), vocabulary), "ab")
    with pytest.raises(DataError, match="not in the char vocabulary"):
        read(untrained(0, "ab"), "abc")
    with pytest.raises(DataError, match="the text has no words"):
        read(tagger(), " \n\n")
