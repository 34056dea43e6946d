"""A word-level language model on tokenized text in parts: its perplexity is the literature's, its text readable."""

import math

import pytest
import torch

import unrolled
from unrolled.errors import ArgumentError, DataError

TRAIN, VALID, TEST = " the cat sat \n the <unk> sat here \n\n" * 30, " the cat sat here \n" * 8, " the cow sat\n" * 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    (folder / "ptb.train.txt").write_text(TRAIN)
    (folder / "ptb.valid.txt").write_text(VALID)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return unrolled.train(
        "lm", data=folder, vocabulary="tokenized", run=folder / "run", hidden_size=8, num_layers=1, dropout=0.0,
        embedding_size=4, tied=True, word_dropout=0.1, embedding_dropout=0.1, output_dropout=0.2, bptt=5, batch_size=2,
        steps=40, eval_every=40, lr=0.05, warmup=0, preview_length=4,
    )  # fmt: skip


def test_perplexity_counts_every_token_but_the_first(model):
    words = [["<eos>" if w == "\n" else w for w in VALID.replace("\n", " \n ").split(" ") if w]]
    ids = torch.tensor([[model.vocabulary.words.index(word) for word in words[0]]]).T  # (N, 1)
    with torch.no_grad():
        log_probabilities = model.model(ids)[0].log_softmax(-1)[:-1, 0]
    loss = -log_probabilities.gather(1, ids[1:]).mean().item()
    report = model.evaluate(split="valid")
    assert report["loss"] == pytest.approx(loss, rel=1e-5)
    assert report["perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
    assert report["symbols"] == len(ids) == 8 * 5
    assert report["perplexity"] < len(model.vocabulary) / 2  # it has learned


def test_the_text_has_words_and_lines(model):
    text = model.generate(" the", 40, seed=1)
    assert set(text.replace("\n", " ").split()) <= {"the", "cat", "sat", "here", "<unk>"}
    assert "\n" in text
    assert text == model.freeze().generate(" the", 40, seed=1)  # with the projection inside the output weights


def test_a_prompt_of_white_space_is_an_empty_one(model):
    assert model.generate("  ", 6) == model.generate("", 6)
    _, state = model.step(" the")
    with pytest.raises(ArgumentError, match="text must be text with at least one token, got ' '"):
        model.step(" ", state)


def test_the_test_part_is_used_when_it_is_there(model, folder):
    with pytest.raises(DataError, match="test has 0 of at least 2 tokens"):
        model.evaluate()
    (folder / "ptb.test.txt").write_text(TEST)
    report = unrolled.load(folder / "run").evaluate()
    assert report["symbols"] == 9 * 4
    assert report["unknown_tokens"] == 9  # cow
