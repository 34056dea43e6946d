"""The loop itself, on a task small enough to follow by hand."""

import json
import signal
import threading
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from unrolled.errors import ArgumentError, DivergedError, RunError, SaveError
from unrolled.kernels import extension
from unrolled.training import checkpoint, loop, modelfile, plan
from unrolled.training.config import from_toml, parse_toml, update
from unrolled.training.folder import RunFolder
from unrolled.training.log import Silent
from unrolled.training.metrics import LOSS, Metric
from unrolled.training.options import Training
from unrolled.training.process import Interrupt, check_device, interruptible, mixed_precision
from unrolled.training.task import Task


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    """Options of the toy."""

    slope: float = 1.0
    """of the loss"""


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """Config of the toy."""

    toy: ToyOptions = field(default_factory=ToyOptions)
    training: Training = field(default_factory=Training)


class Toy(Task):
    """One weight w, pulled down by ``slope`` a step: with sgd w is −slope · the sum of the learning rates.

    The carried state counts the steps; validation losses come from a list; what the loop calls is written down.
    """

    name, Config, unit = "toy", ToyConfig, "things"

    def __init__(self, config, losses=(), at=None, nan_at=-1):
        super().__init__(config)
        self.losses, self.calls, self.seen = list(losses), [], []
        self.at, self.nan_at = at or {}, nan_at  # at: step -> what to do before it
        self.data = "abc"

    def prepare(self):
        return ["a note"]

    def build_model(self):
        model = nn.Module()
        model.w = nn.Parameter(torch.zeros(1, 1))
        model.W = nn.Parameter(torch.randn(4, 4))
        return model

    steps_per_epoch = 4.0

    def batch(self, step):
        self.at.get(step, lambda: None)()
        return step

    def units(self, batch):
        return 3.0 if batch % 4 == 3 else 10.0  # the last of a pass is shorter

    def carry(self, model):
        return (torch.zeros(2, 3),)

    def loss(self, model, batch, carry):
        self.seen.append((batch, carry[0].requires_grad, float(carry[0][0, 0])))
        x = torch.randn(5, 4)  # as dropout would: from the global generator
        y = (x @ model.W).square().mean() * 0
        value = model.w.sum() * self.config.toy.slope + y + (torch.nan if batch == self.nan_at else 0.0)
        return value, (carry[0] + 1 + 0 * model.w,)

    def evaluate(self, model, split):
        self.calls.append((split, float(model.w.detach()), model.training))
        torch.randn(100)  # evaluation may draw as it likes
        if split == "test":
            return {"loss": 77.0}
        return {"loss": self.losses.pop(0) if self.losses else float(model.w.detach())}

    def preview(self, model):
        self.calls.append(("preview", float(model.w.detach()), model.training))
        return "preview"

    def assets(self):
        return {"toy": True}

    def fingerprint(self):
        return self.data

    @classmethod
    def open(cls, file, config):
        return file


class Notebook(Silent):
    """A reporter that writes everything down."""

    def __init__(self):
        self.evaluations, self.notes, self.reports, self.summary = [], [], [], None

    def note(self, text):
        self.notes.append(text)

    def progress(self, progress):
        self.reports.append(progress)

    def evaluated(self, step, metrics, best):
        self.evaluations.append((step, metrics["loss"], best))

    def end(self, summary):
        self.summary = summary


PLAIN = {"optimizer": "sgd", "lr": 0.25, "weight_decay": 0.0, "schedule": "constant", "warmup": 0, "average": "none"}


def config(**options):
    return update(ToyConfig(), **{**PLAIN, "checkpoint_seconds": 1e6, **options})


def train(path, task, *, resume=False):
    notebook = Notebook()
    folder = RunFolder.open(path) if resume else RunFolder.create(path)
    summary = loop.train(task, folder, notebook, resume=resume)
    assert notebook.summary is summary
    return summary, notebook


def rows(path, split=None):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line.get("split") == split]


def test_steps_carry_detached_state_and_everything_is_called_when_it_should(tmp_path):
    task = Toy(config(steps=10, eval_every=4))
    summary, notebook = train(tmp_path / "run", task)
    assert task.seen == [(step, False, float(step)) for step in range(10)]
    w = -0.25
    assert task.calls == [
        ("preview", 0.0, False),
        ("valid", 4 * w, False),
        ("preview", 4 * w, False),
        ("valid", 8 * w, False),
        ("preview", 8 * w, False),
        ("valid", 10 * w, False),
        ("preview", 10 * w, False),
        ("test", 10 * w, False),
    ]
    assert notebook.evaluations == [(4, -1.0, True), (8, -2.0, True), (10, -2.5, True)]
    assert (summary.stopped, summary.steps, summary.test) == ("finished", 10, {"loss": 77.0})
    assert summary.best == {"loss": -2.5, "step": 10}
    assert sorted(p.name for p in (tmp_path / "run" / "previews").iterdir()) == [
        f"step-{step:07d}.txt" for step in (0, 4, 8, 10)
    ]
    assert [row["loss"] for row in rows(tmp_path / "run")] == [w * step for step in range(10)]
    assert [row["step"] for row in rows(tmp_path / "run", "valid")] == [4, 8, 10]
    assert rows(tmp_path / "run", "test") == [{"step": 10, "split": "test", "loss": 77.0}]


def test_the_mean_loss_counts_a_shorter_window_for_less(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_LINES", 1)
    train(tmp_path / "run", Toy(config(steps=4, eval_every=4)))
    expected = sum(units * -0.25 * step for step, units in enumerate([10, 10, 10, 3])) / 33
    assert [(row["step"], row["loss"]) for row in rows(tmp_path / "run")] == [(4, pytest.approx(expected))]


def test_the_end_is_logged_even_between_two_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_LINES", 2)
    train(tmp_path / "run", Toy(config(steps=7, eval_every=7)))
    assert [row["step"] for row in rows(tmp_path / "run")] == [3, 6, 7]


def test_the_best_model_is_kept_and_tested(tmp_path):
    task = Toy(config(steps=6, eval_every=1), losses=[3.0, 2.0, 2.5, 1.0, 1.0, 4.0])
    summary, notebook = train(tmp_path / "run", task)
    assert [best for *_, best in notebook.evaluations] == [True, True, False, True, False, False]
    assert summary.best == {"loss": 1.0, "step": 4}
    assert float(modelfile.load(tmp_path / "run" / "model.safetensors").tensors["w"]) == -1.0
    assert task.calls[-1] == ("test", -1.0, False)


def test_a_validation_loss_that_is_no_number_is_never_the_best(tmp_path):
    nan = float("nan")
    summary, notebook = train(tmp_path / "run", Toy(config(steps=4, eval_every=1), losses=[nan, 5.0, nan, 6.0]))
    assert [best for *_, best in notebook.evaluations] == [True, True, False, False]
    assert summary.best == {"loss": 5.0, "step": 2}


SCORE = Metric("score", "points", larger_is_better=True)


def test_a_task_may_be_decided_by_a_score_that_should_be_large(tmp_path):
    class Scored(Toy):
        metrics = (LOSS, SCORE)
        decides = "score"

        def evaluate(self, model, split):
            score = self.losses.pop(0)
            return super().evaluate(model, split) | {"score": score}

    pairs = [0.0, 3.0, 0.0, 2.0, 0.5, 2.5, 0.5, 2.5, 0.4, 1.0, 0.6, 9.0]  # score, loss, score, loss, …
    task = Scored(config(steps=6, eval_every=1), losses=[*pairs, 0.1])
    summary, notebook = train(tmp_path / "run", task)
    assert [best for *_, best in notebook.evaluations] == [True, True, True, False, False, True]
    assert summary.best == {"loss": 9.0, "score": 0.6, "step": 6}
    task = Scored(config(steps=20, eval_every=1, patience=1), losses=[0.3, 1.0, 0.3, 0.9, 0.2, 0.1, 0.1])
    summary, _ = train(tmp_path / "stopped", task)  # the same score with a smaller loss is better
    assert (summary.steps, summary.best["step"]) == (3, 2)


def test_a_task_may_be_decided_by_an_error_rate_that_should_be_small(tmp_path):
    class Wrong(Toy):
        metrics = (LOSS, Metric("error_rate", "wrong"))
        decides = "error_rate"

        def evaluate(self, model, split):
            rate = self.losses.pop(0)
            return super().evaluate(model, split) | {"error_rate": rate}

    pairs = [0.5, 1.0, 0.2, 3.0, 0.4, 0.1]  # rate, loss, rate, loss, …
    task = Wrong(config(steps=6, eval_every=2), losses=[*pairs, 0.2, 3.0])
    summary, notebook = train(tmp_path / "run", task)
    assert [best for *_, best in notebook.evaluations] == [True, True, False]
    assert summary.best == {"loss": 3.0, "error_rate": 0.2, "step": 4}
    task = Wrong(config(steps=6, eval_every=1, until=0.25), losses=[*pairs, 0.2, 3.0])
    summary, _ = train(tmp_path / "enough", task)
    assert (summary.steps, summary.stopped) == (2, "reached a validation error_rate of 0.25")


def test_what_decides_must_be_a_metric_of_the_task(tmp_path):
    class Lost(Toy):
        decides = "f1"

    with pytest.raises(ArgumentError, match=r"Toy|Lost"):
        train(tmp_path / "run", Lost(config(steps=1), losses=[1.0]))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_early_stopping(tmp_path):
    losses = [3.0, 2.0, 2.1, 1.9, 2.0, 2.0, 2.0]
    task = Toy(config(steps=20, eval_every=2, patience=2), losses=losses)
    summary, _ = train(tmp_path / "run", task)
    assert (summary.steps, summary.stopped) == (12, "no better for 2 evaluations")
    assert summary.best == {"loss": 1.9, "step": 8}
    assert summary.test == {"loss": 77.0}
    again, _ = train(tmp_path / "run", Toy(task.config), resume=True)  # it has stopped, and stays so
    assert (again.steps, again.stopped, again.best) == (12, "no better for 2 evaluations", summary.best)
    more, _ = train(tmp_path / "run", Toy(update(task.config, patience=0)), resume=True)
    assert (more.steps, more.stopped) == (20, "finished")


def test_training_ends_when_it_is_good_enough(tmp_path):
    losses = [3.0, 2.0, 2.1, 1.5, 1.0, 1.0]
    task = Toy(config(steps=12, eval_every=2, until=1.5), losses=losses)
    summary, _ = train(tmp_path / "run", task)
    assert (summary.steps, summary.stopped, summary.best["loss"]) == (8, "reached a validation loss of 1.5", 1.5)
    again, _ = train(tmp_path / "run", Toy(task.config), resume=True)
    assert (again.steps, again.stopped) == (8, "reached a validation loss of 1.5")
    more, _ = train(tmp_path / "run", Toy(update(task.config, until=None), losses=[1.0, 1.0]), resume=True)
    assert (more.steps, more.stopped) == (12, "finished")

    class Scored(Toy):
        metrics = (LOSS, SCORE)
        decides = "score"

        def evaluate(self, model, split):
            return super().evaluate(model, split) | {"score": scores.pop(0)}

    task = Scored(config(steps=9, eval_every=1, until=0.9), losses=[3.0, 0.1, 1.0])
    scores = [0.5, 0.8, 0.9, 0.0]
    summary, _ = train(tmp_path / "scored", task)
    assert (summary.steps, summary.stopped) == (3, "reached a validation score of 0.9")


def test_plateau(tmp_path):
    task = Toy(config(steps=6, eval_every=1, schedule="plateau", decay=0.5), losses=[3.0, 3.0, 2.0, 2.0, 9.0, 1.0])
    train(tmp_path / "run", task)
    assert [row["lr"] for row in rows(tmp_path / "run")] == [0.25, 0.25, 0.125, 0.125, 0.0625, 0.03125]


def test_the_average_is_what_is_scored_and_kept(tmp_path):
    task = Toy(config(steps=4, eval_every=4, average="swa", swa_start=0.5))
    train(tmp_path / "run", task)
    assert task.calls[1] == ("valid", pytest.approx((-0.75 - 1.0) / 2), False)
    assert float(modelfile.load(tmp_path / "run" / "model.safetensors").tensors["w"]) == pytest.approx(-0.875)
    tensors, state = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert (float(tensors["model.w"]), float(tensors["average.w"]), state["averaged"]) == (
        -1.0,
        pytest.approx(-0.875),
        2,
    )


def test_a_loss_that_is_no_number_stops_with_advice_and_the_checkpoint_stands(tmp_path):
    saved = []
    at = {
        step: lambda: saved.append(checkpoint.load_newest(tmp_path / "run" / "checkpoints")[1]["step"])
        for step in (0, 5)
    }
    task = Toy(config(steps=10, checkpoint_seconds=1e-9, clip=0.0), nan_at=5, at=at)
    with pytest.raises(DivergedError) as caught:
        train(tmp_path / "run", task)
    assert str(caught.value) == (
        "at step 5 the loss is nan and the gradient norm 1: training diverged. The last checkpoint is intact: "
        "continue from it with unrolled resume and a lower --lr (now 0.25) or --clip (now off: try 1), or train a new "
        "run with a longer --warmup"
    )
    assert saved == [0, 5]
    tensors, state = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert (state["step"], float(tensors["model.w"])) == (5, -1.25)


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change(tmp_path):
    task = Toy(config(steps=3, slope=float("inf"), checkpoint_seconds=1e-9))
    with pytest.raises(DivergedError, match="gradient norm inf"):
        train(tmp_path / "run", task)
    tensors, _ = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert float(tensors["model.w"]) == 0.0


def test_ctrl_c_saves_scores_and_leaves_the_rest_to_resume(tmp_path):
    task = Toy(config(steps=12, eval_every=4), at={5: lambda: signal.raise_signal(signal.SIGINT)})
    summary, notebook = train(tmp_path / "run", task)
    assert (summary.steps, summary.stopped, summary.test) == (6, "interrupted", {})
    assert notebook.evaluations == [(4, -1.0, True), (6, -1.5, True)]
    assert checkpoint.load_newest(tmp_path / "run" / "checkpoints")[1]["step"] == 6
    assert float(modelfile.load(tmp_path / "run" / "model.safetensors").tensors["w"]) == -1.5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    summary, notebook = train(tmp_path / "run", Toy(task.config), resume=True)
    assert notebook.notes == ["resuming at step 6 of 12"]
    assert (summary.steps, summary.stopped, summary.best) == (12, "finished", {"loss": -3.0, "step": 12})
    assert [row["step"] for row in rows(tmp_path / "run")] == list(range(1, 13))


def test_the_score_after_ctrl_c_keeps_its_model_but_decides_nothing(tmp_path):
    options = {"steps": 8, "eval_every": 2, "schedule": "plateau"}
    whole, _ = train(tmp_path / "whole", Toy(config(**options), losses=[3.0, 2.0, 1.0, 5.0]))
    task = Toy(config(**options), losses=[3.0, 0.5], at={2: lambda: signal.raise_signal(signal.SIGTERM)})
    train(tmp_path / "run", task)
    summary, _ = train(tmp_path / "run", Toy(task.config, losses=[2.0, 1.0, 5.0]), resume=True)
    assert [r["lr"] for r in rows(tmp_path / "run")] == [r["lr"] for r in rows(tmp_path / "whole")]
    assert summary.best == {"loss": 0.5, "step": 3}  # what model.safetensors holds
    assert float(modelfile.load(tmp_path / "run" / "model.safetensors").tensors["w"]) == -0.75
    assert whole.best == {"loss": 1.0, "step": 6}


def test_the_second_ctrl_c_stops_at_once_and_loses_nothing_saved(tmp_path):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", Toy(config(steps=12, checkpoint_seconds=1e-9), at={5: twice}))
    assert checkpoint.load_newest(tmp_path / "run" / "checkpoints")[1]["step"] == 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_terminal_that_goes_away_stops_and_saves_unless_that_is_ignored(tmp_path):
    def hang_up():
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)  # a shell and the kernel may both send it

    before = signal.getsignal(signal.SIGHUP)
    summary, _ = train(tmp_path / "run", Toy(config(steps=12, eval_every=4), at={5: hang_up}))
    assert (summary.steps, summary.stopped) == (6, "interrupted")
    assert checkpoint.load_newest(tmp_path / "run" / "checkpoints")[1]["step"] == 6
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert signal.getsignal(signal.SIGHUP) is before
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert train(tmp_path / "other", Toy(config(steps=12), at={5: hang_up}))[0].stopped == "finished"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_are_left_alone_outside_the_main_thread():
    def body():
        with interruptible() as interrupt:
            seen.append((interrupt.requested, signal.getsignal(signal.SIGINT)))

    seen: list = []
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]
    interrupt = Interrupt()
    interrupt(signal.SIGINT, None)
    assert interrupt.requested
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)


def test_evaluating_does_not_touch_trainings_random_numbers(tmp_path):
    class Drawing(Toy):
        def loss(self, model, batch, carry):
            value, carry = super().loss(model, batch, carry)
            return value + torch.rand(()), carry

    train(tmp_path / "often", Drawing(config(steps=6, eval_every=1)))
    train(tmp_path / "once", Drawing(config(steps=6, eval_every=6)))
    assert [r["loss"] for r in rows(tmp_path / "often")] == [r["loss"] for r in rows(tmp_path / "once")]


def test_checkpoints_come_every_so_many_seconds(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])

    class Slow(Toy):
        def loss(self, model, batch, carry):
            clock[0] += 10
            return super().loss(model, batch, carry)

    saved = []
    real = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda folder, step, *rest: (saved.append(step), real(folder, step, *rest)))
    summary, notebook = train(tmp_path / "run", Slow(config(steps=11, eval_every=11, checkpoint_seconds=35)))
    assert saved == [0, 4, 8, 11]
    assert summary.seconds == 110
    last = notebook.reports[-1]
    assert (last.step, last.steps, last.epoch, last.seconds_left) == (11, 11, 11 / 4, 0)
    assert last.rate == pytest.approx(sum(task_units(range(1, 11))) / 100)


def task_units(steps):
    return [3.0 if step % 4 == 3 else 10.0 for step in steps]


def test_a_full_disk_while_saving(tmp_path, monkeypatch):
    def full(folder, step, *rest):
        if step == 4:
            raise SaveError("cannot write: No space left on device")
        real(folder, step, *rest)

    real = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(SaveError):
        train(tmp_path / "run", Toy(config(steps=6, checkpoint_seconds=1e-9)))
    monkeypatch.undo()
    summary, notebook = train(tmp_path / "run", Toy(config(steps=6)), resume=True)
    assert notebook.notes == ["resuming at step 3 of 6"]
    assert [row["loss"] for row in rows(tmp_path / "run")] == [-0.25 * step for step in range(6)]
    assert summary.steps == 6


def test_epochs_become_steps_in_the_config(tmp_path):
    train(tmp_path / "run", Toy(config(epochs=2.5)))
    _, options = parse_toml((tmp_path / "run" / "config.toml").read_text(), "")
    assert options["steps"] == 10
    assert "epochs" not in options


def test_time_is_planned_with_scores_taken_as_the_loop_takes_them(tmp_path):
    """In evaluation mode: with dropout on, evaluations may take another time, and draw random numbers."""
    task = Toy(config(steps=None, time="2s"))
    plan.measure(task, torch.device("cpu"), 0.0)
    assert [training for *_, training in task.calls] == [False] * 3  # an evaluation, a second one, the preview


@pytest.mark.parametrize(
    ("evaluation", "eval_every", "steps", "evaluations"),
    [
        # 100 s; two warming steps, at least 5 s of 1 s each and 1 s at the end, beside 3 evaluations, are 8 s
        (0.01, None, 91, 12),
        (1.0, None, 100 - 8 - 4 - 12, 12),  # measured twice
        (10.0, None, 100 - 8 - 30 - 10, 1),  # 62 s left, a quarter of that is one evaluation
        (1.0, 10, int(88 / 1.1), 0),
        (40.0, None, 50, 1),  # half of the time is training's, whatever evaluations seemed to take
    ],
)
def test_time_is_measured_and_becomes_steps_in_the_config(
    tmp_path, monkeypatch, evaluation, eval_every, steps, evaluations
):
    clock = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])

    class Timed(Toy):
        def loss(self, model, batch, carry):
            clock[0] += 1
            return super().loss(model, batch, carry)

        def evaluate(self, model, split):
            clock[0] += evaluation
            return super().evaluate(model, split)

    task = Timed(config(time="100s", eval_every=eval_every))
    found = plan.measure(task, torch.device("cpu"), 0.0)
    assert (found.steps, found.evaluations) == (steps, evaluations)
    assert found.note == f"10 things/s measured: 100s is about {steps} steps"

    task = Timed(config(time="20s"))
    summary, _ = train(tmp_path / "run", task)
    written = from_toml(ToyConfig(), (tmp_path / "run" / "config.toml").read_text(), "")
    assert written == task.config
    assert written.training.steps == summary.steps
    assert written.training.time == "20s"


def test_resuming_on_other_data_or_with_other_sizes_is_refused_and_changes_nothing(tmp_path):
    task = Toy(config(steps=8), at={3: lambda: signal.raise_signal(signal.SIGINT)})
    train(tmp_path / "run", task)
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    other = Toy(task.config)
    other.data = "xyz"
    with pytest.raises(RunError, match=r"the data of .*run has changed since it was trained; restore the old data"):
        train(tmp_path / "run", other, resume=True)
    for change in ({"batch_size": 3}, {"optimizer": "adam"}, {"average": "ema"}):
        with pytest.raises(
            RunError, match=r"was trained with batch_size 32, optimizer sgd, average none and cannot be resumed"
        ):
            train(tmp_path / "run", Toy(update(task.config, **change)), resume=True)
    assert {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()} == before
    summary, _ = train(tmp_path / "run", Toy(update(task.config, lr=0.5, steps=9)), resume=True)
    assert summary.best["loss"] == -0.25 * 4 - 0.5 * 5


def test_a_checkpoint_of_another_version(tmp_path):
    train(tmp_path / "run", Toy(config(steps=2)))
    tensors, state = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    checkpoint.save(tmp_path / "run" / "checkpoints", 3, tensors, {**state, "mood": "good"})
    with pytest.raises(RunError, match=r"has a checkpoint of another version of unrolled: .*mood"):
        train(tmp_path / "run", Toy(config(steps=2)), resume=True)


def test_a_run_killed_before_its_first_checkpoint_starts_over(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.write_config('task = "toy"\n')
    summary, notebook = train(tmp_path / "run", Toy(config(steps=3)), resume=True)
    assert summary.steps == 3
    assert notebook.notes == ["stopped before its first checkpoint: this run starts from step 0"]


def test_devices():
    assert check_device("cpu") == torch.device("cpu")
    for name in ("cuda:99", "meta", "warp"):
        with pytest.raises(ArgumentError, match="device must be"):
            check_device(name)
    if not torch.cuda.is_available():
        with pytest.raises(ArgumentError) as caught:
            check_device("cuda")
        assert str(caught.value) == (
            "device must be available on this machine (cpu), got 'cuda'; omit --device for the CPU"
        )


def test_a_processor_without_bfloat16_says_so(monkeypatch):
    monkeypatch.setattr(extension, "bfloat16", lambda: False)
    half, notes = mixed_precision("bf16", torch.device("cpu"))
    assert not half
    assert notes == ["this processor has no bfloat16 dot products (avx512_bf16): training uses float32 instead of bf16"]
    assert mixed_precision("bf16", torch.device("cuda")) == (True, [])
    assert mixed_precision("float32", torch.device("cpu")) == (False, [])


def test_bf16_computes_in_bfloat16_and_keeps_float32_weights(tmp_path, monkeypatch):
    kinds = set()

    class Mixed(Toy):
        def loss(self, model, batch, carry):
            kinds.add((torch.ones(2, 4) @ model.W).dtype)
            return super().loss(model, batch, carry)

    cases = (("bf16", True, torch.bfloat16), ("bf16", False, torch.float32), ("float32", True, torch.float32))
    for number, (precision, there, dtype) in enumerate(cases):
        monkeypatch.setattr(extension, "bfloat16", lambda there=there: there)
        kinds.clear()
        train(tmp_path / str(number), Mixed(config(steps=2, precision=precision)))
        assert kinds == {dtype}
        assert modelfile.load(tmp_path / str(number) / "model.safetensors").tensors["W"].dtype == torch.float32
