"""The tagger: that it tells by context what the word does not, and every number against arithmetic done another way."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from seqeval.metrics import f1_score, precision_score, recall_score

import unrolled
from unrolled.data.columns import Sentence
from unrolled.data.tags import entities, follows
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.tasks.tag.config import TagConfig
from unrolled.tasks.tag.task import Tagging, compared
from unrolled.tasks.tag.trained import TrainedTagger
from unrolled.tasks.tag.words import LETTERS, Lexicon, TagSet, normal, stretches
from unrolled.training import modelfile
from unrolled.training.config import update

# Thirty sentences whose first word is a name or not by what follows, and whose last by what comes before.
NAMES, THINGS = ["Teddy", "Rose", "Amber"], ["bears", "bushes", "lights"]
LINES = []
for name, thing in zip(NAMES, THINGS, strict=True):
    for last in ("Lee", "Gray", "Marsh"):
        LINES += [f"{name} B-person", f"{last} I-person", "was O", "here O", ""]
        LINES += ["to O", f"{name} B-person", f"{last} I-person", ""]
    for where in ("here", "there", "sold"):
        LINES += [f"{name} O", f"{thing} O", "are O", f"{where} O", ""]
    LINES += 3 * ["in O", f"{name} B-place", "we O", "met O", ""]
SMALL = {
    "hidden_size": 12, "embedding_size": 10, "character_size": 8, "letter_size": 5, "dropout": 0.0,
    "batch_size": 5, "crf": False, "word_dropout": 0.0, "fractions": (1.0, 0.0, 0.0),
    "weight_decay": 0.0, "warmup": 0, "average": "none",
}  # fmt: skip
VARIANTS = {
    "softmax": {},
    "crf": {"crf": True},
    "iobes crf recurrent": {"crf": True, "tagging": "iobes", "characters": "recurrent"},
    "forward gru without letters": {"bidirectional": False, "cell": "gru", "characters": "none"},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "words.conll"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return str(path)


def small(file, **options):
    return update(TagConfig(), **{**SMALL, "data": file, "steps": 3, **options})


def prepared(config):
    task = Tagging(config)
    task.prepare()
    return task


def untrained(config) -> tuple[Tagging, TrainedTagger]:
    """A model with larger weights than it would begin with, so that its answers differ."""
    task = prepared(config)
    torch.manual_seed(1)
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return task, TrainedTagger(model, task.lexicon, task.tags, config, task.fingerprint())


@pytest.fixture(scope="module")
def learned(file, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "tag"
    return unrolled.train("tag", run=run, **{**SMALL, "data": file, "steps": 120, "lr": 0.02}), run


# Learning


def test_both_directions_learn_what_one_cannot(file, learned, tmp_path):
    both, _ = learned
    assert both.evaluate_data(split="train")["f1"] == 1
    one = unrolled.train(
        "tag", run=tmp_path / "one", **{**SMALL, "data": file, "steps": 120, "lr": 0.02, "bidirectional": False}
    )
    bears, person = "Teddy bears are here".split(), "Teddy Gray was here".split()
    assert both.tag([bears, person]) == [["O"] * 4, ["B-person", "I-person", "O", "O"]]
    assert one.probabilities(bears)[0] == pytest.approx(one.probabilities(person)[0], abs=1e-6)  # read from the left
    assert one.tag([bears])[0][0] == one.tag([person])[0][0]
    after = one.tag(["to Teddy Lee".split(), "in Teddy we met".split()])
    assert after == [["O", "B-person", "I-person"], ["O", "B-place", "O", "O"]]  # what came before it does know
    assert one.evaluate_data(split="train")["f1"] < 0.9


def test_the_run_on_disk_is_the_model(learned):
    model, run = learned
    again = unrolled.load(run / "model.safetensors")
    for name, tensor in model.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])
    preview = sorted((run / "previews").iterdir())[-1].read_text()
    assert preview.splitlines()[0] == "[Teddy Lee]person✓ was here"


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_learns_a_step_and_comes_back_from_its_file(file, tmp_path, options):
    model = unrolled.train("tag", run=tmp_path / "run", **{**SMALL, "data": file, "steps": 8, "lr": 0.03, **options})
    again = unrolled.load(tmp_path / "run")
    words = [one.words for one in model.config.data.source().read().train]
    assert again.tag(words) == model.tag(words)
    losses = [one["loss"] for one in read_metrics(tmp_path / "run") if one.get("split") == "valid"]
    assert losses[-1] < 0.8 * math.log(len(model.tags))


def read_metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_resumed_run_sees_the_same(file, tmp_path):
    options = {**SMALL, "data": file, "eval_every": 2, "word_dropout": 1.0, "dropout": 0.3}
    unrolled.train("tag", run=tmp_path / "whole", **options, steps=6, schedule="constant")
    unrolled.train("tag", run=tmp_path / "half", **options, steps=4, schedule="constant")
    unrolled.resume(tmp_path / "half", steps=6)
    whole, half = (read_metrics(tmp_path / name) for name in ("whole", "half"))
    assert [one["loss"] for one in whole if one["step"] > 4] == [one["loss"] for one in half if one["step"] > 4]


# Figures


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_evaluation_against_each_sentence_alone(file, options):
    task, model = untrained(small(file, **options))
    sentences = task.sets.train
    found, _ = model.evaluate(sentences)
    nats, tags = 0.0, []
    for one in sentences:
        batch = task.lexicon.read([one.words])
        with torch.no_grad():
            scores = model.model(batch)
            true = torch.from_numpy(task.tags.numbers(one.tags))
            if model.model.crf is None:
                nats += float(F.cross_entropy(scores[:, 0].double(), true, reduction="sum"))
                best = scores[:, 0].argmax(1)
            else:
                nats -= float(model.model.crf(scores, true[:, None], batch.lengths))
                best = model.model.crf.best(scores, batch.lengths)[:, 0]
        tags.append(task.tags.named(best.numpy()))
    words = sum(map(len, sentences))
    true = [list(one.tags) for one in sentences]
    assert found["loss"] == pytest.approx(nats / words, rel=1e-5)
    right = sum(a == b for x, y in zip(true, tags, strict=True) for a, b in zip(x, y, strict=True))
    assert found["accuracy"] == pytest.approx(right / words)
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[name] == pytest.approx(score(true, tags, zero_division=0)), name
    assert model.tag([one.words for one in sentences]) == tags
    assert task.evaluate(model.model, "valid") == pytest.approx(found)  # there is no validation part: training decides
    assert task.evaluate(model.model, "test") == {}
    loss, _ = task.loss(model.model, batch := task.batch(0), None)
    chosen = [task.sets.train[task.parts[n][0]] for n in task.batches[0]]
    assert float(loss) == pytest.approx(model.evaluate(chosen)[0]["loss"], rel=1e-5)
    assert task.units(batch) == sum(map(len, chosen))


def test_figures_of_each_type(file):
    task, model = untrained(small(file))
    found = model.evaluate_data(split="train")
    assert list(found["types"]) == ["person", "place"]
    assert found["types"]["person"]["entities"] == 18
    assert found["types"]["place"]["entities"] == 9
    one_type = [dataclasses.replace(one, tags=("O",) * len(one)) for one in task.sets.train]
    assert model.evaluate(one_type)[0]["recall"] == 0
    assert model.evaluate_data(file) == found


def test_a_crf_gives_only_what_its_scheme_allows(file):
    for tagging in ("bio", "iobes"):
        task, model = untrained(small(file, crf=True, tagging=tagging))
        batch = task.lexicon.read([one.words for one in task.sets.train])
        with torch.no_grad():
            best = model.model.best(30 * torch.randn(*batch.words.shape, len(task.tags)), batch.lengths)
        for lane, length in enumerate(batch.lengths.tolist()):
            tags = ["O", *(task.tags.tags[n] for n in best[:length, lane]), "O"]
            assert all(follows(a, b, tagging) for a, b in itertools.pairwise(tags))


def test_probabilities_are_those_of_the_tags(file):
    for options in VARIANTS.values():
        task, model = untrained(small(file, **options))
        p = model.probabilities("to Teddy Lee".split())
        assert [sum(one.values()) for one in p] == pytest.approx([1, 1, 1], abs=1e-5)
        assert set(p[0]) == set(task.tags.tags)


def test_plain_tags_are_measured_by_accuracy(tmp_path):
    path = tmp_path / "pos"
    path.write_text("the DT\ndog NN\nruns VBZ\n\na DT\ncat NN\nO O\n\n" * 5)
    task, model = untrained(small(str(path)))
    assert task.decides == "accuracy"
    assert task.tags.tags == ["DT", "NN", "O", "VBZ"]
    assert set(model.evaluate(task.sets.train)[0]) == {"loss", "accuracy"}
    assert set(model.evaluate_data(split="train")) == {"loss", "accuracy", "types"}
    said = model.predict(["the dog  runs"])[0]
    assert [(piece.text, bool(piece.label)) for piece in said.pieces] == [
        ("the", True), (" ", False), ("dog", True), ("  ", False), ("runs", True),
    ]  # fmt: skip


# Words as numbers


def test_words_and_letters_as_numbers():
    lexicon = Lexicon.of([("The", "dog", "42"), ("the", "17", "dog")], lowercase=True)
    assert lexicon.words == ["00", "dog", "the"]
    assert lexicon.ids(("THE", "cat", "99", "dog")).tolist() == [3, 0, 1, 2]
    assert lexicon.counts([("the", "dog", "x"), ("the",)]).tolist() == [1, 0, 1, 2]
    spelled = {letter: n for n, letter in enumerate(lexicon.letters, 2)}
    assert lexicon.spell("Tog€").tolist() == [spelled["T"], spelled["o"], spelled["g"], 1]
    long = lexicon.spell("d" * 500 + "g")
    assert (len(long), long[-1]) == (LETTERS, spelled["g"])
    batch = lexicon.read([("dog", "the", "dog"), ("cat",)])
    assert batch.words.tolist() == [[2, 0], [3, 0], [2, 0]]
    assert batch.spelling.tolist() == [[0, 2], [1, 0], [0, 0]]
    assert batch.letters.shape == (3, 3)  # three different words, of three letters
    assert Lexicon.from_json(lexicon.to_json()).ids(("THE", "0x")).tolist() == [3, 0]
    assert Lexicon.of([("a", "a", "b")], min_count=2).words == ["a"]
    assert normal("B-52", False) == "B-00"


def test_words_are_taken_for_unknown_by_how_rare_they_are(file):
    task = prepared(small(file, word_dropout=1.0, batch_size=20))
    seen = np.zeros((len(task.lexicon.words) + 1, 2))
    for step in range(400):
        chosen = [task.parts[n] for n in task.batches[step]]
        given = task.batch(step).sentences
        true = task.lexicon.read([task.sets.train[n].words[a:b] for n, a, b in chosen])
        assert torch.equal(given.spelling, true.spelling)
        for lane, length in enumerate(given.lengths.tolist()):
            for a, b in zip(true.words[:length, lane].tolist(), given.words[:length, lane].tolist(), strict=True):
                assert b in (0, a)
                seen[a] += 1, b == 0
    counts = task.lexicon.counts([one.words for one in task.sets.train])[1:]
    shares = seen[1:, 1] / seen[1:, 0]
    np.testing.assert_allclose(shares, 1 / (1 + counts), atol=0.06)
    assert torch.equal(task.batch(7).sentences.words, task.batch(7).sentences.words)


def test_long_sentences_are_read_in_stretches(file):
    assert stretches(7, 3) == [(0, 3), (3, 6), (6, 7)]
    task, model = untrained(small(file, max_words=4))
    words = tuple("Teddy bears are here to Rose Lee in Amber".split())
    ids = np.array([task.tags.tags.index(max(one, key=one.get)) for one in model.probabilities(words)])
    assert model.tag([words])[0] == task.tags.named(ids)
    p = model.probabilities(words)
    assert p[5] == pytest.approx(model.probabilities(words[4:8])[1], abs=1e-6)
    sentence = Sentence(words, ("O",) * 9)
    alone = [model.evaluate([Sentence(words[a:b], ("O",) * (b - a))])[0]["loss"] * (b - a) for a, b in stretches(9, 4)]
    assert model.evaluate([sentence])[0]["loss"] == pytest.approx(sum(alone) / 9, rel=1e-5)


@pytest.mark.parametrize("tagging", ["bio", "iobes"])
def test_an_entity_cut_by_a_stretch_is_no_impossible_one(file, tagging):
    task, model = untrained(small(file, crf=True, max_words=1, tagging=tagging))
    assert all(task.tags.tags[int(tag)][0] in "OBS" for step in range(5) for tag in task.batch(step).tags[0])
    batch = task.batch(0)
    assert task.loss(model.model, batch, None)[0].item() < 10  # the CRF gives what its scheme forbids e^-10000
    assert model.evaluate(task.sets.train)[0]["loss"] < 10


def test_a_sentence_of_a_hundred_thousand_words(tmp_path):
    path = tmp_path / "long"
    path.write_text("word O\nTeddy B-person\n" * 50_000 + "\n" + "x O\n\n" * 50)
    task = Tagging(small(str(path), batch_size=16, hidden_size=3, fractions=(0.5, 0.25, 0.25)))
    notes = task.prepare()
    longest = max(b - a for _, a, b in task.parts)
    assert longest <= task.config.data.max_words
    assert max(map(len, [*task.sets.train, *task.sets.valid, *task.sets.test])) == 100_000
    model = TrainedTagger(task.build_model(), task.lexicon, task.tags, task.config)
    found = model.evaluate(
        next(part for part in (task.sets.train, task.sets.valid, task.sets.test) if len(part[0]) > 1)
    )
    assert 0 < found[0]["loss"] < 5
    if len(task.sets.train[0]) > 1:
        assert any("words are split" in note for note in notes)


# Raw text


def test_pieces_joined_are_the_text(learned):
    model, _ = learned
    texts = [
        "Teddy Gray was here", "  Teddy\tbears are here\r\n\r\nto Rose  Lee\n", "", "\n",
        "\u00a0 \U0001f600 x", "Rose", "Teddy bears are there\nAmber Marsh was here",
    ]  # fmt: skip
    for explain in (False, True):
        for text, said in zip(texts, model.predict(texts, explain=explain), strict=True):
            assert "".join(piece.text for piece in said.pieces) == text
            assert said.answer == ""
    said = model.predict(texts)
    assert [(p.text, p.label) for p in said[0].pieces if p.label] == [("Teddy Gray", "person")]
    assert [(p.text, p.label) for p in said[1].pieces if p.label] == [("Rose  Lee", "person")]
    assert [(p.text, p.label) for p in said[-1].pieces if p.label] == [("Amber Marsh", "person")]


def test_what_moved_the_decision_is_said_of_the_words_around(learned):
    model, _ = learned
    plain, told = (model.predict(["to Teddy Lee"], explain=explain)[0] for explain in (False, True))
    assert [piece.weight for piece in plain.pieces] == [0] * len(plain.pieces)
    weights = {piece.text: piece.weight for piece in told.pieces if not piece.label}
    assert set(weights) == {"to", " "}
    assert 0 < abs(weights["to"]) <= 1
    assert not any(piece.weight for piece in model.predict(["bears are here"], explain=True)[0].pieces)


def test_what_a_preview_shows():
    words = "Rose Lee met Tom in Bonn".split()
    true, tags = "B-per I-per O B-per O B-loc".split(), "B-per I-per O O O B-per".split()
    assert compared(words, true, tags, False) == "[Rose Lee]per✓ met Tom in [Bonn]per✗   missed: [Tom]per, [Bonn]loc"
    assert compared(["a", "b"], ["X", "Y"], ["X", "Z"], True) == "a/X b/Z✗(Y)"


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": 2, "folds": 2}, "fold must be less than folds"),
        ({"folds": 1}, "fold must be less than folds"),
        ({"fold": 1}, "fold must be less than folds"),
        ({"folds": 5, "test": "x"}, "test must be omitted with folds"),
        ({"fractions": (0.5, 0.5, 0.5)}, "fractions must be three fractions"),
        ({"characters": "recurrent", "character_size": 7}, "character_size must be even"),
        ({"word_dropout": -1.0}, "word_dropout must be a number of at least 0"),
        ({"max_words": 0}, "max_words"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        update(TagConfig(), **options)


def test_nothing_is_left_of_a_run_that_could_not_begin(tmp_path):
    path = tmp_path / "words"
    for text, message in [
        ("a O\nb O\n", "there is nothing to learn"),
        ("", "has no sentences"),
        ("a B-x\nb\n", "line 2 of .* has 1 column"),
        ("".join(f"a t{n}\n\n" for n in range(5000)), "5,000 different tags, at most 4,096 are supported"),
        ("".join(f"a B-{n}\n\n" for n in range(600)), "1,201 different tags, at most 1,024 are supported"),
        ("a B-x\n\nb I-x\n\nc B-x\nd I-x\n\ne B-y\n", "line 3: I-x after the beginning"),
    ]:
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            unrolled.train("tag", run=tmp_path / "run", **{**SMALL, "data": str(path), "steps": 1})
        assert not (tmp_path / "run").exists()


def test_measuring_on_what_the_model_does_not_know(learned, tmp_path):
    model, _ = learned
    other = tmp_path / "other"
    other.write_text("Teddy B-firm\n")
    with pytest.raises(DataError, match="unknown label 'firm' in line 1: the training text has person, place"):
        model.evaluate_data(str(other))
    with pytest.raises(ArgumentError, match=r"sentences must be lists of words, got 'Teddy Lee'; use predict\(\)"):
        model.tag(["Teddy Lee"])
    with pytest.raises(DataError, match="no sentences to evaluate on"):
        model.evaluate_data(split="test")


def test_data_that_changed_since(tmp_path):
    path = tmp_path / "words"
    path.write_text("\n".join(LINES))
    model = unrolled.train("tag", run=tmp_path / "run", **{**SMALL, "data": str(path), "steps": 1})
    path.write_text("\n".join(LINES).replace("Lee", "Ray"))
    with pytest.raises(RunError, match="has changed since the model was trained"):
        model.evaluate_data(split="train")
    with pytest.raises(RunError, match="has changed since it was trained"):
        unrolled.resume(tmp_path / "run", steps=2)
    path.unlink()
    with pytest.raises(RunError, match=r"cannot be read: file or tagged data set .* does not exist.*; or give --data"):
        model.evaluate_data(split="train")


def test_a_model_file_may_come_from_anyone(learned, tmp_path):
    _, run = learned
    file = modelfile.load(run / "model.safetensors")

    def altered(**parts):
        modelfile.save(
            tmp_path / "m.safetensors",
            file.tensors,
            file.task,
            parts.get("config", file.config),
            {**file.assets, **parts.get("assets", {})},
        )
        return unrolled.load(tmp_path / "m.safetensors")

    assert altered().tag([["Teddy", "Lee", "was", "here"]])[0][0] == "B-person"
    larger = file.config.replace("hidden_size = 12\n", "hidden_size = 40000000\n")
    assert larger != file.config
    for parts, message in [
        ({"config": larger}, "do not match its config"),
        ({"assets": {"lexicon": None}}, "valid list of words"),
        ({"assets": {"lexicon": {"words": ["a", "a"], "letters": []}}}, "valid list of words"),
        ({"assets": {"lexicon": {"words": ["a"], "letters": ["b"]}}}, "do not match its config"),
        ({"assets": {"tags": {"tags": [], "scheme": "bio"}}}, "does not list its tags"),
        ({"assets": {"tags": {"tags": ["O"], "scheme": "other"}}}, "does not list its tags"),
        ({"assets": {"tags": {"tags": list("abcdefg"), "scheme": "plain"}}}, "do not match its config"),
    ]:
        with pytest.raises(RunError, match=message):
            altered(**parts)


def test_tags_as_numbers():
    sentences = [Sentence(("a", "b"), ("B-x", "I-x")), Sentence(("c",), ("B-y",))]
    bio, iobes = TagSet.of(sentences, "bio"), TagSet.of(sentences, "iobes")
    assert bio.tags == ["O", "B-x", "I-x", "B-y", "I-y"]
    assert (len(iobes), iobes.types) == (9, ["x", "y"])
    assert [iobes.tags[n] for n in iobes.numbers(("B-x", "I-x", "O", "B-y"))] == ["B-x", "E-x", "O", "S-y"]
    assert iobes.named(iobes.numbers(("B-x", "I-x", "O", "B-y"))) == ["B-x", "I-x", "O", "B-y"]
    assert TagSet.from_json(bio.to_json()).tags == bio.tags
    assert entities(bio.named(np.array([2, 2, 0]))) == [(0, 2, "x")]  # a tag that cannot begin, as conlleval reads it
