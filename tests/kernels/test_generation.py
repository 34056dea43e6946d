"""The frozen models: they write what the plain path writes, in any precision near enough, whoever stops where."""

from contextlib import ExitStack

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from team_size import threads
from torch.utils._pytree import tree_leaves

from unrolled.analysis.clamp import clamp
from unrolled.cells import GRUCell, LSTMCell, RNNCell
from unrolled.data import ByteVocabulary, CharVocabulary
from unrolled.decoding import Sampling, generate, generate_frozen
from unrolled.decoding.frozen import draws
from unrolled.errors import ArgumentError, BackendError, ShapeError
from unrolled.kernels import extension, generation, packing
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import Windows
from unrolled.tasks.lm.model import LanguageModel
from unrolled.tasks.lm.trained import TrainedLanguageModel

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))

CELLS = {
    "rnn": {"cell": "rnn"},
    "relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "gru before": {"cell": "gru", "reset_after": False},
    "lstm": {"cell": "lstm"},
    "peepholes": {"cell": "lstm", "peepholes": True},
    "zoneout": {"cell": "lstm", "zoneout": 0.2, "initial_state": "learned"},
    "gru zoneout": {"cell": "gru", "zoneout": 0.1},
}
HEADS = {
    "last": {"head": "last"},
    "sum": {"head": "sum", "residual": True},
    "concat": {"head": "concat", "residual": True},
    "tied": {"tied": True, "embedding_size": 21},
    "embedding": {"embedding_size": 9},
}
SETS = extension.instruction_sets()


def model(symbols=30, hidden_size=21, num_layers=2, residual=False, weights=0.1, **options):
    """A model whose predictions differ from each other."""
    windows = {name: options.pop(name) for name in ("head", "tied", "embedding_size") if name in options}
    torch.manual_seed(0)
    recurrent = Recurrent(hidden_size=hidden_size, num_layers=num_layers, residual=residual, **options)
    made = LanguageModel(symbols, recurrent, Windows(**windows)).eval()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(weights * torch.randn_like(p))
        made.head.bias.mul_(3)
    return made.requires_grad_(False)


def both(made, sampling, streams, length, frozen=None):
    """What the plain path writes from a prompt, and what the frozen copy does: (length, streams) each."""

    def step(ids, state):
        logits, state = made(torch.from_numpy(ids)[None], state)
        return logits[0].numpy(), state

    prompt = torch.arange(streams)[None] % made.symbols  # each stream reads another
    logits, state = made(prompt, None)
    frozen = frozen or made.freeze()
    plain = list(generate(step, logits[0].numpy(), state, sampling, length))
    fast = list(generate_frozen(frozen, logits[0].numpy(), state, sampling, length))
    return np.array(plain), np.array(fast)


# The same text


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_same_seed_writes_the_same_text(cell, head):
    plain, fast = both(model(**cell, **head), Sampling(temperature=0.9, seed=11), 3, 200)
    assert (plain == fast).all()
    assert len(set(plain.ravel())) > 5


@pytest.mark.parametrize("options", [
    {"temperature": 0.3, "seed": -5}, {"temperature": 2.0, "seed": 1 << 63}, {"top_k": 4}, {"top_p": 0.7},
    {"top_k": 7, "top_p": 0.6, "temperature": 1.5}, {"greedy": True}, {"temperature": 0.0}, {"top_k": 500},
    {"temperature": 1e-320},
])  # fmt: skip
def test_all_ways_of_choosing(options):
    for symbols, streams in ((1, 1), (7, 1), (65, 6), (200, 2)):
        plain, fast = both(model(symbols, cell="gru"), Sampling(**options), streams, 120)
        assert (plain == fast).all()


def test_choosing_alone_against_the_rule_in_numpy():
    """One step from logits full of ties and extremes: what is drawn does not depend on a model's rounding."""
    frozen, cell = model(12, hidden_size=3, cell="rnn").freeze(), RNNCell(1, 3)
    random = np.random.default_rng(0)
    for options in ({"top_k": 3}, {"top_p": 0.5}, {"top_k": 5, "top_p": 0.8}, {"temperature": 0.05}, {"greedy": True}):
        logits = random.integers(-8, 8, (500, 12)).astype(np.float32) / 4
        logits[::7, ::3] = -np.inf
        logits[3::50] *= 1e4
        sampling = Sampling(seed=3, **options)
        state = (cell.initial_state(500),) * 2
        ids, _, _ = frozen.run(torch.from_numpy(logits), state, 1, draws(sampling, 9, 500))
        assert (ids[0].numpy() == sampling.choose(logits, 9, np.arange(500))).all()


@pytest.mark.parametrize("name", SETS)
def test_every_instruction_set_and_any_number_of_threads(name, monkeypatch):
    monkeypatch.setenv("UNROLLED_ISA", name)
    monkeypatch.setattr(generation, "BYTES_PER_THREAD", 1)
    for cell in ("gru before", "peepholes"):
        made = model(150, hidden_size=37, num_layers=3, **CELLS[cell])
        frozen = made.freeze()
        assert frozen.instructions == name
        expected, _ = made(torch.arange(60).view(12, 5), None)
        for number in (1, 2, 3):
            with threads(number):
                found, _ = frozen.read(torch.arange(60).view(12, 5), made.stack.initial_state(5))
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_without_a_table_of_products(monkeypatch):
    monkeypatch.setattr(packing, "TABLE_BYTES", 0)
    for options in ({"tied": True, "embedding_size": 21}, {"embedding_size": 40}):
        made = model(**options)
        frozen = made.freeze()
        assert frozen.embedding is not None
        plain, fast = both(made, Sampling(), 5, 60, frozen)
        assert (plain == fast).all()


# Precisions


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("precision", "near"), [("float32", 2e-6), ("bfloat16", 0.01), ("int8", 0.04)])
def test_logits_are_near(name, precision, near, monkeypatch):
    monkeypatch.setenv("UNROLLED_ISA", name)
    ids = torch.randint(30, (40, 5), generator=torch.Generator().manual_seed(1))
    for cell in CELLS.values():
        for head in (HEADS["last"], HEADS["concat"]):
            made = model(**cell, **head)
            expected, state = made(ids, None)
            begin = made.stack.initial_state(5)
            found, after = made.freeze(precision).read(ids, begin)
            assert (found - expected).abs().max() <= near * expected.abs().max()
            for a, b in zip(tree_leaves(after), tree_leaves(state), strict=True):
                assert (a - b).abs().max() <= 4 * near * max(1, float(b.abs().max()))
            for a, b in zip(tree_leaves(begin), tree_leaves(made.stack.initial_state(5)), strict=True):
                assert torch.equal(a, b)


def test_a_trained_models_loss_changes_little():
    text = ("the cat sat on the mat and the dog ate the bat; " * 30)[:1200]
    vocabulary = CharVocabulary("".join(sorted(set(text))))
    ids = torch.from_numpy(vocabulary.encode(text).astype(np.int64))[:, None]
    made = model(len(vocabulary), hidden_size=48, dropout=0.0).requires_grad_(True).train()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    inputs, targets = (part.view(11, 109).t() for part in (ids[:-1], ids[1:]))
    for _ in range(40):
        logits, _ = made(inputs, None)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    begin = made.stack.initial_state(1)
    losses = {}
    for precision in generation.PRECISIONS:
        logits, _ = made.freeze(precision).read(ids[:-1], begin)
        losses[precision] = float(F.cross_entropy(logits[:, 0], ids[1:, 0]))
    assert losses["float32"] < 0.4
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.01)
    assert losses["int8"] == pytest.approx(losses["float32"], rel=0.03)


def test_smaller_weights_are_fewer_bytes():
    sizes = [model(hidden_size=64).freeze(precision).bytes_per_step for precision in generation.PRECISIONS]
    assert sizes[0] == 2 * sizes[1] == 4 * sizes[2]


# Held units


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("precision", "near"), [("float32", 4e-6), ("bfloat16", 0.01), ("int8", 0.05)])
def test_held_units(name, precision, near, monkeypatch):
    """From a state that is not held, as the equations of `clamp` say; units in the first and the last vector."""
    monkeypatch.setenv("UNROLLED_ISA", name)
    ids = torch.randint(30, (40, 5), generator=torch.Generator().manual_seed(1))
    for cell in CELLS.values():
        made = model(**cell, head="concat", residual=True)
        leaves = "hc" if cell["cell"] == "lstm" else "h"
        with ExitStack() as held:
            for leaf in leaves:
                units = {(0, 0, 3): 0.7, (1, 0, 0): -0.4, (1, 0, 20): 1.2}
                held.enter_context(clamp(made, units, leaf=leaf))
            expected, state = made(ids, None)
            frozen = made.freeze(precision)
        found, after = frozen.read(ids, made.stack.initial_state(5))
        assert (found - expected).abs().max() <= near * expected.abs().max()
        assert (found - made(ids, None)[0]).abs().max() > 0.2 * expected.abs().max()
        for entry, other in zip(after, state, strict=True):
            torch.testing.assert_close(entry.h, other.h, rtol=20 * near, atol=20 * near)
        for leaf in leaves:
            assert torch.equal(getattr(after[0], leaf)[:, 3], torch.full((5,), 0.7))
            assert torch.equal(getattr(after[1], leaf)[:, 20], torch.full((5,), 1.2))


# Streams, chunks and states


def test_streams_are_independent_and_chunks_do_not_matter():
    """Streams with keys, options and beginnings of their own, together and each alone, at once and in pieces."""
    made = model(cell="lstm", hidden_size=32)
    frozen, B = made.freeze(), 7
    random = torch.Generator().manual_seed(2)
    logits, state = made(torch.randint(30, (4, B), generator=random), None)
    keys = generation.Draws(
        seed=torch.randint(1 << 40, (B,), generator=random),
        stream=torch.randint(9, (B,), generator=random),
        position=torch.randint(1000, (B,), generator=random),
        temperature=torch.tensor([0.0, 0.5, 1, 1, 2, 1, 0.7], dtype=torch.float64),
        top_k=torch.tensor([0, 0, 5, 0, 3, 1, 0]),
        top_p=torch.tensor([1, 0.9, 1, 0.5, 0.8, 1, 1], dtype=torch.float64),
    )
    ids, after_logits, after = frozen.run(logits[-1], state, 50, keys)
    for b in range(B):
        part = slice(b, b + 1)
        own = generation.Draws(*(numbers[part] for numbers in keys))
        alone = tuple(type(entry)(*(leaf[part] for leaf in entry)) for entry in state)
        pieces, here = [], logits[-1, part]
        for count in (1, 13, 0, 36):
            some, here, alone = frozen.run(here, alone, count, own)
            own = own._replace(position=own.position + count)
            pieces.append(some)
        assert torch.equal(torch.cat(pieces)[:, 0], ids[:, b])
        torch.testing.assert_close(here[0], after_logits[b], rtol=1e-4, atol=1e-5)
    again = frozen.run(logits[-1], state, 50, keys)
    assert torch.equal(again[0], ids)
    assert all(torch.equal(a, b) for a, b in zip(tree_leaves(again[2]), tree_leaves(after), strict=True))
    empty, _, _ = frozen.run(logits[-1, :0], made.stack.initial_state(0), 5, generation.Draws(*(k[:0] for k in keys)))
    assert empty.shape == (5, 0)


def test_the_copy_does_not_change_with_the_model():
    handle = TrainedLanguageModel(model(), CharVocabulary("".join(map(chr, range(65, 95)))))
    frozen = handle.freeze()
    text = frozen.generate("A", 50)
    with torch.no_grad():
        for p in handle.model.parameters():
            p.add_(1.0)
    assert frozen.generate("A", 50) == text != handle.generate("A", 50)


def test_a_frozen_language_model_writes_the_same(monkeypatch):
    handle = TrainedLanguageModel(model(256, cell="gru"), ByteVocabulary())
    frozen = handle.freeze()
    options = {"temperature": 0.6, "top_p": 0.95, "seed": 4}
    text = handle.generate("ab", 300, **options)
    assert frozen.generate("ab", 300, **options) == text
    assert "".join(frozen.stream("ab", 300, **options)) == text
    assert frozen.generate_many(4, "ab", 80, **options) == handle.generate_many(4, "ab", 80, **options)
    stop = text[150:153]
    assert frozen.generate("ab", 300, stop=stop, **options) == text.split(stop)[0]
    assert frozen.generate("ab", 0) == ""
    assert frozen.freeze("int8").generate("ab", 20, greedy=True)


@pytest.mark.parametrize("heard", [0, 1, 2, 5, 20, 77, 150])
def test_whoever_stops_listening_finds_the_state_where_the_text_ends(heard):
    handle = TrainedLanguageModel(model(), CharVocabulary("".join(map(chr, range(65, 95)))))
    texts = []
    for one in (handle, handle.freeze()):
        session, told = one.session(), ""
        session.read("ABC")
        writing = session.write(Sampling(seed=1), 150)
        for _ in range(heard):
            told += next(writing)
        session.read("XYZ")
        told += "|" + "".join(session.write(Sampling(seed=2), 30, stop="P"))
        told += "|" + "".join(session.write(Sampling(seed=2), 30))
        session.forget()
        texts.append(told + "|" + "".join(session.write(Sampling(seed=2), 30)))
    assert texts[0] == texts[1]


# What does not fit


def test_models_that_cannot_be_frozen(monkeypatch):
    for options, reason in (
        ({"layer_norm": True}, "the kernels have no layer norm"),
        ({"cell": "lstm", "proj_size": 5}, "the kernels have no projection"),
    ):
        handle = TrainedLanguageModel(model(**options), ByteVocabulary())
        assert handle.unfreezable() == reason
        with pytest.raises(BackendError, match=f"the model cannot be frozen: {reason}; use the model without freeze"):
            handle.freeze("int8")
    assert "in float64" in str(model().double().unfreezable())
    assert "on meta" in str(model().to("meta").unfreezable())
    assert "no kernels for a Linear" in str(TrainedLanguageModel(torch.nn.Linear(1, 1), ByteVocabulary()).unfreezable())
    monkeypatch.setattr(extension, "missing", "no compiler")
    with pytest.raises(BackendError, match="no compiler"):
        model().freeze()


def test_wrong_arguments():
    made = model()
    with pytest.raises(ArgumentError, match="precision must be one of float32, bfloat16, int8, got 'int4'"):
        made.freeze("int4")
    frozen, state = made.freeze(), made.stack.initial_state(2)
    keys = draws(Sampling(), 0, 2)
    with pytest.raises(ShapeError, match=r"logits must be \(B, 30\) float32 on the CPU, got \(2, 31\)"):
        frozen.run(torch.zeros(2, 31), state, 1, keys)
    with pytest.raises(ShapeError, match=r"state must have 2 entries, one per layer, got 1"):
        frozen.run(torch.zeros(2, 30), state[:1], 1, keys)
    with pytest.raises(ShapeError, match=r"state\[0\] must have \[\(3, 21\), \(3, 21\)\] float32"):
        frozen.run(torch.zeros(3, 30), state, 1, draws(Sampling(), 0, 3))
    with pytest.raises(ShapeError, match=r"draws.seed must be \(2,\) torch.int64, got \(3,\)"):
        frozen.run(torch.zeros(2, 30), state, 1, draws(Sampling(), 0, 3))
    for ids in (torch.tensor([[0, 30]]), torch.tensor([[-1, 0]])):
        with pytest.raises(ShapeError, match=r"ids must lie in 0\.\.29"):
            frozen.read(ids, state)
    head = (made.head.weight, made.head.bias)
    for cells, embedding in (([GRUCell(30, 4)], None), ([], None), ([LSTMCell(5, 21)], torch.zeros(30, 6))):
        with pytest.raises(ShapeError, match=r"must (be|have|not)"):
            generation.freeze(cells, embedding, *head)
