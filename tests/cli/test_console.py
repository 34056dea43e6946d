"""What a training looks like on a terminal, in a log, and to a program."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from unrolled.cli.terminal import reporters
from unrolled.cli.terminal.console import Counter, Live, preview_panel, progress_line
from unrolled.cli.terminal.look import bits, clock, command, size
from unrolled.cli.terminal.summary import summary_lines
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.tasks.lm.text import Text
from unrolled.training.config import update
from unrolled.training.log import Offer, Progress, Summary
from unrolled.training.metrics import line

HALF = Progress(
    step=500, steps=1000, epoch=1.5, loss=math.log(2), lr=1e-3, grad_norm=0.5, rate=21_000.0, seconds_left=75.0
)
END = Summary(
    folder=Path("runs/a b"),
    task="lm",
    steps=1000,
    seconds=3725.0,
    stopped="finished",
    best={"loss": 1.5, "perplexity": 4.48, "bits_per_char": 2.164, "step": 900},
    test={"loss": 1.6, "perplexity": 4.95, "bits_per_char": 2.308},
)


def terminal(width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, markup=False, highlight=False, emoji=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_line_has_everything() -> None:
    line = progress_line(HALF, LanguageModelConfig(), "characters", 120).plain
    for part in ("step 500/1,000", "0.693 nats", "1.000 bits", "21,000 characters/s", "1:15 left", "━" * 20):
        assert part in line


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_line_fits(width: int) -> None:
    line = progress_line(HALF, LanguageModelConfig(), "characters", width).plain
    assert len(line) <= max(width, len("step 500/1,000  0.693 nats"))
    assert line.startswith("step 500/1,000")


def test_bits_only_where_a_symbol_is_a_character() -> None:
    words = dataclasses.replace(LanguageModelConfig(), data=Text(vocabulary="word"))
    assert bits(LanguageModelConfig(), math.log(2)) == pytest.approx(1)
    assert bits(words, 1.0) is None
    assert "bits" not in progress_line(HALF, words, "characters", 120).plain


def test_preview_is_short_and_harmless() -> None:
    console = terminal(60)
    console.print(preview_panel("\033[2J[bold]x[/bold] :smile:\n" + "a line\n" * 30, "before training", 60, 8))
    text = shown(console)
    assert "before training" in text
    assert "[bold]x[/bold] :smile:" in text
    assert "\033[2J" not in text
    assert text.count("\n") <= 10


def test_an_alignment_is_shown_whole_and_a_sample_of_a_language_model_is_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\n".join(f"line {n:02}" for n in range(60))
    for task, most in (("lm", 8), ("translate", 48), ("classify", 8)):
        console = terminal()
        live, plain = Live(console), reporters.Plain()
        for reporter in (live, plain):
            reporter.start(Path("runs/a"), task, "symbols", LanguageModelConfig(), [])
            reporter.preview(5, text)
            reporter.close()
        for told in (shown(console), capsys.readouterr().out):
            assert [n for n in range(60) if f"line {n:02}" in told] == list(range(most))


def tell(reporter: reporters.CommandReporter) -> None:
    """A whole training."""
    reporter.wait()
    reporter.start(Path("runs/a b"), "lm", "characters", LanguageModelConfig(), ["[note]"])
    reporter.preview(0, "xq[zz")
    reporter.progress(HALF)
    reporter.evaluated(500, {"loss": 1.5, "bits_per_char": 2.164, "perplexity": 4.5}, True)
    reporter.preview(500, "the cat\x1b[31m")
    reporter.progress(dataclasses.replace(HALF, step=1000, seconds_left=math.nan))
    reporter.end(END)
    reporter.close()


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    console = terminal()
    tell(Live(console))
    text = shown(console) + capsys.readouterr().out
    for part in (
        "[note]",
        "before training",
        "xq[zz",
        "step 500 · loss 1.50",
        "★",
        "the cat␛[31m",
        "2.1640 bits per character",
    ):
        assert part in text
    assert "unrolled sample 'runs/a b'" in text


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal()
    tell(Live(console))
    assert "\033[32m" not in shown(console)
    assert "\033[36m" not in shown(console)


def test_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    tell(reporters.Plain())
    out = capsys.readouterr().out
    assert "\033" not in out
    assert "step 500: validation 1.5000 nats, 2.1640 bits per character (best so far)" in out
    assert "step 500/1,000" not in out  # only every ten seconds
    assert "step 1,000/1,000, loss 0.693 nats, 1.000 bits per character, 21,000 characters/s, – left" in out


def test_to_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    tell(reporters.Json())
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [
        "start", "preview", "progress", "evaluated", "preview", "progress", "end",
    ]  # fmt: skip
    assert events[5]["seconds_left"] is None  # not a number is not JSON
    assert events[4]["text"] == "the cat\x1b[31m"  # a program gets the text as it is


def test_standard_output_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(reporters.choose(True), reporters.Json)
    assert isinstance(reporters.choose(False), reporters.Plain)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(reporters.choose(False), Live)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(reporters.choose(False), reporters.Plain)


def test_summary_says_what_next() -> None:
    lines = dict(summary_lines(END, LanguageModelling.metrics))
    config = update(LanguageModelling.Config(), cell="mine:Cell")
    trusted = dict(summary_lines(END, LanguageModelling.metrics, config))
    assert trusted["evaluate it"] == lines["evaluate it"] + " --cell mine:Cell"
    assert trusted["train longer"] == lines["train longer"] + " --cell mine:Cell"
    assert lines["train longer"] == "unrolled resume 'runs/a b' --steps 2000"
    stopped = dict(summary_lines(dataclasses.replace(END, stopped="interrupted", test={}), LanguageModelling.metrics))
    assert stopped["resume"] == "unrolled resume 'runs/a b'"
    assert "test" not in stopped
    assert "train longer" not in dict(
        summary_lines(dataclasses.replace(END, stopped="no better for 3 evaluations"), LanguageModelling.metrics)
    )


def test_summary_gives_advice_an_example_and_a_better_model(tmp_path: Path) -> None:
    (tmp_path / "curve.svg").write_text("")
    offer = Offer("a bag of words is better", ("train", "classify", "--data", "a b.csv", "--kind", "bag"))
    end = dataclasses.replace(
        END, planned=4000, folder=tmp_path, task="classify", longer=False, advice="overfitting", offer=offer
    )
    lines = dict(summary_lines(dataclasses.replace(end, example="it's good"), LanguageModelling.metrics))
    assert lines["steps"].startswith("1,000 of 4,000 in ")
    assert lines["validation"].endswith("at step 900 of 1,000")
    assert lines["curve"] == f"{tmp_path}/curve.svg"
    assert lines["advice"] == "overfitting"
    assert "train longer" not in lines
    assert lines["simpler"] == "a bag of words is better"
    assert lines["train it"] == "unrolled train classify --data 'a b.csv' --kind bag"
    assert lines["predict"] == f"""unrolled predict {tmp_path} 'it'"'"'s good'"""


def test_counter_is_quiet_if_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    counter = Counter(console, 100, "symbols")
    counter(50)
    assert shown(console) == ""
    counter.begin -= 10
    counter.shown -= 10
    counter(60)
    counter.close()
    assert "60/100 symbols" in shown(console)


def test_numbers() -> None:
    assert [clock(t) for t in (0, 75, 3725, math.nan, math.inf)] == ["0:00", "1:15", "1:02:05", "–", "–"]
    assert [size(n) for n in (0, 999, 1500, 12_345_678)] == ["0 bytes", "999 bytes", "1.5 kB", "12 MB"]
    assert command("sample", Path("a b")) == "unrolled sample 'a b'"
    found = {"loss": 2.0, "perplexity": 7.4, "unknown_tokens": 3.0, "step": 4}
    assert line(found, LanguageModelling.metrics) == "2.0000 nats  3 unknown tokens"
