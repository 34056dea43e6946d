"""Words for the gap of a text, against complete enumeration."""

from __future__ import annotations

import itertools
import json
import math
import re

import pytest
import torch

import unrolled.cli
from unrolled.data import build_vocabulary
from unrolled.errors import ArgumentError
from unrolled.results import Input
from unrolled.tasks.lm import gap_scores as scoring
from unrolled.tasks.lm.baseline import Baseline
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import Recurrent, new_model
from unrolled.tasks.lm.prediction import Predict
from unrolled.tasks.lm.trained import TrainedLanguageModel

TEXT = "ab ba aab b. abba a b, bab aa.\nba ab (ab)\nb aab (aab)\nab (b)\naab a (ba).\n"


@pytest.fixture(scope="module")
def ngram(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gap")
    (folder / "text.txt").write_text(TEXT * 20)
    return unrolled.train("lm", run=folder / "run", data=str(folder / "text.txt"), kind="ngram", order=3), folder


def small(vocabulary: str, kind: str = "recurrent", **options) -> TrainedLanguageModel:
    """An untrained model with large weights, so that words differ clearly."""
    torch.manual_seed(1)
    vocab = build_vocabulary(vocabulary, [TEXT], **options)
    config = LanguageModelConfig(baseline=Baseline(kind=kind), model=Recurrent(hidden_size=8))
    network = new_model(len(vocab), config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    return TrainedLanguageModel(network, vocab)


def log_p(model: TrainedLanguageModel, before: str, after: str) -> float:
    """log p(after | before), token by token."""
    ids = model.vocabulary.encode(before + after).tolist()
    given = len(model.vocabulary.encode(before))
    with torch.no_grad():
        logits, _ = model.model(torch.tensor(ids)[:, None])
    each = logits[:, 0].double().log_softmax(1)
    return sum(float(each[at - 1, ids[at]]) for at in range(given, len(ids)))


def end(model: TrainedLanguageModel, text: str) -> float:
    """log p(no letter follows)."""
    return model.step(text)[0][[model.vocabulary.symbols.index(c) for c in "\n (),."]].logsumexp(0).item()


@pytest.mark.parametrize("kind", ["recurrent", "feedforward", "transformer", "ngram"])
def test_words_of_characters_are_those_of_complete_enumeration(kind, ngram):
    model = ngram[0] if kind == "ngram" else small("char", kind)
    words = ["".join(letters) for length in range(1, 7) for letters in itertools.product("ab", repeat=length)]
    closed = {word: log_p(model, "ab ", word) + end(model, f"ab {word}") for word in words}
    best = sorted(words, key=closed.get, reverse=True)[:10]
    found = model.fill("ab ___", candidates=10)
    rows = found.more["words"]
    assert [row["word"] for row in rows] == best
    assert [row["left"] + row["right"] for row in rows] == pytest.approx([closed[word] for word in best], abs=1e-5)
    assert rows[0]["left"] == pytest.approx(log_p(model, "ab ", best[0]), abs=1e-5)
    assert found.more["covered"] == pytest.approx(sum(math.exp(closed[word]) for word in best), abs=1e-5)
    total = sum(math.exp(closed[word]) for word in best)
    assert [row["probability"] for row in rows] == pytest.approx([math.exp(closed[w]) / total for w in best], abs=1e-5)


@pytest.mark.parametrize("vocabulary", ["char", "byte", "word", "bpe"])
@pytest.mark.parametrize("text", ["ab ba ___ aab b.", "ab (___), ba", "___ ab.\nba", "ab\n___ ba ", "ab ba ___"])
def test_text_on_both_sides_counts(vocabulary, text):
    model = small(vocabulary, **({"vocab_size": 270} if vocabulary == "bpe" else {}))
    left, right = text.split("___")
    opening = "" if left else "\n"
    words = ["ab", "aab", "b", "ba"]
    rows = {row["word"]: row for row in model.fill(text, words=words).more["words"]}
    if right:
        wholes = [log_p(model, opening + left.rstrip(" "), " " * left.endswith(" ") + word + right) for word in words]
    else:
        wholes = [rows[word]["left"] + rows[word]["right"] for word in words]
    if vocabulary in ("char", "byte") and left.endswith(" ") and right:
        space = log_p(model, left.rstrip(" "), " ")
        wholes = [whole - space for whole in wholes]
    assert [rows[w]["left"] + rows[w]["right"] for w in words] == pytest.approx(wholes, abs=1e-4)
    probabilities = torch.tensor(wholes, dtype=torch.float64).softmax(0).tolist()
    assert [rows[word]["probability"] for word in words] == pytest.approx(probabilities, abs=1e-5)


def test_every_word_of_a_word_vocabulary_is_a_candidate():
    model = small("word")
    spaced = [word[1:] for word in model.vocabulary.words if re.fullmatch(r" \w+", word)]
    found = model.fill("ab ba ___ aab b.", top_k=100)
    wholes = torch.tensor([log_p(model, "ab ba", f" {word} aab b.") for word in spaced], dtype=torch.float64)
    assert found.probabilities == pytest.approx(dict(zip(spaced, wholes.softmax(0).tolist(), strict=True)), abs=1e-6)
    assert found.answer == spaced[int(wholes.argmax())]


def test_a_gap_inside_a_word(monkeypatch):
    model = small("char")
    found = model.fill("ab a___b ab", candidates=30)
    assert found.more["covered"] is None
    row = found.more["words"][0]
    assert row["left"] + row["right"] == pytest.approx(log_p(model, "ab a", row["word"] + "b ab"), abs=1e-5)
    monkeypatch.setattr(scoring, "LOGITS", 12)  # a lane and a step at a time
    assert model.fill("ab a___b ab", candidates=30).probabilities == pytest.approx(found.probabilities, abs=1e-6)


def test_words_end_with_a_whole_character():
    model = small("byte")
    assert all("\ufffd" not in word and word.strip() for word in model.fill("ab ___", candidates=500).probabilities)


def test_prediction_has_the_text_the_word_and_a_table():
    model = small("word")
    [found, blank] = model.fill_many(["ab ____ b.", " "])
    assert found.text == "ab ____ b."
    assert "".join(piece.text for piece in found.pieces) == found.text
    assert found.lines == (f"ab [{found.answer}] b.",)
    assert found.parts[0].header == ("word", "probability", "left (nats)", "right (nats)")
    assert list(found.cells) == ["word", "left", "right", "probability", "word_2", "probability_2"]
    assert blank.answer == ""
    assert not blank.parts
    [again] = model.predictions([[Input("ab ?? b.")]], Predict(gap="??"))
    assert again.probabilities == found.probabilities


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("ab ba", {}, r"text must be a text with one gap \(___\), got 'ab ba'; write ___ for the missing word"),
        ("ab ___ ba ___ b", {}, "keep one of them"),
        ("___", {}, "words before or after the gap"),
        ("  ___ \n", {}, "words before or after the gap"),
        ("ab é ___", {}, "remove 'é'"),
        ("ab ___", {"gap": " "}, "gap must be"),
        ("ab ___", {"top_k": 0}, "top_k must be"),
        ("ab ___", {"words": ("ab",), "candidates": 3}, "candidates must be omitted"),
        ("ab ___", {"words": ("é",)}, "words must be words in the model's char vocabulary"),
        ("ab ___", {"words": (" ",)}, "words must be words of at least one letter"),
    ],
)
def test_bad_input_is_refused(text, options, message):
    with pytest.raises(ArgumentError, match=message):
        small("char").fill(text, **options)


def test_models_of_words_fill_whole_words_that_they_know():
    model = small("word")
    for text in ("ab b___ ab", "ab ___b ab"):
        with pytest.raises(ArgumentError, match="a gap for a whole word"):
            model.fill(text)
    with pytest.raises(ArgumentError, match="words must be words in the model's word vocabulary"):
        model.fill("ab ___ b", words=("zzz",))


def test_command_line(ngram, capsys):
    run = str(ngram[1] / "run")
    assert unrolled.cli.main(["predict", run, "ab ___ b.", "--top-k", "2", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    expected = ngram[0].fill("ab ___ b.", top_k=2)
    assert values["answer"] == expected.answer
    assert values["words"] == expected.more["words"]
    assert len(values["words"]) == 2
    assert values["candidates"] > 2
    assert unrolled.cli.main(["predict", run, "ab ba"]) == 2
    assert "write ___ for the missing word" in capsys.readouterr().err
    (ngram[1] / "lines.txt").write_text("ab ___ b.\n\n___ ba\n")
    out = ngram[1] / "words.csv"
    assert unrolled.cli.main(["predict", run, "--file", str(ngram[1] / "lines.txt"), "--out", str(out)]) == 0
    rows = out.read_text().splitlines()
    assert rows[0] == "text,word,left,right,probability,word_2,probability_2"
    assert rows[2] == ",,,,,,"
    assert rows[1].startswith(f"ab ___ b.,{expected.answer},")
    assert len(rows) == 4
