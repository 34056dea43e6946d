"""Texts, sessions and held units: compiled code writes the same text as one call per token, also after a change."""

import pytest
import torch

from unrolled.analysis import capture, hold
from unrolled.data import ByteVocabulary, CharVocabulary
from unrolled.decoding import Sampling, Session
from unrolled.kernels import extension
from unrolled.kernels.generation import Frozen
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm import generating
from unrolled.tasks.lm.config import Windows
from unrolled.tasks.lm.model import LanguageModel
from unrolled.tasks.lm.trained import TrainedLanguageModel

pytestmark = pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))

SYMBOLS = "\nabcdefghijklmnopqrstuvw"
HELD = {
    "rnn": {"layer 1 h[3]": 0.8, "layer 2 h[0]": -0.5},
    "gru": {"layer 1 h[20]": -1.5, "layer 2 h[1]": 0.0, "layer 2 h[2]": 0.9},
    "gru before": {"layer 2 h[7]": 0.7},
    "lstm": {"layer 1 c[5]": 2.0, "layer 1 h[6]": 0.5, "layer 2 c[20]": -1.0},
    "peepholes": {"layer 1 c[5]": 2.0, "layer 2 h[5]": 0.3, "layer 2 c[5]": 0.1},
}
CELLS = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru"},
    "gru before": {"cell": "gru", "reset_after": False},
    "lstm": {"cell": "lstm"},
    "peepholes": {"cell": "lstm", "peepholes": True, "zoneout": 0.1, "residual": True},
}


def model(vocabulary=None, **options):
    """A model whose predictions differ from each other."""
    vocabulary = vocabulary or CharVocabulary(SYMBOLS)
    torch.manual_seed(0)
    network = LanguageModel(len(vocabulary), Recurrent(hidden_size=21, num_layers=2, **options), Windows(head="concat"))
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return TrainedLanguageModel(network, vocabulary)


@pytest.fixture
def both(monkeypatch):
    """Returns the result of a function with compiled code, which must run, and that of one call per token."""
    calls = []
    run = Frozen.run
    monkeypatch.setattr(Frozen, "run", lambda *arguments: calls.append(1) or run(*arguments))

    def results(work, reference=None):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(generating, "WORTH_A_COPY", 1 << 40)
            expected = (reference or work)()
        assert not calls
        found = work()
        assert calls
        return found, expected

    return results


def conversation(session, change=lambda: None):
    """A text in turns; the caller stops one of them early."""
    session.read("abc")
    text = "".join(session.write(Sampling(seed=1), 60))
    change()
    writing = session.write(Sampling(seed=2), 80)
    text += "|" + "".join(next(writing) for _ in range(33))
    session.read("xyz".translate({120: 97, 121: 98, 122: 99}))
    change()
    return text + "|" + "".join(session.write(Sampling(seed=3), 55, stop="q")) + "|" + "".join(session.write(length=50))


@pytest.mark.parametrize("cell", CELLS)
def test_held_units(cell, both):
    network = model(**CELLS[cell])
    held = network.held(HELD[cell])
    found, expected = both(lambda: held.generate("ab", 100, seed=1))
    assert found == expected != network.generate("ab", 100, seed=1)
    found, expected = both(lambda: held.generate_many(3, "ab", 50, temperature=0.7))
    assert found == expected
    found, expected = both(lambda: conversation(held.session()))
    assert found == expected
    assert held.freeze().generate("ab", 100, seed=1) == held.generate("ab", 100, seed=1)


def test_units_that_are_held_for_a_part_of_a_session(both):
    network = model(cell="lstm")

    def work():
        session = network.session()
        text = "".join(session.write(length=70))
        with hold(network.model, HELD["lstm"]):  # from here on: the state was not held before
            text += "|" + "".join(session.write(length=70))
        return text + "|" + "".join(session.write(length=70))

    found, expected = both(work)
    assert found == expected
    assert len(set(found.split("|"))) == 3


@pytest.mark.parametrize("vocabulary", [CharVocabulary(SYMBOLS), ByteVocabulary()])
def test_sessions(vocabulary, both):
    network = model(vocabulary, cell="gru")
    found, expected = both(lambda: conversation(network.session()))
    assert found == expected
    pieces = list(network.session().write(length=90))
    assert len(pieces) > 60
    assert "".join(pieces) == network.generate("", 90)


def in_place(p):
    with torch.no_grad():
        p += 0.05


def data(p):
    p.data += 0.05


def storage(p):
    p.data = p.detach() * 1.1


def descent(p):
    p.grad = torch.ones_like(p)
    torch.optim.Adam([p], lr=0.1).step()


@pytest.mark.parametrize(
    ("change", "units"), [(in_place, {}), (data, {}), (storage, {}), (descent, {}), (data, HELD["lstm"])]
)
def test_changed_weights_are_never_stale(change, units, both):
    kept = model(cell="lstm")
    start = {name: p.clone() for name, p in kept.model.state_dict().items()}

    def work(change):
        kept.model.load_state_dict(start)

        def changed():
            for p in kept.model.parameters():
                change(p)

        with hold(kept.model, units):
            return conversation(kept.session(), changed), kept.generate("ab", 50)

    # single steps with held units do not see changes of .data
    found, expected = both(lambda: work(change), lambda: work(in_place if change is data else change))
    assert found == expected
    kept.model.load_state_dict(start)
    with hold(kept.model, units):
        assert kept.generate("ab", 50) != found[1]


def test_observed_models_write_token_by_token(monkeypatch):
    network, steps = model(cell="gru", dropout=0.5), []
    text = network.generate("ab", 80)
    with capture(network.model.stack, lambda name, begin, trace: steps.append(name)):
        assert network.generate("ab", 80) == text
    assert len(steps) == 2 * 80  # layers · (the prompt, and all tokens but the last)
    monkeypatch.setattr(Frozen, "run", None)
    handle = network.model.register_forward_hook(lambda module, inputs, output: (output[0].roll(1, -1), output[1]))
    assert network.generate("ab", 80) != text
    handle.remove()
    network.model.train()
    assert network.generate("ab", 80) != network.generate("ab", 80)  # dropout


def test_a_function_that_makes_no_copy():
    network = model(cell="rnn")
    lengths = []

    def none(length):
        lengths.append(length)

    session = Session(network.vocabulary, lambda text, state: (
        network._read(text, 1, state)[0].detach().numpy(), network._read(text, 1, state)[1]
    ), torch.no_grad()(network._step), "\n", none)  # fmt: skip
    assert "".join(session.write(length=20)) == network.generate("", 20)
    assert lengths == [20]
