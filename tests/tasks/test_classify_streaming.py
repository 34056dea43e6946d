"""A classifier that answers symbol by symbol, against the same texts read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_classifiers import classifier, write_reviews

from unrolled.data.batches import pad
from unrolled.errors import RunError
from unrolled.tasks.classify.trained import TrainedClassifier

TEXTS = ["The soup was stale, but the bread was a delight.", "The plot was far from dull, as was the view we had."]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.jsonl")


def one_way(data: Path, **options: object) -> TrainedClassifier:
    return classifier(data, bidirectional=False, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "max"},
        {"pooling": "mean", "cell": "gru", "initial_state": "learned"},
        {"pooling": "last", "cell": "minlstm", "embeddings": "one-hot", "embedding_size": None},
    ],
    ids=lambda options: options["pooling"],
)
def test_after_each_symbol_it_says_what_it_says_of_a_text_that_ends_there(data: Path, options: dict[str, str]) -> None:
    model = one_way(data, **options)
    ids = np.stack([model.reader.encode(text)[:11] for text in TEXTS]).astype(np.int64)  # (B, T)
    stream = model.streaming(2)
    state = stream.initial_state()
    for t in range(ids.shape[1]):
        said, state = stream.step(torch.from_numpy(ids[:, t]), state)
        with torch.no_grad():
            whole = model.model(*pad(list(ids[:, : t + 1]))).double().softmax(1)
        torch.testing.assert_close(said, whole, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(stream.finish(state), said)


@pytest.mark.parametrize("pooling", ["max", "mean", "last"])
def test_an_empty_text_beside_one_with_symbols(data: Path, pooling: str) -> None:
    model = one_way(data, pooling=pooling)
    stream = model.streaming(2)
    _, after = stream.step(torch.tensor([3, 5]), stream.initial_state())
    both = torch.utils._pytree.tree_map(lambda a, b: torch.stack([a[0], b[1]]), stream.initial_state(), after)
    found = stream.finish(both)
    expected = [model.probabilities([""])[0], stream.finish(after)[1].numpy()]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "it reads a text in both directions; train one with --no-bidirectional"),
        (
            {"bidirectional": False, "pooling": "attention"},
            "its pooling, attention, needs the whole text; train one with --pooling last, mean or max",
        ),
        (
            {"bidirectional": False, "ngrams": 2, "ngram_buckets": 16},
            "it counts n-grams of the whole text; train one with --ngrams 0",
        ),
    ],
)
def test_what_must_see_a_whole_text_first(data: Path, options: dict[str, object], why: str) -> None:
    model = classifier(data, **options)
    with pytest.raises(RunError) as caught:
        model.streaming()
    assert str(caught.value) == f"a model of the task classify cannot answer step by step: {why}"
    assert (model.modules().step, model.modules().states) == (None, ())


def test_modules_for_export(data: Path) -> None:
    model = one_way(data, num_layers=1)
    whole, step, states, names, around = model.modules()
    assert states == ("layer 1 h", "layer 1 c", "pooled", "steps")
    assert names == (("ids", "lengths"), ("logits",))
    assert (around["classes"], around["lowercase"]) == (["negative", "positive"], True)
    assert step is not None
    ids, lengths = pad([model.reader.encode(TEXTS[0])])
    state = step.initial_state(1)  # type: ignore[operator]
    assert len(torch.utils._pytree.tree_leaves(state)) == len(states)
    with torch.no_grad():
        for one in ids:
            said, state = step(one, state)
        torch.testing.assert_close(said, whole(ids, lengths), rtol=1e-5, atol=1e-6)
