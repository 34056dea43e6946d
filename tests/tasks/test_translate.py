"""The translator: that it learns what attention is for, and every number against arithmetic done another way."""

import dataclasses
import gc
import json
import math
import random

import numpy as np
import pytest
import torch

import unrolled
from unrolled.attend import attend
from unrolled.cells import Cell, RNNCell, RNNState
from unrolled.data.bitext import Pairs
from unrolled.data.counter import uniform
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.scan import scan
from unrolled.tasks.common.language import BEGIN, END, shifted
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.translate import task as translate
from unrolled.tasks.translate.config import TranslateConfig
from unrolled.tasks.translate.decoding import Translated
from unrolled.tasks.translate.model import EncoderDecoder, Translator
from unrolled.tasks.translate.task import Translation
from unrolled.tasks.translate.trained import TrainedTranslator
from unrolled.training.config import from_toml, to_toml, update

ATTENTIONS = {
    "none": {"attention": "none"},
    "context at every step": {"attention": "none", "context": "every"},
    "additive": {},
    "dot": {"attention": "dot"},
    "scaled, fed": {"attention": "scaled", "input_feeding": True},
    "general": {"attention": "general"},
    "general, fed": {"attention": "general", "input_feeding": True},
}
VARIANTS = {
    **ATTENTIONS,
    "one direction": {"bidirectional": False},
    "two layers": {"num_layers": 2},
    "three residual layers": {"num_layers": 3, "residual": True},
    "two layers, none": {"num_layers": 2, "attention": "none", "cell": "lstm"},
    "untied, other widths": {"tied": False, "encoder_size": 6, "attention_size": 5, "embedding_size": 7},
    "reversed": {"reverse_source": True},
    "shared": {"shared": True},
}
SMALL = {
    "hidden_size": 8, "embedding_size": 8, "dropout": 0.0, "batch_size": 8, "weight_decay": 0.0, "warmup": 0,
    "average": "none", "vocabulary": "char", "min_count": 1, "lr": 0.02, "steps": 3,
}  # fmt: skip
STEPS = 200  # of the test that attention is good for something
WORDS = ["ba", "abc", "cab", "bcca", "acb", "caabb", "cb", "abba", "bacab", "ccab"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "words.tsv"
    path.write_text("".join(f"{a} {b}\t{(a + '.' + b)[::-1].upper()}\n" for a in WORDS for b in WORDS))
    return str(path)


def small(file, **options):
    return update(TranslateConfig(), **{**SMALL, "data": file, **options})


def prepared(config):
    task = Translation(config)
    task.prepare()
    return task


def untrained(config) -> tuple[Translation, TrainedTranslator]:
    """A model with larger weights than it would begin with, so that its answers differ."""
    task = prepared(config)
    torch.manual_seed(1)
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn_like(p))
    return task, TrainedTranslator(model, *task.languages, config, task.fingerprint())


def alone(model, source, target):
    """log p of each symbol of ``target`` and of the end, from one sentence fed symbol by symbol."""
    ids = torch.from_numpy(np.array(source[::-1] if model.config.units.reverse_source else source))[:, None]
    found = []
    with torch.no_grad():
        encoded = model.model.encode(ids, torch.tensor([len(source)]))
        step, state, before = model.model.step(encoded.memory), model.model.begin(encoded), BEGIN
        for symbol in [*target, END]:
            log_p, _, state = step(torch.tensor([before]), state)
            assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)
            found.append(float(log_p[0, symbol]))
            before = symbol
    return found


def read_metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


# Numbers


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_the_loss_symbol_by_symbol(file, options):
    task, model = untrained(small(file, **options))
    batch = task.batch(1)
    reader, writer = task.languages
    numbers = task.batches[1]
    spelled = [alone(model, task.sources[n], task.targets[n][:-1]) for n in numbers]
    count = sum(map(len, spelled))
    assert task.units(batch) == count
    wanted = -sum(map(sum, spelled)) / count
    model.model.train()  # without dropout it makes no difference
    assert task.loss(model.model, batch, None)[0].item() == pytest.approx(wanted, rel=1e-5)
    model.model.eval()
    pairs = task.sets.valid
    nats = [alone(model, reader.encode(a), writer.encode(b)) for a, b in zip(pairs.source, pairs.target, strict=True)]
    found = task.evaluate(model.model, "valid")
    assert found["loss"] == pytest.approx(-sum(map(sum, nats)) / sum(map(len, nats)), rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))


def test_the_words_before():
    target = torch.tensor([[5, 6], [7, 1], [1, 0]])
    assert shifted(target).tolist() == [[BEGIN, BEGIN], [5, 6], [7, 1]]


def test_batches_are_the_pairs(file):
    task = prepared(small(file))
    batch, numbers = task.batch(2), task.batches[2]
    reader, writer = task.languages
    for lane, n in enumerate(numbers.tolist()):
        source = batch.source[: batch.source_lengths[lane], lane].tolist()
        target = batch.target[: batch.lengths[lane], lane].tolist()
        assert reader.decode(source) == task.sets.train.source[n]
        assert (writer.decode(target[:-1]), target[-1]) == (task.sets.train.target[n], END)
    backwards = prepared(small(file, reverse_source=True)).batch(2)
    assert torch.equal(backwards.target, batch.target)
    length = int(batch.source_lengths[0])
    assert backwards.source[:length, 0].tolist() == batch.source[:length, 0].tolist()[::-1]


def test_label_smoothing(file):
    """(1 − ε) times the true symbol's −log p and ε times the mean of all."""
    task, model = untrained(small(file, label_smoothing=0.2))
    batch = task.batch(0)
    with torch.no_grad():
        logits = model.model(batch.source, batch.source_lengths, shifted(batch.target), batch.lengths)
        log_p = logits.double().log_softmax(1)
    true = [int(batch.target[t, b]) for t in range(len(batch.target)) for b in range(8) if t < batch.lengths[b]]
    each = [-0.8 * row[symbol] - 0.2 * row.mean() for row, symbol in zip(log_p, true, strict=True)]
    loss = task.loss(model.model, batch, None)[0].item()
    assert loss == pytest.approx(float(sum(each)) / len(true), rel=1e-5)
    plain = -sum(float(row[symbol]) for row, symbol in zip(log_p, true, strict=True)) / len(true)
    assert model.loss(task.sets.train.pick(task.batches[0].tolist()))["loss"] == pytest.approx(plain, rel=1e-5)


def test_scheduled_sampling_reads_guesses_at_the_drawn_places(file, monkeypatch):
    config = small(file, scheduled_sampling=0.6, steps=10, seed=4)
    task, model = untrained(config)
    assert not task.batch(0).sampled.any()  # the share rises from nothing
    for step in (5, 10, 40):
        batch = task.batch(step)
        drawn = uniform(4, translate._SAMPLED, step, np.arange(batch.target.numel())) < 0.6 * min(1, step / 10)
        assert batch.sampled.flatten().tolist() == drawn.tolist()
        for one, again in zip(batch, prepared(config).batch(step), strict=True):
            assert torch.equal(one, again)
    batch, seen = task.batch(10), []
    assert 0.4 < batch.sampled.float().mean() < 0.8
    original = Translator.forward
    monkeypatch.setattr(Translator, "forward", lambda self, *given: seen.append(given[2]) or original(self, *given))
    task.loss(model.model, batch, None)
    right, mixed = seen
    assert torch.equal(right, shifted(batch.target))
    with torch.no_grad():
        best = original(model.model, batch.source, batch.source_lengths, right, batch.lengths).argmax(1).tolist()
    at = iter(best)
    T, B = batch.target.shape
    guess = {(t, b): next(at) for t in range(T) for b in range(B) if t < batch.lengths[b]}
    for t in range(1, T):
        for b in range(B):
            if t < batch.lengths[b]:
                wanted = guess[t - 1, b] if batch.sampled[t, b] else int(batch.target[t - 1, b])
                assert int(mixed[t, b]) == wanted
    assert mixed[0].tolist() == [BEGIN] * B
    assert prepared(small(file)).batch(3).sampled.numel() == 0


def test_tied_embeddings_are_one_table(file):
    tied, untied = (prepared(small(file, tied=tied)).build_model() for tied in (True, False))
    assert tied.output.weight.data_ptr() == tied.target.weight.data_ptr()
    assert untied.output.weight.data_ptr() != untied.target.weight.data_ptr()
    more = sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in tied.parameters())
    assert more == tied.target.weight.numel()


def test_the_context_at_every_step(file):
    at_start, at_every = (untrained(small(file, attention="none", context=way))[1].model for way in ("start", "every"))
    ids, lengths = torch.tensor([[3], [4]]), torch.tensor([2])
    for model, matters in ((at_start, False), (at_every, True)):
        encoded = model.encode(ids, lengths)
        read = [
            model.decode(ids, model.begin(encoded._replace(context=context)), None)[0]
            for context in (encoded.context, encoded.context + 1)
        ]
        assert torch.equal(*read) is not matters


@pytest.mark.parametrize("options", [{}, {"attention": "scaled", "input_feeding": True}], ids=["additive", "scaled"])
def test_residual_layers_above_the_one_with_attention(file, options):
    """Each adds what the layer under it put out; of the first layer's [s; c] that is s."""
    model = untrained(small(file, num_layers=3, residual=True, **options))[1].model
    ids, lengths = torch.tensor([[3, 5], [4, 2], [6, 6]]), torch.tensor([3, 3])
    with torch.no_grad():
        encoded = model.encode(ids, lengths)
        begun = model.begin(encoded)
        x = model.target(ids)
        y, _, _ = attend(model.attention, x, begun.state[0], encoded.memory)
        below = y[:, :, :8]
        for cell, state in zip(model.decoder.cells, begun.state[1:], strict=True):
            y, _ = scan(cell, y, state)
            y = below = y + below
        read, _, _ = model.decode(ids, begun, encoded.memory, lengths)
        torch.testing.assert_close(read, torch.cat([y, x], 2), rtol=1e-5, atol=1e-6)
        model.decoder.residual = False
        assert not torch.allclose(model.decode(ids, begun, encoded.memory, lengths)[0], read)


def test_one_vocabulary_for_both(file):
    task = prepared(small(file, shared=True))
    reader, writer = task.languages
    assert reader is writer
    assert reader.decode(reader.encode("ab.AB").tolist()) == "ab.AB"
    own = prepared(small(file)).languages
    assert len(own[0]) + len(own[1]) > len(reader)


def test_files_beside_a_named_set_have_a_layout(tmp_path):
    (tmp_path / "own.csv").write_text("n,day,iso\n1,5.11.2016,2016-11-05\n")
    columns = {"source_column": "day", "target_column": "iso"}
    config = update(TranslateConfig(), data="dates", test=str(tmp_path / "own.csv"), **columns)
    assert config.data.read().test == Pairs(["5.11.2016"], ["2016-11-05"])
    with pytest.raises(ArgumentError, match="source_column must be omitted with --data dates"):
        update(TranslateConfig(), data="dates", **columns)


# What is refused, and what is left out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "dot", "encoder_size": 6}, r"encoder_size must be the width of the state, hidden_size \(8\)"),
        ({"attention": "none", "coverage_penalty": 0.1}, "coverage_penalty must be omitted without attention"),
        ({"vocabulary": "auto", "min_count": 3}, "min_count must be omitted with --vocabulary bpe"),
        ({"vocabulary": "auto", "data": "dates", "vocab_size": 99}, "vocab_size must be omitted"),
        ({"encoder_size": 7}, "encoder_size must be even"),
        ({"input_feeding": True}, "input_feeding must be omitted with --attention additive"),
        ({"attention": "dot", "attention_size": 4}, "attention_size must be omitted"),
        ({"context": "every"}, "context must be omitted with --attention additive"),
        ({"attention": "none", "input_feeding": True}, "input_feeding must be omitted"),
        ({"cell": "lstm", "proj_size": 3}, "proj_size must be 0 in a translator"),
        ({"scheduled_sampling": 1.5}, "scheduled_sampling must be"),
        ({"max_ratio": 0.5}, "max_ratio must be a number of at least 1"),
    ],
)
def test_options_that_do_not_fit(file, options, message):
    with pytest.raises(ArgumentError, match=message):
        prepared(small(file, **options)).build_model()


def test_long_sentences_are_not_learned_but_measured(file, tmp_path):
    """Found only when the training is over, one long sentence for the test would have cost all of it."""
    (tmp_path / "long.tsv").write_text("ab ba\tAB\n" + "abcc" * 20 + "\tABC\n")
    long = str(tmp_path / "long.tsv")
    task = Translation(small(file, max_symbols=8, valid=long, test=long))
    notes = task.prepare()
    assert any("pairs longer than 8 tokens are excluded" in note for note in notes)
    assert "2 longer validation and test sentences are truncated to 8 tokens" in notes
    assert max(map(len, task.sources)) <= 8
    model = task.build_model()
    handle = TrainedTranslator(model, *task.languages, task.config)
    found = [task.evaluate(model, split)["loss"] for split in ("valid", "test")]
    assert found[0] == pytest.approx(found[1])
    cut = Pairs([text[:8] for text in task.sets.valid.source], task.sets.valid.target)  # letters are symbols here
    assert handle.loss(cut)["loss"] == pytest.approx(found[0])
    with pytest.raises(ArgumentError, match=r"a sentence of at most 8 tokens \(this one has 80\), got 'abcc"):
        handle.translate([task.sets.valid.source[1]])
    with pytest.raises(DataError, match="every pair is longer than 3 tokens; increase --max-symbols"):
        prepared(small(file, max_symbols=3))


def test_a_sentence_of_nothing(file):
    _, model = untrained(small(file))
    for text in ("", "  \n"):
        with pytest.raises(ArgumentError, match="text must be at least one word"):
            model.translate(["ab", text])
    assert model.translate([]) == []
    said = model.predict(["ab", "", " \n", "cab"])
    assert [one.text for one in said] == ["ab", "", " \n", "cab"]
    assert [one.answer for one in said[1:3]] == ["", ""]
    assert [said[0], said[3]] == model.predict(["ab", "cab"])
    with pytest.raises(ArgumentError, match="texts must be a list of strings, got 'ab'; write"):
        model.translate("ab")
    with pytest.raises(ArgumentError, match="'bean' is not an option; did you mean 'beam'"):
        model.translate(["ab"], bean=2)


# Translating


def test_the_best_and_the_n_best(file):
    _, model = untrained(small(file, max_length=5))
    texts = ["ab ba", "c", "abcabc"]
    many = model.translate(texts, n_best=4, beam=6)
    told = []
    assert [len(found) for found in many] == [4, 4, 4]
    assert model.translate(texts, n_best=4, beam=6, progress=told.append) is not None
    assert told == [3]
    for text, found in zip(texts, many, strict=True):
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        assert len({one.text for one in found}) > 1
        for one in found:
            assert len(one.target) <= 5
            assert one.weights.shape == (len(one.target), len(text))
            if one.target:
                torch.testing.assert_close(one.weights.sum(1), torch.ones(len(one.target)))
            nats = alone(model, model.reader.encode(text), model.writer.encode(one.text)) if one.text else []
            if one.text and len(model.writer.encode(one.text)) == len(one.target):
                assert one.log_probability == pytest.approx(sum(nats), abs=1e-4)
                assert one.score == pytest.approx(sum(nats) / ((5 + len(nats)) / 6) ** 0.6, abs=1e-4)
        alone_found = model.translate([text], n_best=4, beam=6)[0]
        assert [one.text for one in alone_found] == [one.text for one in found]
    assert [one.answer for one in model.predict(texts)] == [found[0].text for found in model.translate(texts)]
    with pytest.raises(ArgumentError, match="n_best must be at most the beam"):
        model.translate(texts, n_best=9, beam=6)


def test_a_score_means_the_same_whatever_the_beam(file):
    _, model = untrained(small(file))
    for beam in (1, 3):
        for (one,) in model.translate(["ab ba", "c"], beam=beam, length_penalty=0.8, min_length=2):
            wanted = one.log_probability / ((5 + len(one.target) + 1) / 6) ** 0.8
            assert one.score == pytest.approx(wanted, rel=1e-9)
            assert one.score > one.log_probability


def test_the_begin_is_never_written(file):
    _, model = untrained(small(file))
    with torch.no_grad():
        model.model.output.bias[BEGIN] = 50.0
    for beam in (1, 4):
        (one, *_), *_ = model.translate(["ab ba"], beam=beam, max_length=6)
        assert one.text == one.text.strip()
        assert set(one.text) <= set("ABC. ") | {"\ufffd"}
        assert BEGIN not in model.writer.encode(one.text)
        ids = torch.tensor([[3]])
        found = translate_ids(model, ids, beam)
        assert BEGIN not in found


def translate_ids(model, ids, beam):
    from unrolled.tasks.translate.decoding import search

    options = dataclasses.replace(model.config.decoding, beam=beam, max_length=6)
    return search(model.model, ids, torch.tensor([1]), options)[0][0].ids


def test_a_run_with_several_answers_is_still_measured_and_shown(file):
    """Scores and previews search with a beam of 1, whatever the run's answers."""
    task, model = untrained(small(file, n_best=3))
    assert task.evaluate(model.model, "valid")["loss"] > 0
    assert "→" in task.preview(model.model)
    assert len(model.translate(["ab"])[0]) == 3


def test_what_was_not_asked_for_makes_room_for_what_was(file):
    _, model = untrained(small(file, n_best=3, beam=4, min_length=3, max_length=6))
    for options, wanted in (
        ({"beam": 1}, (1, 1, 3, 6)),
        ({"beam": 3}, (3, 3, 3, 6)),
        ({"n_best": 6}, (6, 6, 3, 6)),
        ({"n_best": 2}, (4, 2, 3, 6)),
        ({"max_length": 2}, (4, 3, 2, 2)),
        ({"min_length": 9}, (4, 3, 9, 9)),
        ({"max_length": 0}, (4, 3, 3, 0)),
    ):
        one = model.config.decoding.changed(**options)
        assert (one.beam, one.n_best, one.min_length, one.max_length) == wanted
        assert len(model.translate(["ab"], **options)[0]) == wanted[1]
    for options in ({"beam": 2, "n_best": 3}, {"min_length": 3, "max_length": 2}, {"beam": 0}, {"beam": "3"}):
        with pytest.raises(ArgumentError):
            model.translate(["ab"], **options)


def test_reading_backwards_gives_the_same_once_its_weights_are_turned(file):
    """With its two directions exchanged the encoder reads a reversed source as it read the source."""
    _, forward = untrained(small(file))
    _, backward = untrained(small(file, reverse_source=True))
    state = dict(forward.model.state_dict())
    names = sorted(name for name in state if name.startswith("encoder.cells."))
    half = 4  # of the width: what the other direction said
    turned = {name: state[name.replace(".0.", ".x.").replace(".1.", ".0.").replace(".x.", ".1.")] for name in names}
    order = [*range(half, 2 * half), *range(half)]
    for name in ("bridge.weight", "attention.key.weight"):
        turned[name] = state[name][:, order]
    I = forward.model.attention.input_size
    for name in ("attention.cell.weight_ih",):
        turned[name] = state[name].clone()
        turned[name][:, I:] = state[name][:, I:][:, order]
    readout = state["readout.weight"].clone()
    readout[:, 8:16] = readout[:, 8:16][:, order]
    turned["readout.weight"] = readout
    backward.model.load_state_dict({**state, **turned})
    for text in ("abc cab", "b"):
        one, other = forward.translate([text])[0][0], backward.translate([text])[0][0]
        assert (one.text, one.source) == (other.text, other.source)
        torch.testing.assert_close(one.weights, other.weights, rtol=1e-4, atol=1e-5)


def test_the_unknown_word_is_the_one_that_was_looked_at(file, tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("ein Hund\ta dog\nein Haus\ta house\nein Ei\tan egg\n" * 4)
    options = {"data": str(path), "valid": str(path), "test": str(path), "vocabulary": "word"}
    _, model = untrained(small(file, **options, max_length=3))
    with torch.no_grad():
        model.model.output.bias[model.writer.unknown] = 30.0  # it has no other word
    one = model.translate(["ein Dackel, ein Ei"])[0][0]
    assert one.source == ["ein", "Dackel", ",", "ein", "Ei"]
    assert one.target == ["<unk>"] * 3
    assert one.text == " ".join(one.source[at] for at in one.weights.argmax(1).tolist())
    plain = model.translate(["ein Dackel, ein Ei"], replace_unknown=False)[0][0]
    assert plain.text == "<unk><unk><unk>"
    _, blind = untrained(small(file, **options, attention="none"))
    assert blind.translate(["ein Dackel"])[0][0].weights is None


def test_small_letters(file, tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("Ein Hund\tA Dog\nEin Haus\tA House\n" * 4)
    _, model = untrained(small(file, lowercase=True, data=str(path), valid=str(path), test=str(path)))
    one, other = model.translate(["EIN HUND", "ein hund"])
    assert one[0].text == other[0].text == one[0].text.lower()
    assert "".join(one[0].source) == "EIN␣HUND"


def test_measures(file):
    metrics = pytest.importorskip("sacrebleu.metrics")
    _, model = untrained(small(file))
    pairs = model.find(None, "valid", None)[0]
    found = model.evaluate_data(split="valid", beam=3)["measures"]
    said = [model.translate([text], beam=3)[0][0].text for text in pairs.source]
    assert found.translations == said
    assert found.scores.bleu == metrics.BLEU(lowercase=True).corpus_score(said, [pairs.target]).score
    assert found.scores.chrf == metrics.CHRF(lowercase=True).corpus_score(said, [pairs.target]).score
    assert found.summary()["loss"] == found.loss == model.loss(pairs)["loss"]
    assert found.summary()["bleu_cased"] == metrics.BLEU().corpus_score(said, [pairs.target]).score
    with pytest.raises(ArgumentError, match="target must be omitted without --data"):
        model.evaluate_data(target="x")
    model.fingerprint = "another"
    with pytest.raises(RunError, match=r"the data .* has changed since the model was trained"):
        model.evaluate_data()


def test_measuring_keeps_no_attention(file, monkeypatch):
    """Weights of all sentences of a large test set would be gigabytes."""
    monkeypatch.setattr("unrolled.tasks.translate.trained.BATCH", 4)
    _, model = untrained(small(file))
    pairs = Pairs(WORDS, WORDS)
    alive = []

    def count(done):
        alive.append(sum(type(one) is Translated for one in gc.get_objects()))

    before = sum(type(one) is Translated for one in gc.get_objects())
    found = model.evaluate(pairs, beam=2, progress=count)
    assert len(alive) == 3
    assert max(alive) - before <= 1  # the last that was handed over
    many = model.translate(WORDS, beam=2, progress=count)
    assert alive[-1] - before >= len(WORDS) - 2  # what is counted is there to be counted
    assert found.translations == [best.text for best, *_ in many]


def test_memory_does_not_grow_with_the_beam_or_the_longest_target(file, monkeypatch):
    """Few sentences at once with a wide beam, few words' logits at once with long targets: the same numbers."""
    _, model = untrained(small(file))
    pairs = Pairs(["ab ba", "c", "abc cab"] * 3, ["AB.A", "C", "CAB.ACB" * 5] * 3)
    loss, found = model.loss(pairs)["loss"], model.translate(pairs.source, beam=4)
    rows, slices, step, logits = [], [], model.model.step, model.model.logits

    def counted(memory):
        one = step(memory)
        return lambda ids, state: (rows.append(len(ids)), one(ids, state))[1]

    monkeypatch.setattr("unrolled.tasks.translate.trained.ROWS", 8)
    monkeypatch.setattr("unrolled.tasks.translate.trained.SLICE", 5)
    monkeypatch.setattr(model.model, "step", counted)
    again = model.translate(pairs.source, beam=4)
    assert max(rows) <= 8
    assert [[one.text for one in some] for some in again] == [[one.text for one in some] for some in found]
    monkeypatch.setattr(model.model, "logits", lambda read: (slices.append(len(read)), logits(read))[1])
    assert model.loss(pairs)["loss"] == pytest.approx(loss, rel=1e-6)
    assert max(slices) == 5


# Runs


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("options", ATTENTIONS.values(), ids=ATTENTIONS)
def test_every_attention_learns_with_every_cell(file, cell, options):
    task = prepared(small(file, cell=cell, **options))
    torch.manual_seed(0)
    model = task.build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss, _ = task.loss(model, task.batch(0), None)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


class Counting(Cell):
    """A vanilla RNN whose state has names, and a counter."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.inner = RNNCell(input_size, hidden_size)

    def initial_state(self, batch_size):
        return {"h": torch.zeros(batch_size, self.hidden_size), "steps": torch.zeros(batch_size, dtype=torch.int64)}

    def step(self, x, state, noise=None):
        h, _ = self.inner.step(x, RNNState(state["h"]))
        return h, {"h": h, "steps": state["steps"] + 1}


class Backwards(Counting):
    """As it, and its state begins with the counter."""

    def initial_state(self, batch_size):
        return dict(reversed(super().initial_state(batch_size).items()))

    def step(self, x, state, noise=None):
        h, after = super().step(x, state)
        return h, dict(reversed(after.items()))


@pytest.mark.parametrize("options", ATTENTIONS.values(), ids=ATTENTIONS)
def test_a_cell_whose_state_has_names(file, options):
    task = prepared(small(file, cell=f"{__name__}:Counting", **options))
    model = task.build_model()
    batch = task.batch(0)
    loss, _ = task.loss(model, batch, None)
    loss.backward()
    assert model.bridge.weight.grad.abs().sum() > 0
    writing = model.begin(model.encode(batch.source, batch.source_lengths))
    begun = writing.state[0].cell if model.attention is not None else writing.state[0]
    assert begun["steps"].tolist() == [0] * batch.source.size(1)
    plain = prepared(small(file, cell="rnn", **options))
    same = plain.build_model()
    same.load_state_dict({name.replace("inner.", ""): weights for name, weights in model.state_dict().items()})
    with torch.no_grad():
        losses = plain.loss(same.eval(), batch, None)[0], task.loss(model.eval(), batch, None)[0]
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-5)


def test_a_cell_whose_state_begins_otherwise_is_refused(file):
    with pytest.raises(
        ArgumentError, match=r"begins with a tensor \(B, 4\).* 'Backwards'; .* shapes \[\(1,\), \(1, 4\)\]"
    ):
        prepared(small(file, cell=f"{__name__}:Backwards")).build_model()


def test_the_run_on_disk_is_the_model_and_a_resumed_run_sees_the_same(file, tmp_path):
    pytest.importorskip("sacrebleu")
    options = {**SMALL, "data": file, "eval_every": 2, "dropout": 0.3, "scheduled_sampling": 0.5, "lr": 0.01}
    model = unrolled.train("translate", run=tmp_path / "whole", **{**options, "steps": 6, "schedule": "constant"})
    unrolled.train("translate", run=tmp_path / "half", **{**options, "steps": 6, "schedule": "constant"})
    whole, half = (read_metrics(tmp_path / name) for name in ("whole", "half"))
    assert [one["loss"] for one in whole] == [one["loss"] for one in half]
    again = unrolled.load(tmp_path / "whole" / "model.safetensors")
    for name, tensor in model.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])
    first, second = (one.translate(["abc ba", "c"], n_best=2) for one in (model, again))
    assert [[one.text for one in found] for found in first] == [[one.text for one in found] for found in second]
    assert again.evaluate_data(split="valid")["measures"].loss == model.evaluate_data(split="valid")["measures"].loss
    preview = sorted((tmp_path / "whole" / "previews").iterdir())[-1].read_text().splitlines()
    valid = model.find(None, "valid", None)[0]
    assert preview[0].startswith(f"{valid.source[0]}  →  ")


def test_a_stopped_run_goes_on_as_if_it_had_not(file, tmp_path):
    pytest.importorskip("sacrebleu")
    options = {**SMALL, "data": file, "eval_every": 2, "dropout": 0.3, "schedule": "constant"}
    unrolled.train("translate", run=tmp_path / "whole", **{**options, "steps": 6})
    unrolled.train("translate", run=tmp_path / "half", **{**options, "steps": 4})
    unrolled.resume(tmp_path / "half", steps=6)
    whole, half = (read_metrics(tmp_path / name) for name in ("whole", "half"))
    late = [[one["loss"] for one in run if one["step"] > 4] for run in (whole, half)]
    assert late[0] == late[1]
    assert late[0]


def test_a_file_that_claims_other_sizes(file):
    task, model = untrained(small(file))
    state = {name: tensor.clone() for name, tensor in model.model.state_dict().items()}
    assets = task.assets()
    cases = {
        "hidden": (small(file, hidden_size=16), assets),
        "huge": (small(file, hidden_size=1 << 20, attention="additive"), assets),
        "layers": (small(file, num_layers=500), assets),
        "symbols": (small(file), {**assets, "target": SHORTER}),
        "attention": (small(file, attention="none"), assets),
    }
    for name, (config, told) in cases.items():
        with pytest.raises(RunError):
            assert TrainedTranslator.from_file(fake(told, state), config) is None, name
    for words in (5, {"source": 5}, {"source": [[1], None], "target": "x"}):
        opened = TrainedTranslator.from_file(fake({**assets, "words": words}, state), small(file))
        assert not opened.reads_like_target("ab ba cab")
    opened = TrainedTranslator.from_file(fake(assets, state), small(file))
    assert opened.translate(["ab"])[0][0].text == model.translate(["ab"])[0][0].text


def test_a_file_cannot_ask_for_translations_without_end(file):
    text = to_toml(small(file, max_length=4321, min_length=1234), "translate")
    for said, name in (("4321", "max_length"), ("1234", "min_length")):
        with pytest.raises(RunError, match=f"model.safetensors: {name} must be at most 10,000, got 999999"):
            from_toml(TranslateConfig(), text.replace(said, "999999"), "model.safetensors")


SHORTER = {"vocabulary": {"kind": "char", "symbols": "AB", "unknown": False}, "lowercase": False}


def fake(assets, tensors):
    return type("File", (), {"assets": assets, "tensors": tensors})()


# Learning


def taught(file, steps, **options):
    """Trained by hand, without the loop's evaluations."""
    task = prepared(small(file, **options))
    torch.manual_seed(0)
    model = task.build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for step in range(steps):
        optimizer.zero_grad()
        loss, _ = task.loss(model, task.batch(step), None)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return TrainedTranslator(model, *task.languages, task.config)


def test_attention_learns_to_reverse_what_a_single_vector_does_not_hold(tmp_path):
    draw = random.Random(0)
    words = sorted({"".join(draw.choices("abcde", k=draw.randint(4, 7))) for _ in range(3000)})
    draw.shuffle(words)
    path, unseen = tmp_path / "train.tsv", words[-100:]
    path.write_text("".join(f"{word}\t{word[::-1]}\n" for word in words[:-100]))
    exact = {}
    for attention in ("none", "additive"):
        model = taught(str(path), STEPS, attention=attention, hidden_size=48, embedding_size=32, batch_size=64)
        found = [best for best, *_ in model.translate(unseen, beam=1)]
        exact[attention] = sum(one.text == word[::-1] for one, word in zip(found, unseen, strict=True))
    assert exact["additive"] > 90
    assert exact["none"] < 50
    where = [(at, len(one.source) - 1 - n) for one in found for n, at in enumerate(one.weights.argmax(1).tolist())]
    assert np.mean([abs(at - wanted) <= 1 for at, wanted in where]) > 0.9


def test_sizes_of_both_sides():
    model = Translator(10, 12, Recurrent(cell="gru", hidden_size=8, num_layers=1), EncoderDecoder(embedding_size=6))
    assert model.source.weight.shape == (10, 6)
    logits = model(torch.ones(3, 2, dtype=torch.int64), torch.tensor([3, 2]), torch.ones(4, 2, dtype=torch.int64),
                   torch.tensor([4, 1]))  # fmt: skip
    assert logits.shape == (5, 12)
