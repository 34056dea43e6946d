"""unrolled sample: what is written, how it ends, and writing in turn."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import unrolled as package
from unrolled.cli import interactive
from unrolled.cli.terminal.look import printable
from unrolled.kernels import extension


def test_the_same_seed_writes_the_same_text(unrolled, trained: Path) -> None:
    words = ["sample", trained, "--prompt", "the ", "--length", "30"]
    first = unrolled(*words, "--seed", "1").out
    assert first.startswith("the ")
    assert first == unrolled(*words, "--seed", "1").out
    assert first != unrolled(*words, "--seed", "2").out
    model = package.load(trained)
    assert first.removesuffix("\n") == ("the " + model.generate("the ", 30, seed=1)).removesuffix("\n")


def test_a_model_file_alone_is_enough(unrolled, trained: Path, home: Path) -> None:
    moved = home / "alone.safetensors"
    moved.write_bytes((trained / "model.safetensors").read_bytes())
    assert unrolled("sample", moved, "--length", "9").out == unrolled("sample", trained, "--length", "9").out


def test_samples_have_headers_and_differ(unrolled, trained: Path) -> None:
    out = unrolled("sample", trained, "--samples", "3", "--length", "20").out
    parts = out.split("--- sample ")[1:]
    assert [part.split("\n")[0] for part in parts] == ["1 of 3 ---", "2 of 3 ---", "3 of 3 ---"]
    texts = [part.split("\n", 1)[1].strip("\n") for part in parts]
    assert texts == [text.strip("\n") for text in package.load(trained).generate_many(3, "", 20)]


def test_stop_ends_before_the_text(unrolled, trained: Path) -> None:
    out = unrolled("sample", trained, "--length", "200", "--stop", "e").out
    assert "e" not in out


def test_prompt_from_standard_input(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat"), encoding="utf-8"))
    said = unrolled("sample", trained, "--prompt", "-", "--length", "5")
    assert said.out.startswith("the cat")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the \xff"), encoding="utf-8"))
    said = unrolled("sample", trained, "--prompt", "-")
    assert said.status == 2
    assert "offset 4" in said.err


def test_other_names_for_the_prompt(unrolled, trained: Path) -> None:
    assert unrolled("sample", trained, "-primetext", "the", "-length", "0").out == "the\n"
    assert unrolled("sample", trained, "--prompt=the", "--length=0").out == "the\n"
    assert unrolled("sample", trained, "--length=0").out == "\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--temperature", "-1"], "--temperature must be a number of at least 0"),
        (["--top-p", "0"], "--top-p must be"),
        (["--length", "-1"], "--length must be"),
        (["--samples", "0"], "--samples must be"),
        (["--stop", ""], "--stop must be"),
        (["--prompt", "né"], "--prompt must be text in the model's char vocabulary"),
        (["--prompt", "né"], "remove 'é' (U+00E9)"),
    ],
)
def test_wrong_options(unrolled, trained: Path, words: list[str], expected: str) -> None:
    said = unrolled("sample", trained, *words)
    assert said.status == 2
    assert expected in said.err
    assert said.err.count("\n") == 1


def converse(monkeypatch: pytest.MonkeyPatch, *lines: str | type[BaseException]) -> None:
    """Let a person type these lines, and end the input after them."""
    waiting = iter(lines)

    def read(prompt: str = "") -> str:
        line = next(waiting, EOFError)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)


def test_writing_in_turn_keeps_the_state(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converse(monkeypatch, "the cat", "", ":quit")
    said = unrolled("sample", trained, "--interactive", "--length", "7", "--greedy")
    written = said.out.removeprefix(interactive.HELP + "\n")
    whole = package.load(trained).generate("the cat", 14, greedy=True)
    assert "".join(written.split("\n")) == "".join(("the cat" + whole).split("\n"))


def test_commands_while_writing_in_turn(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = [
        ":temperature 0.5",
        ":tempature 1",
        ":seed x",
        ":top-p 7",
        "né",
        ":length 3",
        ":forget",
        "the",
        KeyboardInterrupt,
    ]
    converse(monkeypatch, *typed)
    out = unrolled("sample", trained, "--interactive").out
    assert "temperature 0.5" in out
    assert "no command :tempature; did you mean 'temperature'?" in out
    assert ":seed must be an integer, got 'x'" in out
    assert "top_p must be" in out
    assert "remove 'é'" in out
    assert ":quit or Ctrl-D leaves" in out


def test_ctrl_c_stops_the_sample_not_the_program(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unrolled.decoding import Session

    write = Session.write

    def interrupted(self: Session, *arguments: object) -> object:
        yield from list(write(self, *arguments))[:3]
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "write", interrupted)
    converse(monkeypatch, "the", "cat")
    said = unrolled("sample", trained, "--interactive", "--length", "10")
    assert said.status == 0
    assert "the" in said.out
    assert "cat" in said.out


def test_text_cannot_steer_the_terminal() -> None:
    assert printable("a\033[2Jb\r\n\tc\x9b\u202ed\x07") == "a␛[2Jb\n\tc\ufffd\ufffdd␇"


def test_precisions(unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["sample", trained, "--prompt", "the ", "--length", "60", "--seed", "1"]
    plain = package.load(trained).generate("the ", 60, seed=1)
    assert unrolled(*words).out.rstrip("\n") == ("the " + plain).rstrip("\n")
    monkeypatch.setattr(extension, "missing", "there is no compiler")
    assert unrolled(*words).out.rstrip("\n") == ("the " + plain).rstrip("\n")
    said = unrolled(*words, "--precision", "int8")
    assert said.status == 2
    assert "--precision must be float32 for this model, got 'int8'; there is no compiler" in said.err
    said = unrolled(*words, "--precision", "int4")
    assert said.status == 2
    assert "--precision must be one of float32, bfloat16, int8, got 'int4'" in said.err


@pytest.mark.skipif(extension.missing is not None, reason=str(extension.missing))
def test_smaller_weights_write_too(unrolled, trained: Path) -> None:
    for precision in ("bfloat16", "int8"):
        out = unrolled("sample", trained, "--prompt", "the ", "--length", "60", "--precision", precision).out
        assert len(out) > 50
