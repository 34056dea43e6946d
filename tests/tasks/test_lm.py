"""The language model: what it learns, what it is worth, and what it writes, against arithmetic done another way."""

import dataclasses
import math
import os
import sys
import textwrap

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import unrolled
from unrolled.data import ByteVocabulary, Split, encode_text, fresh, open_corpus, sequential, vocabulary_from_json
from unrolled.data.storage import head
from unrolled.decoding import Sampling
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.layers import LockedDropout
from unrolled.tasks import task_class
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig, Windows
from unrolled.tasks.lm.metrics import score
from unrolled.tasks.lm.model import LanguageModel
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.tasks.lm.trained import TrainedLanguageModel
from unrolled.training import lock, modelfile
from unrolled.training.config import update

CELLS = {
    "rnn": {"cell": "rnn"},
    "relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "gru before": {"cell": "gru", "reset_after": False},
    "lstm": {"cell": "lstm"},
    "peepholes": {"cell": "lstm", "peepholes": True},
    "projected": {"cell": "lstm", "proj_size": 3},
    "normed": {"cell": "lstm", "layer_norm": True},
    "zoneout": {"cell": "gru", "zoneout": 0.2, "initial_state": "learned"},
}
HELLO = {
    "data": "text:hello", "fractions": (1.0, 0.0, 0.0), "hidden_size": 16, "num_layers": 1, "dropout": 0.0, "bptt": 4,
    "batch_size": 1, "steps": 150, "eval_every": 150, "lr": 0.03, "weight_decay": 0.0, "warmup": 0, "prompt": "h",
    "preview_length": 4, "schedule": "constant", "average": "none", "random_reset": 0.0,
}  # fmt: skip
TEXT = "It was the best of times, it was the worst of times.\nÉté, naïve: 10 € — 😀!\n" * 12


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "hello"


@pytest.fixture(scope="module")
def hello(run):
    return unrolled.train("lm", run=run, **HELLO)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "times.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def small(data, **options):
    defaults = {"hidden_size": 8, "bptt": 5, "batch_size": 3, "steps": 4, "eval_every": 4, "preview_length": 5}
    return update(LanguageModelConfig(), **{**defaults, "data": str(data), **options})


def untrained(config) -> TrainedLanguageModel:
    """A model with larger weights than it would begin with, so that its predictions differ."""
    torch.manual_seed(0)
    task = LanguageModelling(config)
    task.prepare()
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return TrainedLanguageModel(model, task.text.vocabulary, config)


# Learning


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_hello(hello, tmp_path, cell):
    model = hello if cell == "lstm" else unrolled.train("lm", run=tmp_path / "run", cell=cell, **HELLO)
    assert model.vocabulary.to_json()["symbols"] == "ehlo"
    state, read, predicted = None, "", ""
    for letter in "hell":
        logp, state = model.step(letter, state)
        read, predicted = read + letter, predicted + "ehlo"[int(logp.argmax())]
    assert (read, predicted) == ("hell", "ello")
    assert model.evaluate("text:hello")["loss"] < 0.01
    assert "h" + model.generate("h", 4, greedy=True) == "hello"


def test_the_run_on_disk_is_the_model(hello, run):
    for place in (run, run / "model.safetensors"):
        again = unrolled.load(place)
        for name, tensor in hello.model.state_dict().items():
            assert torch.equal(tensor, again.model.state_dict()[name])
    assert (run / "previews" / "step-0000150.txt").read_text().startswith("hell")
    (run / "model.safetensors").rename(run / "away")
    with pytest.raises(
        RunError, match="has no model yet: training stopped before its first evaluation; run: unrolled resume"
    ):
        unrolled.load(run)
    with (
        lock.held(run),
        pytest.raises(RunError, match=f"has no model yet: it is being trained by process {os.getpid()}"),
    ):
        unrolled.load(run)
    (run / "away").rename(run / "model.safetensors")


# Carried state


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("options", CELLS.values(), ids=CELLS)
def test_any_window_gives_the_same_loss(text, options):
    model = untrained(small(text, num_layers=2, dropout=0.3, **options))
    split = encode_text(open_corpus(str(text)), model.vocabulary)
    split = head(split, 301, model.vocabulary)
    losses = [model.evaluate(split, window=window)["loss"] for window in (1, 7, 50, 300)]
    with torch.no_grad():  # and by hand, all at once
        ids = torch.from_numpy(np.asarray(split.tokens).astype(np.int64))
        logits, _ = model.model(ids[:-1, None])
    losses.append(float(F.cross_entropy(logits[:, 0].double(), ids[1:])))
    assert losses == pytest.approx([losses[0]] * 5, abs=1e-6)
    assert losses[0] > 1.5


@pytest.mark.parametrize("options", CELLS.values(), ids=CELLS)
def test_a_reset_at_a_boundary_is_evaluating_the_documents_apart(text, options):
    model = untrained(small(text, num_layers=2, **options))
    a, b = (model.vocabulary.encode(part) for part in (TEXT[:60], TEXT[100:145]))
    both = Split(np.concatenate([a, b]), np.array([0, len(a)]), 105, 0)
    total = 0.0
    with torch.no_grad():
        for ids in (a, b):
            logits, _ = model.model(torch.from_numpy(ids.astype(np.int64))[:, None])
            total += float(
                F.cross_entropy(logits[:-1, 0].double(), torch.from_numpy(ids[1:].astype(np.int64)), reduction="sum")
            )
            if ids is a:  # the first of b is predicted from the end of a
                total += float(F.cross_entropy(logits[-1].double(), torch.tensor([int(b[0])])))
    for window in (9, 200):
        assert model.evaluate(both, window=window)["loss"] == pytest.approx(total / 104, abs=1e-6)
    without = dataclasses.replace(both, starts=np.array([0]))
    assert abs(model.evaluate(without)["loss"] - total / 104) > 1e-4


def test_lanes_with_a_warm_up_come_close(hello, text):
    model = untrained(small(text))
    exact = model.evaluate(str(text))["loss"]
    split = encode_text(open_corpus(str(text)), model.vocabulary)
    near = score(model.model, split, model.vocabulary, sequential(split, 64, 4, warmup=64))["loss"]
    cold = score(model.model, split, model.vocabulary, sequential(split, 64, 4, warmup=0))["loss"]
    apart = model.evaluate(str(text), fresh_windows=16)["loss"]
    assert abs(near - exact) < 1e-4
    assert abs(near - exact) < abs(cold - exact) < abs(apart - exact)
    assert apart == pytest.approx(score(model.model, split, model.vocabulary, fresh(split, 16, 5))["loss"], abs=1e-6)


# Figures


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_bits_per_character_are_taken_over_the_same_characters(text, kind):
    model = untrained(small(text, vocabulary=kind, vocab_size=280, batch_size=1))
    scores = model.evaluate(str(text))
    ids = torch.from_numpy(model.vocabulary.encode(TEXT).astype(np.int64))
    with torch.no_grad():
        logits, _ = model.model(ids[:-1, None])
    nats = float(F.cross_entropy(logits[:, 0].double(), ids[1:], reduction="sum"))
    characters = len(TEXT) - len(model.vocabulary.decode(ids[:1].tolist()))
    assert characters == len(TEXT) - {"char": 1, "byte": 1, "word": 2, "bpe": 2}[kind] or kind == "bpe"
    assert scores["bits_per_char"] == pytest.approx(nats / (math.log(2) * characters), rel=1e-6)
    assert scores["loss"] == pytest.approx(nats / (len(ids) - 1), rel=1e-6)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]), rel=1e-12)


def test_a_uniform_model_costs_the_logarithm_of_its_symbols(text):
    model = untrained(small(text, vocabulary="byte"))
    for p in model.model.parameters():
        torch.nn.init.zeros_(p)
    scores = model.evaluate(str(text))
    assert scores["loss"] == pytest.approx(math.log(256), rel=1e-6)
    assert scores["bits_per_char"] == pytest.approx(8 * (len(TEXT.encode()) - 1) / (len(TEXT) - 1), rel=1e-6)


def test_unknown_symbols_have_no_bits_per_character(text, tmp_path):
    model = untrained(small(text, vocabulary="word", min_count=2))
    other = tmp_path / "other.txt"
    other.write_text("It was the zebra of times")
    scores = model.evaluate(str(other))
    assert "bits_per_char" not in scores
    assert scores["unknown_tokens"] == 1
    other.write_text("It was the worst of times")
    assert "bits_per_char" in model.evaluate(str(other))


def test_the_beginning_of_a_split():
    split = Split(np.frombuffer("é1é2".encode(), np.uint8), np.array([0, 3]), 4, 0)
    part = head(split, 3, ByteVocabulary())
    assert (part.tokens.tolist(), part.starts.tolist(), part.characters) == ([0xC3, 0xA9, 0x31], [0], 2)


# The model


def pieces(**options):
    recurrent = {k: options.pop(k) for k in list(options) if k in Recurrent.__dataclass_fields__}
    return Recurrent(**{"hidden_size": 4, "dropout": 0.0, **recurrent}), Windows(**options)


@pytest.mark.parametrize("reads", ["last", "sum", "concat"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_the_head_reads(reads, layers):
    torch.manual_seed(0)
    model = LanguageModel(6, *pieces(head=reads, num_layers=layers))
    ids = torch.randint(6, (5, 2))
    every, _ = model.stack.run(F.one_hot(ids, 6).float())
    y = {"last": every[-1], "sum": sum(every), "concat": torch.cat(every, -1)}[reads]
    assert model.head.in_features == y.size(-1)
    torch.testing.assert_close(model(ids)[0], y @ model.head.weight.T + model.head.bias)


def test_an_embedding_of_the_identity_is_one_hot():
    torch.manual_seed(0)
    plain, embedded = LanguageModel(6, *pieces()), LanguageModel(6, *pieces(embedding_size=6))
    assert plain.embedding is None
    embedded.load_state_dict({**plain.state_dict(), "embedding.weight": torch.eye(6)})
    ids = torch.randint(6, (5, 2))
    assert torch.equal(plain(ids)[0], embedded(ids)[0])
    assert LanguageModel(513, *pieces()).embedding.weight.shape == (513, 4)


def test_tied_weights_are_one():
    model = LanguageModel(6, *pieces(tied=True))
    assert [name for name, p in model.named_parameters() if p.shape == (6, 4)] == ["embedding.weight"]
    ids = torch.randint(6, (5, 2))
    before = model(ids)[0]
    with torch.no_grad():
        model.embedding.weight[5] += 1.0  # symbol 5 as an output
    hidden, _ = model.stack(model.embedding(ids))
    torch.testing.assert_close(model(ids)[0], hidden @ model.embedding.weight.T + model.head.bias)
    assert not torch.equal(before, model(ids)[0])


def test_dropout_is_locked_or_not_and_off_in_evaluation():
    ids = torch.zeros(40, 3, dtype=torch.long)
    for locked in (True, False):
        torch.manual_seed(0)
        model = LanguageModel(6, *pieces(dropout=0.5, locked_dropout=locked, num_layers=1))
        assert isinstance(model.drop, LockedDropout) == locked
        seen = []
        model.drop.register_forward_hook(lambda module, before, after, seen=seen: seen.append(after == 0))
        model(ids)
        assert bool((seen[0] == seen[0][:1]).all()) == locked
        assert 0 < float(seen[0].float().mean()) < 1
        assert torch.equal(model.eval()(ids)[0], model(ids)[0])


# Writing


@pytest.fixture(scope="module")
def writer(text):
    return untrained(small(text))


def test_the_same_seed_writes_the_same_text(writer):
    assert writer.generate("It ", 60, seed=4) == writer.generate("It ", 60, seed=4)
    assert writer.generate("It ", 60, seed=4) != writer.generate("It ", 60, seed=5)
    assert len(writer.generate("It ", 60)) == 60
    assert "".join(writer.stream("It ", 60, seed=4)) == writer.generate("It ", 60, seed=4)
    assert writer.generate("It ", 0) == ""


def test_streams_are_independent_of_how_many_there_are(writer):
    four = writer.generate_many(4, "It ", 40, seed=1)
    assert four[0] == writer.generate("It ", 40, seed=1)
    assert writer.generate_many(2, "It ", 40, seed=1) == four[:2]
    assert len(set(four)) == 4


def test_step_says_what_generate_does(writer):
    options = {"temperature": 0.7, "top_k": 5, "seed": 3}
    written, state, text = "", None, "It was"
    sampling = unrolled.decoding.Sampling(**options)
    for position in range(30):
        logp, state = writer.step(text, state)
        assert float(logp.exp().sum()) == pytest.approx(1, abs=1e-12)
        text = writer.vocabulary.decode(sampling.choose(logp[None].numpy(), position, np.zeros(1, np.int64)))
        written += text
    assert written == writer.generate("It was", 30, **options)
    torch.testing.assert_close(writer.step("It was")[0], writer.step("was", writer.step("It ")[1])[0])
    with pytest.raises(ArgumentError, match="text must be at least one character"):
        writer.step("")


def test_a_stop_string_ends_a_sample(writer):
    whole = writer.generate_many(3, "It ", 80, seed=2)
    stop = whole[0][20:22]
    assert writer.generate_many(3, "It ", 80, stop=stop, seed=2) == [sample.split(stop)[0] for sample in whole]


def test_a_prompt_outside_the_vocabulary(writer):
    with pytest.raises(ArgumentError) as caught:
        writer.generate("It ж was", 5)
    assert str(caught.value) == (
        f"prompt must be text in the model's char vocabulary ({len(writer.vocabulary)} tokens), got 'It ж was'; "
        "remove 'ж' (U+0436)"
    )
    with pytest.raises(DataError, match="not in the char vocabulary: 'ж'"):
        writer.evaluate("text:жук")


def test_numbers_that_cannot_be(hello):
    for call, message in {
        lambda: hello.generate("h", -1): "length must be an integer of at least 0, got -1",
        lambda: hello.generate(5): "prompt must be a string, got 5",
        lambda: hello.generate("h", length="5"): "length must be an integer of at least 0, got '5'",
        lambda: hello.stream("h", 2.5): "length must be an integer of at least 0, got 2.5",
        lambda: hello.generate("h", 3, temperature="hot"): "temperature must be a number of at least 0, got 'hot'",
        lambda: hello.generate("h", 3, top_k=True): "top_k must be an integer of at least 0, got True",
        lambda: hello.generate("h", 3, temprature=1): "'temprature' is not an option; did you mean",
        lambda: hello.generate_many(0, "h"): "samples must be an integer of at least 1, got 0",
        lambda: hello.evaluate(3): "data must be a path or a Split or None, got 3",
        lambda: hello.evaluate("text:hello", window=0): "window must be an integer of at least 1, got 0",
        lambda: hello.evaluate("text:hello", fresh_windows=-1): "fresh_windows must be an integer of at least 0",
        lambda: hello.freeze(
            "int4"
        ): "precision must be 'float32', 'bfloat16' or 'int8', got 'int4'; did you mean 'int8'",
        lambda: hello.step(b"h"): "text must be a string, got b'h'",
        lambda: hello.session().write("h", 3): "sampling must be a Sampling, got 'h'",
        lambda: hello.session().write(Sampling(), -3): "length must be an integer of at least 0, got -3",
        lambda: hello.session().write(length=-3): "length must be an integer of at least 0, got -3",
        lambda: hello.session().write(seed="a"): "seed must be an integer, got 'a'",
        lambda: hello.session().write(temprature=1): "'temprature' is not an option; did you mean",
        lambda: hello.session().write(Sampling(), seed=1): "sampling must be omitted with seed, got Sampling(",
        lambda: hello.generate("h", seed="a"): "seed must be an integer, got 'a'",
        lambda: hello.generate("h", lenght=3): "'lenght' is not an option; did you mean 'length'?",
        lambda: hello.stream("h", stpo="x"): "'stpo' is not an option; did you mean 'stop'?",
    }.items():
        with pytest.raises(ArgumentError) as caught:
            call()
        assert str(caught.value).startswith(message)
    session = hello.session()
    session.read("h")
    assert "".join(session.write(length=9, temperature=2.0, seed=3)) == hello.generate("h", 9, temperature=2.0, seed=3)
    assert hello.generate("h", np.int64(3), temperature=np.float32(0)) == hello.generate("h", 3, greedy=True)


def test_an_empty_prompt(writer, hello):
    assert writer.generate("", 9, seed=1) == writer.generate("\n", 9, seed=1)
    assert hello.generate("", 3, greedy=True) == hello.generate("e", 3, greedy=True)  # knows no line end


# Options, data, cells of one's own


def test_a_cell_of_ones_own_trains_and_loads(text, tmp_path, monkeypatch):
    (tmp_path / "leaky_module.py").write_text(
        textwrap.dedent("""
            import torch
            from unrolled import Cell

            class Leaky(Cell):
                def __init__(self, input_size, hidden_size):
                    super().__init__()
                    self.input_size, self.hidden_size = input_size, hidden_size
                    self.read = torch.nn.Linear(input_size, hidden_size)

                def step(self, x, state, noise=None):
                    h = 0.5 * state + torch.tanh(self.read(x))
                    return h, h

                def initial_state(self, batch_size):
                    return torch.zeros(batch_size, self.hidden_size)
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = {"data": str(text), "cell": "leaky_module:Leaky", "hidden_size": 8, "bptt": 5, "batch_size": 3}
    model = unrolled.train("lm", run=tmp_path / "run", steps=6, preview_length=3, **options)
    assert model.evaluate(str(text), window=3)["loss"] == pytest.approx(model.evaluate(str(text))["loss"], abs=1e-6)
    loaded = unrolled.load(tmp_path / "run", cell="leaky_module:Leaky")
    assert loaded.generate("It ", 20) == model.generate("It ", 20)
    with pytest.raises(RunError, match="code outside unrolled"):
        unrolled.load(tmp_path / "run")
    with pytest.raises(
        ArgumentError, match="zoneout must be omitted with --cell leaky_module:Leaky, which has no such"
    ):
        unrolled.train("lm", run=tmp_path / "other", zoneout=0.1, **options)
    assert not (tmp_path / "other").exists()
    del sys.modules["leaky_module"]


@pytest.mark.parametrize(
    ("cell", "option", "value"),
    [
        ("gru", "forget_bias", 2.0),
        ("gru", "nonlinearity", "relu"),
        ("rnn", "peepholes", True),
        ("rnn", "reset_after", False),
        ("lstm", "reset_after", False),
    ],
)
def test_options_that_a_cell_lacks_are_refused(cell, option, value):
    with pytest.raises(ArgumentError, match=f"{option} must be omitted with --cell {cell}, which has no such option"):
        update(LanguageModelConfig(), cell=cell, **{option: value})


def test_data_that_changed_since_is_not_gone_on_with(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    unrolled.train(
        "lm", run=tmp_path / "run", **{**HELLO, "data": str(path), "prompt": "", "steps": 2, "eval_every": 1}
    )
    path.write_text(TEXT.replace("best", "rest"))
    with pytest.raises(RunError, match=r"the data of .*run has changed since it was trained"):
        unrolled.resume(tmp_path / "run", steps=4)
    path.write_text(TEXT)
    assert unrolled.resume(tmp_path / "run", steps=4).steps == 4


def test_nothing_is_left_of_a_run_that_could_not_begin(tmp_path):
    with pytest.raises(DataError, match="shorter than one window: 5 tokens to train on, but 1 lanes of 64"):
        unrolled.train("lm", run=tmp_path / "run", **{**HELLO, "bptt": 64})
    with pytest.raises(DataError, match=r"file, folder or named corpus .* does not exist"):
        unrolled.train("lm", run=tmp_path / "run", **{**HELLO, "data": str(tmp_path / "missing")})
    with pytest.raises(ArgumentError, match=r"prompt must be text in the model's char vocabulary"):
        unrolled.train("lm", run=tmp_path / "run", **{**HELLO, "prompt": "x"})
    assert list(tmp_path.iterdir()) == []
    tasks = "lm, classify, tag, translate, image, video, caption, ocr, speech, frames, memory"
    with pytest.raises(ArgumentError, match=f"task must be one of {tasks}, got 'ml'"):
        task_class("ml")


def test_validation_text_decides_or_else_training_text(text, hello):
    task = LanguageModelling(small(text, eval_tokens=40))
    assert not any("no validation text" in note for note in task.prepare())
    model = task.build_model().eval()
    trained = TrainedLanguageModel(model, task.text.vocabulary)
    expected = trained.evaluate(head(task.text.valid, 40, task.text.vocabulary))["loss"]
    assert task.evaluate(model, "valid")["loss"] == pytest.approx(expected, abs=1e-6)
    alone = LanguageModelling(update(LanguageModelConfig(), **HELLO))
    assert any("no validation text: model selection uses the training text" in note for note in alone.prepare())
    report = hello.evaluate("text:hello")
    found = alone.evaluate(hello.model, "valid")
    assert found == pytest.approx({name: report[name] for name in found})
    assert alone.evaluate(hello.model, "test") == {}


def test_a_vocabulary_comes_back_from_the_model_file(text):
    for kind in ("char", "byte", "word", "bpe"):
        task = LanguageModelling(small(text, vocabulary=kind, vocab_size=280, batch_size=1))
        task.prepare()
        again = vocabulary_from_json(task.assets()["vocabulary"])
        assert again.encode(TEXT).tolist() == task.text.vocabulary.encode(TEXT).tolist()


def test_a_model_file_whose_config_claims_another_size_is_refused_before_anything_is_allocated(tmp_path):
    run = tmp_path / "run"
    unrolled.train("lm", data="text:" + "hello " * 50, hidden_size=4, bptt=4, batch_size=2, steps=1, run=run)
    file = modelfile.load(run / "model.safetensors")
    config = file.config.replace("hidden_size = 4\n", "hidden_size = 40000000\n")
    assert config != file.config
    modelfile.save(tmp_path / "hostile.safetensors", file.tensors, file.task, config, file.assets)
    with pytest.raises(RunError, match="do not match its config"):
        unrolled.load(tmp_path / "hostile.safetensors")
