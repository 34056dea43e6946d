"""After the last step: the learning curve's picture, advice, and the length of training that was planned."""

import signal

import pytest
from test_loop import Toy, config, train

from unrolled.training import ending, loop, plan
from unrolled.training.config import update
from unrolled.training.log import Offer

LOSSES = [1.0, 0.5, 0.8, 0.9, 0.9, 0.9]


def test_every_run_has_its_curve_and_advice(tmp_path):
    task = Toy(config(steps=6, eval_every=1), losses=LOSSES)
    summary, _ = train(tmp_path / "run", task)
    assert "best: 0.5 at step 2" in (tmp_path / "run" / "curve.svg").read_text()
    assert summary.advice.startswith("overfitting: best at step 2, a third of 6")
    assert (summary.longer, summary.planned) == (False, 6)
    assert summary.advice in summary.plain()


def test_an_interrupted_run_has_its_curve_and_the_resumed_run_the_whole(tmp_path):
    task = Toy(config(steps=6, eval_every=1), at={3: lambda: signal.raise_signal(signal.SIGINT)}, losses=LOSSES)
    summary, _ = train(tmp_path / "run", task)
    picture = tmp_path / "run" / "curve.svg"
    assert picture.read_text().count('class="dot"') == 4
    assert (summary.stopped, summary.advice, summary.longer) == ("interrupted", "", False)
    train(tmp_path / "run", Toy(task.config, losses=LOSSES[4:]), resume=True)
    assert picture.read_text().count('class="dot"') == 6


def test_a_curve_that_cannot_be_written_is_a_note(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ending, "write_atomically", full)
    summary, notebook = train(tmp_path / "run", Toy(config(steps=2)))
    assert summary.stopped == "finished"
    assert notebook.notes == ["no learning curve: [Errno 28] No space left on device"]


def test_a_better_model_is_named_in_the_summary(tmp_path):
    class Offering(Toy):
        def offer(self, model):
            return Offer(f"{float(model.w.detach())} against 0.1", ("train", "toy", "--data", "a b"))

    summary, _ = train(tmp_path / "run", Offering(config(steps=1), losses=[0.5]))
    assert summary.plain().endswith("-0.25 against 0.1: unrolled train toy --data 'a b'")


@pytest.mark.parametrize(
    ("options", "steps", "note"),
    [
        ({"epochs": 3.0}, 12, "3 epochs are 12 steps"),
        ({"epochs": 3.0, "min_steps": 12}, 12, "3 epochs are 12 steps"),
        (
            {"epochs": 3.0, "min_steps": 60},
            60,
            "training for 15 epochs, 60 steps, because the data are small: 3 epochs are 12 steps only "
            "(--epochs 3 keeps them)",
        ),
    ],
)
def test_small_data_is_trained_for_more_epochs(options, steps, note):
    assert plan.plan_steps(Toy(config(**options))) == (steps, note)


def test_a_length_that_is_given_replaces_the_default_and_its_minimum():
    usual = config(epochs=10.0, min_steps=600)
    for options in ({"steps": 5}, {"time": "5m"}, {"epochs": 2.0}, {"max_epochs": 2.0}):
        assert update(usual, **options).training.min_steps == 0
    assert update(usual, epochs=2.0, min_steps=9).training.min_steps == 9


def test_a_shortened_warm_up_is_said(tmp_path):
    told = []

    class Telling(Toy):
        def preview(self, model):
            return ""

    class Start(loop.Silent):
        def start(self, folder, task, unit, config, notes):
            told.extend(notes)

    folder = loop.RunFolder.create(tmp_path / "run")
    loop.train(Telling(config(steps=20, warmup=90)), folder, Start())
    assert told[1:] == ["the learning rate warms up for 2 steps, a tenth of the training, not 90"]
