"""``train --from RUN``: the old network with new data, for every task, and a language model under a classifier."""

import json
from pathlib import Path

import pytest
import torch

import unrolled
from unrolled import api
from unrolled.cli import main
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.tasks.registry import task_class
from unrolled.tasks.starting import start_source
from unrolled.training import modelfile
from unrolled.training.log import Silent
from unrolled.training.step import Stepper

TRAINED = Path(__file__).parents[1] / "fixtures" / "trained"
SHORT = {"steps": 1, "batch_size": 4, "lr": 1e-9, "average": "none", "weight_decay": 0.0, "reporter": Silent()}
REVIEWS = [("the cat sat", "neg"), ("on the mat", "pos"), ("a dog", "neg"), ("the door", "pos")] * 8


class Notes(Silent):
    def start(self, folder, task, unit, config, notes):
        self.notes = notes


def tensors_of(run):
    return modelfile.load(run if run.is_file() else run / "model.safetensors").tensors


def started(task, run, **options):
    """A model before its first step, and its task."""
    problem = task_class(task)(api.configured(task_class(task), {"from_run": str(run), **options}))
    problem.source = start_source(task_class(task), problem.config)
    problem.prepare()
    return Stepper(problem, torch.device("cpu"), 1).model.state_dict(), problem


DATA = {
    "lm": "the cat, by. r on dhmo " * 12,
    "classify": '{"text": "good and bad", "label": "positive"}\n{"text": "dull", "label": "negative"}\n' * 9,
    "tag": "".join(f"the\tO\nXy\tB-{kind}\n\n" for kind in ("date", "organisation", "person", "place") * 9),
    "translate": "".join(f"{day} May 2016\t2016-05-{day:02}\n" for day in range(1, 29)),
    "memory": "copy",
}


@pytest.mark.parametrize("task", DATA)
def test_a_run_of_the_same_task_starts_with_its_weights(task, tmp_path):
    path = tmp_path / {"classify": "a.jsonl", "tag": "a.conll", "translate": "a.tsv"}.get(task, "a.txt")
    path.write_text(DATA[task])
    options = {"lm": {"bptt": 4}, "translate": {"min_count": 1}}.get(task, {})
    data = "copy" if task == "memory" else str(path)
    new, problem = started(task, TRAINED / task, batch_size=4, data=data, **options)
    old = tensors_of(TRAINED / task)
    assert problem.config.model.hidden_size == 4
    assert new.keys() == old.keys()
    same = {name for name in new if new[name].shape == old[name].shape and torch.equal(new[name], old[name])}
    assert same >= {name for name in new if "hh" in name or "head" in name}
    assert len(same) >= len(new) - 4  # tables of tokens may be longer


def test_new_characters_extend_a_language_model(tmp_path):
    reporter, old = Notes(), tensors_of(TRAINED / "lm")
    data = "text:" + "the cat sat on the mat? " * 9
    options = SHORT | {"bptt": 8, "preview_length": 0, "reporter": reporter}
    model = unrolled.train("lm", data=data, from_run=TRAINED / "lm", run=tmp_path / "run", **options)
    vocabulary = unrolled.load(TRAINED / "lm").vocabulary
    assert model.vocabulary.symbols == "".join(sorted(vocabulary.symbols + "?"))
    assert f"vocabulary of {TRAINED / 'lm'}: {len(vocabulary)} tokens, 1 new" in reporter.notes
    assert f"{len(old)} of {len(old)} tensors" in "".join(reporter.notes)
    assert model.report(split="train")["loss"] > 0  # the run's own text is found
    new, name = tensors_of(tmp_path / "run"), "stack.layers.0.0.weight_ih"
    columns = [model.vocabulary.symbols.index(c) for c in vocabulary.symbols]
    torch.testing.assert_close(new[name][:, columns], old[name], rtol=0, atol=1e-6)
    added = model.vocabulary.symbols.index("?")
    torch.testing.assert_close(new[name][:, added], old[name].mean(1), rtol=0, atol=1e-6)


def test_a_language_model_under_a_classifier(tmp_path):
    model = unrolled.train(
        "classify",
        data=REVIEWS,
        from_run=TRAINED / "lm",
        head="new",
        bidirectional=False,
        run=tmp_path / "run",
        **SHORT,
    )
    old, new = tensors_of(TRAINED / "lm"), tensors_of(tmp_path / "run")
    assert model.config.reading.vocabulary == "char"
    assert (model.config.answer.bidirectional, model.config.answer.pooling) == (False, "concat")
    name = "stack.layers.0.0.weight_hh"
    torch.testing.assert_close(new[name], old[name], rtol=0, atol=1e-6)
    assert new["head.weight"].shape == (2, 12)
    answer = model.predict(["the cat"])[0]
    again = unrolled.load(tmp_path / "run").predict(["the cat"])[0]
    assert answer.probabilities == again.probabilities
    assert model.streaming().initial_state().pooled.value.shape == (1, 12)


def test_defaults_beside_a_language_model():
    given = {"from_run": TRAINED / "lm", "head": "new"}
    assert api.configured(task_class("classify"), given).training.lr == 6e-3
    assert api.configured(task_class("classify"), given | {"lr": 1e-3}).training.lr == 1e-3


def test_words_of_a_language_model(tmp_path):
    words = {"vocabulary": "word", "hidden_size": 5, "num_layers": 1, "embedding_size": 3, "bptt": 4}
    text = "text:" + "The cat sat on the mat. A dog ate (the fish).\n" * 12
    unrolled.train("lm", data=text, run=tmp_path / "lm", preview_length=0, **words, **SHORT)
    options = SHORT | {"data": REVIEWS, "head": "new", "embedding_dropout": 0.0}
    model = unrolled.train("classify", from_run=tmp_path / "lm", run=tmp_path / "run", **options)
    assert model.config.reading.vocabulary == "spaced"
    assert model.config.answer.bidirectional  # one layer: the backward direction is new
    assert not model.config.reading.lowercase
    ids = model.reader.encode("The cat door")
    assert [model.reader.vocabulary.words[i] for i in ids[:2]] == ["The", " cat"]
    assert "".join(piece for piece, _ in model.reader.pieces("The cat  door")) == "The cat  door"
    old, new = tensors_of(tmp_path / "lm")["embedding.weight"], tensors_of(tmp_path / "run")["embedding.table.weight"]
    torch.testing.assert_close(new[: len(old)], old, rtol=0, atol=1e-6)
    assert len(new) > len(old)


def write(path, rows):
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return str(path)


def test_classes_in_another_order_more_or_new_ones(tmp_path):
    file = modelfile.load(TRAINED / "classify" / "model.safetensors")
    names = file.assets["classes"]
    assert len(names) == 2
    backwards = tmp_path / "model.safetensors"
    flipped = {n: t.flip(0) if n.startswith("head.") else t for n, t in file.tensors.items()}
    modelfile.save(backwards, flipped, file.task, file.config, {**file.assets, "classes": names[::-1]})
    texts = [("good and bad", name) for name in names] * 9
    data, more = write(tmp_path / "a.jsonl", texts), write(tmp_path / "b.jsonl", [*texts, *[("film", "between")] * 9])
    for run, order in ((TRAINED / "classify", names), (backwards, names[::-1])):
        new, task = started("classify", run, data=data)
        assert task.classes == order
        torch.testing.assert_close(new["head.weight"], tensors_of(run)["head.weight"])
    with pytest.raises(ArgumentError, match=r"head must be new if the classes differ, got 'auto: .*; keep adds"):
        started("classify", backwards, data=more)
    new, task = started("classify", backwards, data=more, head="keep")
    assert task.classes == [*names[::-1], "between"]
    torch.testing.assert_close(new["head.weight"][:2], flipped["head.weight"])
    new, task = started("classify", backwards, data=more, head="new")
    assert task.classes == sorted([*names, "between"])
    assert new["head.weight"].shape[0] == 3


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("train classify --from {lm}", "--head must be new with a run of another task, got 'auto: {lm} is a run"),
        ("train lm --from {classify}", "--from must be a run of the task lm, got '{classify}, a run of the task class"),
        ("train tag --from {lm} --head new", "layers do not read words together with their characters"),
        ("train translate --from {lm}", "--from must be a run of the task translate"),
        (
            "train lm --from {lm} --hidden-size 6",
            "--hidden-size must be 4, as in {lm} (stack.layers.0.0.weight_hh 16×4",
        ),
        ("train lm --from {lm} --vocabulary word", "--vocabulary must be char, as in {lm}"),
        ("train lm --from {lm} --kind ngram", "--from must be omitted with --kind ngram"),
        ("train classify --from {lm} --head new --kind bag", "must be omitted with --kind bag"),
        ("train lm --from nothing", "nothing is not a file"),
        ("train lm --from", "--from needs a value: a text"),
        ("train classify --head new", "--head must be omitted without --from"),
        ("resume {lm} --from {lm}", "unrolled resume has no option --from"),
    ],
)
def test_errors_before_any_work(words, error, unrolled, home):
    places = {task: str(TRAINED / task) for task in ("lm", "classify")}
    said = unrolled(*words.format(**places).split())
    assert said.status == 2
    assert error.format(**places) in said.err
    assert not list(home.glob("runs/*"))


def test_a_model_that_counts_and_other_letters_are_refused(tmp_path):
    text = "text:" + "the cat sat on the mat. " * 20
    unrolled.train("lm", data=text, kind="ngram", order=2, run=tmp_path / "counts", reporter=Silent())
    with pytest.raises(
        ArgumentError, match=r"from_run must be a run of a recurrent network, got '.*counts, one of --kind ngram"
    ):
        unrolled.train("lm", from_run=tmp_path / "counts", **SHORT)
    with pytest.raises(DataError, match="have no character in common"):
        unrolled.train(
            "lm", data="text:" + "ПРИВЕТ" * 90, bptt=8, from_run=TRAINED / "lm", run=tmp_path / "run", **SHORT
        )
    assert not (tmp_path / "run").exists()
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes((TRAINED / "lm" / "model.safetensors").read_bytes()[:-9])
    with pytest.raises(RunError, match="truncated or damaged"):
        unrolled.train("lm", from_run=damaged, **SHORT)


def test_the_flag_is_from_and_the_config_has_the_run(tmp_path, capsys):
    words = f"train memory copy --from {TRAINED / 'memory'} --freeze stack --steps 1 --json --run {tmp_path / 'run'}"
    assert main(words.split()) == 0
    assert "frozen" in capsys.readouterr().out
    assert f'from_run = "{TRAINED / "memory"}"' in (tmp_path / "run" / "config.toml").read_text()
    assert main(["train", "memory", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "  --from STR            run, model file" in shown
    assert "--from-run" not in shown
