"""Kneser-Ney n-grams against the equations written out with dictionaries."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import unrolled
from unrolled.data import Split
from unrolled.errors import ArgumentError, BackendError, DataError, RunError
from unrolled.tasks.lm.ngram import FALLBACK, NGram, discounts
from unrolled.training import modelfile

WOODCHUCK = "how much wood would a woodchuck chuck if a woodchuck could chuck wood\n" * 3 + "as much as he could\n"


def split_of(documents):
    """Documents of symbols one after the other."""
    starts = np.cumsum([0, *(len(document) for document in documents)])[:-1]
    tokens = np.array([symbol for document in documents for symbol in document], dtype=np.uint8)
    return Split(tokens, starts.astype(np.int64), len(tokens), 0)


class ByHand:
    """Chen and Goodman's equations with one dictionary for each length; strings are tuples of symbols."""

    def __init__(self, documents, V, order):
        self.V, self.order = V, order
        times, before = defaultdict(int), defaultdict(set)
        text = [symbol for document in documents for symbol in document]
        begin = 0  # of the document that the symbol before the current one is in
        starts = set(np.cumsum([0, *map(len, documents)]).tolist())
        for i in range(len(text)):
            begin = i - 1 if i - 1 in starts else begin
            for k in range(1, order + 1):
                at = i - k + 1
                if at < begin:
                    break
                times[tuple(text[at : i + 1])] += 1
                before[tuple(text[at : i + 1])].add(text[at - 1] if at > begin else "beginning")
        self.a = {g: times[g] if len(g) == order else len(before[g]) for g in times}
        self.D = {k: self.discounts([c for g, c in self.a.items() if len(g) == k]) for k in range(1, order + 1)}

    @staticmethod
    def discounts(counts):
        n1, n2, n3, n4 = (counts.count(c) for c in (1, 2, 3, 4))
        if 0 not in (n1, n2, n3, n4):
            Y = n1 / (n1 + 2 * n2)
            found = [1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3]
            if min(found) > 0:
                return found
        return [0.5, 1.0, 1.5]

    def p(self, w, h):
        """P(w | h) for a context of at most order − 1 symbols."""
        lower = self.p(w, h[1:]) if h else 1 / self.V
        after = {v: self.a[(*h, v)] for v in range(self.V) if (*h, v) in self.a}
        if not after:
            return lower
        D, total = self.D[len(h) + 1], sum(after.values())
        gamma = sum(D[min(c, 3) - 1] for c in after.values()) / total
        c = after.get(w, 0)
        return (c - D[min(c, 3) - 1] if c else 0) / total + gamma * lower


def probabilities(model, ids, state=None, resets=None):
    """(T, V) in float64, of one lane."""
    ids = torch.as_tensor(ids)[:, None]
    contexts = model.contexts(ids, state or model.initial_state(1), resets)
    return model.probabilities([some.reshape(-1) for some in contexts], len(ids))


texts = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=30), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(texts, st.integers(1, 6), st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_probabilities_are_the_equations(documents, order, read):
    model, by_hand = NGram.fit(split_of(documents), 5, order), ByHand(documents, 5, order)
    p = probabilities(model, read)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert p.min() > 0
    for t in range(len(read)):
        h = tuple(read[max(0, t - order + 2) : t + 1]) if order > 1 else ()
        assert p[t] == pytest.approx([by_hand.p(w, h) for w in range(5)], abs=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 5, 9])
def test_a_text_with_discounts_of_its_own(order):
    symbols = sorted(set(WOODCHUCK))
    text = [symbols.index(c) for c in WOODCHUCK]
    documents = [text[:90], text[90:]]
    model, by_hand = NGram.fit(split_of(documents), len(symbols), order), ByHand(documents, len(symbols), order)
    for k in range(1, order + 1):
        assert model.discounts[k - 1].tolist() == pytest.approx(by_hand.D[k], abs=1e-12)
    assert order < 3 or any(by_hand.D[k] != list(FALLBACK) for k in by_hand.D)
    p = probabilities(model, text[:120])
    expected = [[by_hand.p(w, tuple(text[max(0, t - order + 2) : t + 1] if order > 1 else ())) for w in range(5)]
                for t in range(120)]  # fmt: skip
    assert p[:, :5] == pytest.approx(np.array(expected), abs=1e-9)


def test_three_symbols_by_hand():
    """aab, order 2: a(aa) = a(ab) = 1; a comes after nothing and after a, b after a. No discounts of its own."""
    p = probabilities(NGram.fit(split_of([[0, 0, 1]]), 3, 2), [0, 1])
    single = [(2 - 1) / 3 + 0.5 / 3, (1 - 0.5) / 3 + 0.5 / 3, 0.5 / 3]  # γ() = (D₁ + D₂) / 3 = ½
    assert p[0] == pytest.approx([0.5 / 2 + 0.5 * single[0], 0.5 / 2 + 0.5 * single[1], 0.5 * single[2]], abs=1e-12)
    assert p[1] == pytest.approx(single, abs=1e-12)  # nothing was seen after b


def test_discounts():
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4] * 1 + [9], dtype=np.int32)
    Y = 10 / 18
    assert discounts(counts) == pytest.approx((Y, 2 - 3 * Y * 2 / 4, 3 - 4 * Y * 1 / 2), abs=1e-15)
    assert discounts(counts[counts != 3]) == FALLBACK
    assert discounts(np.array([1] * 9 + [2] + [3] * 9 + [4], dtype=np.int32)) == FALLBACK  # D₂ would be below 0


def test_a_text_shorter_than_the_order_and_contexts_never_seen():
    short, model = NGram.fit(split_of([[0, 1]]), 3, 7), NGram.fit(split_of([[0, 1, 2, 0, 1, 2, 2, 1, 0]]), 4, 4)
    assert probabilities(short, [0, 1]).sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert probabilities(short, [0])[0].argmax() == 1
    lower = probabilities(model, [1])
    assert (probabilities(model, [3, 1])[1] == lower[0]).all()  # 3 was never read: back to what 1 alone says
    assert not np.allclose(probabilities(model, [0, 1])[1], lower[0])


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_state_and_resets_are_the_last_symbols(order):
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(4, (400,), generator=generator)
    model = NGram.fit(split_of([text.tolist()]), 4, order)
    ids = torch.randint(4, (60, 3), generator=generator)
    resets = torch.rand(60, 3, generator=generator) < 0.1
    whole, after = model(ids, None, resets)
    state, parts = None, []
    for part, cut in zip(ids.split(7), resets.split(7), strict=True):
        logits, state = model(part, state, cut)
        parts.append(logits)
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(state.symbols, after.symbols)
    for lane in range(3):
        begins = [0, *(torch.nonzero(resets[:, lane]).flatten().tolist()), 60]
        pieces = [model(ids[a:b, lane : lane + 1])[0][:, 0] for a, b in itertools.pairwise(begins) if a < b]
        assert torch.equal(torch.cat(pieces), whole[:, lane])


# As a run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "ngram"


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "wood.txt"
    path.write_text(WOODCHUCK * 6)
    return unrolled.train("lm", run=run, data=str(path), kind="ngram", order=4, preview_length=20)


def test_a_run_is_the_model(trained, run):
    text = trained.config.data.read()
    by_hand = ByHand([text.train.tokens.tolist()], len(trained.vocabulary), 4)
    for model in (trained, unrolled.load(run / "model.safetensors")):
        ids = text.test.tokens.tolist()
        nats = [-math.log(by_hand.p(ids[t + 1], tuple(ids[max(0, t - 2) : t + 1]))) for t in range(len(ids) - 1)]
        scores = model.evaluate(text.test)
        assert scores["loss"] == pytest.approx(sum(nats) / len(nats), rel=1e-6)
        assert scores["bits_per_char"] == pytest.approx(sum(nats) / len(nats) / math.log(2), rel=1e-6)
        assert model.evaluate(text.test, window=3, lanes=2)["loss"] == pytest.approx(scores["loss"], rel=1e-6)
    assert (run / "previews" / "step-0000001.txt").read_text() == trained.generate("", 20, temperature=0.8)
    assert not list((run / "checkpoints").iterdir())
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert [("valid" in line, "test" in line) for line in lines] == [(True, False), (False, True)]


def test_it_writes_what_it_has_read(trained):
    written = trained.generate("how much ", 60, temperature=0.2, seed=1)
    assert written.startswith("wood")
    assert {written[i : i + 3] for i in range(58)} <= {WOODCHUCK[i : i + 3] for i in range(len(WOODCHUCK))}
    logp, _ = trained.step("how much woo")
    assert float(logp.exp().sum()) == pytest.approx(1, abs=1e-6)
    assert trained.vocabulary.decode([int(logp.argmax())]) == "d"


@pytest.mark.parametrize("kind", ["byte", "word", "bpe"])
def test_any_vocabulary(tmp_path, trained, kind):
    sizes = {"vocab_size": 280} if kind == "bpe" else {}
    model = unrolled.train(
        "lm", run=tmp_path / "run", data=trained.config.data.data, kind="ngram", vocabulary=kind, **sizes
    )
    assert len(model.vocabulary) == {"byte": 256, "word": 15, "bpe": len(model.vocabulary)}[kind]
    assert 0 < model.evaluate(model.config.data.read().test)["bits_per_char"] < 1


def test_what_cannot_be_done_is_said(trained, run, tmp_path):
    with pytest.raises(BackendError, match="cannot be frozen: there are no kernels for a NGram"):
        trained.freeze()
    with pytest.raises(RunError, match="was fitted at once and cannot be resumed; train a new run"):
        unrolled.resume(run)
    with pytest.raises(DataError, match="the text is too short to count n-grams"):
        unrolled.train("lm", run=tmp_path / "run", data="text:ab", kind="ngram")
    with pytest.raises(DataError, match="the text is too short to count n-grams"):
        unrolled.train("lm", run=tmp_path / "run", data="text:a", kind="ngram")
    with pytest.raises(DataError, match="shorter than one window: 0 tokens to train on"):
        unrolled.train("lm", run=tmp_path / "run", data="text:a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("ngram", "hidden_size", 100),
        ("ngram", "time", "1m"),
        ("ngram", "bptt", 10),
        ("ngram", "context", 3),
        ("feedforward", "cell", "gru"),
        ("feedforward", "num_layers", 1),
        ("feedforward", "tied", True),
        ("feedforward", "order", 3),
        ("recurrent", "order", 3),
        ("recurrent", "direct", True),
    ],
)
def test_options_that_a_kind_ignores_are_refused(kind, option, value):
    with pytest.raises(ArgumentError, match=f"{option} must be omitted with --kind {kind}, which has no such option"):
        unrolled.train("lm", data="text:hello", kind=kind, **{option: value})


# A file from outside


def change(name, value):
    return lambda tensors: tensors.__setitem__(name, value(tensors[name]))


DAMAGE = {
    "missing": (lambda tensors: tensors.pop("keys_2"), "it has no keys_2"),
    "another dtype": (change("keys_2", lambda t: t.int()), "keys_2 is torch.int32 of shape"),
    "another shape": (change("counts_3", lambda t: t[None]), "counts_3 is torch.int32 of shape"),
    "lengths": (change("counts_2", lambda t: t[1:]), "there are 35 keys and 34 counts of length 2"),
    "out of order": (change("keys_3", lambda t: t.flip(0)), "keys_3 does not ascend"),
    "out of range": (change("keys_4", lambda t: t + (1 << 40)), "keys_4 is out of range"),
    "below": (change("keys_1", lambda t: t - 1), "keys_1 is out of range"),
    "no count": (change("counts_1", lambda t: t * 0), "counts_1 is not above 0"),
    "discount": (change("discounts", lambda t: t * torch.nan), "a discount is not above 0"),
    "more": (lambda tensors: tensors.__setitem__("keys_5", tensors["keys_4"]), "it has 10 tensors instead of 9"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGE.values(), ids=DAMAGE)
def test_a_malformed_file_is_refused(trained, run, tmp_path, damage, told):
    file = modelfile.load(run / "model.safetensors")
    damage(file.tensors)
    modelfile.save(tmp_path / "hostile.safetensors", file.tensors, file.task, file.config, file.assets)
    with pytest.raises(RunError, match=f"the n-grams in the model file are damaged: {told}"):
        unrolled.load(tmp_path / "hostile.safetensors")
