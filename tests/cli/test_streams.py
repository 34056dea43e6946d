"""Streams that are closed, full or read by nobody; signals; a current folder that is gone."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_parts import TINY

import unrolled.__main__ as command
import unrolled.cli as cli
from unrolled.cli import main


class Broken(io.StringIO):
    """A stream whose every write beyond the first ``room`` ones fails."""

    def __init__(self, number: int, room: int = 0) -> None:
        super().__init__()
        self.number, self.room, self.failed = number, room, 0

    def write(self, text: str) -> int:
        if not self.room:
            self.failed += 1
            raise OSError(self.number, os.strerror(self.number))
        self.room -= 1
        return super().write(text)


def status(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO | None, stderr: io.StringIO | None, *words) -> int:
    """The exit status of a command with these streams, which are in place again after it."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        patch.setattr(sys, "stdin", None)
        code = main([str(word) for word in words])
        assert (sys.stdin, sys.stdout, sys.stderr) == (None, stdout, stderr)
    return code


def train(text_file: Path, run: str) -> list[object]:
    return ["train", "lm", "--data", text_file, "--run", run, "--steps", "2", *TINY]


def test_without_streams(trained: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, None, None, *train(text_file, "r")) == 0
    assert Path("r/model.safetensors").is_file()
    for words in (["sample", trained, "--length", "3"], ["sample", trained, "--interactive"], ["runs"], ["--help"]):
        assert status(monkeypatch, None, None, *words) == 0
    for words in (["sample", "nope"], ["resume", "r", "--steps", "1"], ["bogus"], []):
        assert status(monkeypatch, None, None, *words) == 2
    closed = io.StringIO()
    closed.close()
    assert status(monkeypatch, closed, closed, "runs") == 0


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_when_nobody_reads(trained: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A training goes on, as do others that end by themselves; what may write for ever ends."""
    err = io.StringIO()
    out = Broken(number, room=2)
    assert status(monkeypatch, out, err, *train(text_file, "r")) == 0
    assert out.getvalue() == "training lm in r\n"
    assert Path("r/model.safetensors").is_file()
    assert status(monkeypatch, Broken(number), err, "runs") == 0
    out = Broken(number, room=3)
    assert status(monkeypatch, out, err, "sample", trained, "--length", "100000") == 0
    assert out.failed == 1 + 1  # what ended it, and the end of the line that it was writing
    assert err.getvalue() == ""
    assert status(monkeypatch, out, Broken(number), "sample", "nope") == 2


def test_a_full_disk_under_the_output(text_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    assert status(monkeypatch, Broken(errno.ENOSPC), err, *train(text_file, "r")) == 0
    told = f"cannot write to standard output: {os.strerror(errno.ENOSPC)}"
    assert err.getvalue() == f"warning: {told}; training continues without it\n"
    assert Path("r/model.safetensors").is_file()
    for words in (["runs"], ["train"], ["train", "lm", "--help"], ["resume", "-h"]):  # none of them trains
        err = io.StringIO()
        assert status(monkeypatch, Broken(errno.ENOSPC), err, *words) == 2
        assert err.getvalue() == f"error: {told}; free some space, or redirect the output elsewhere\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_no_file_gets_the_descriptor_of_a_closed_stream(tmp_path: Path) -> None:
    source = Path(cli.__file__).parents[2]
    code = (
        f"import os, sys; sys.path.insert(0, {str(source)!r})\n"
        "from unrolled.cli.streams import usable\n"
        "with usable(lambda error: None):\n"
        f"    file = open({str(tmp_path / 'file')!r}, 'w'); print('out'); print('err', file=sys.stderr)\n"
        "    os.write(1, b'from a library'); file.write(str(file.fileno() > 2))\n"
    )
    subprocess.run(["sh", "-c", f'exec "{sys.executable}" -c "$0" <&- >&- 2>&-', code], check=True)
    assert (tmp_path / "file").read_text() == "True"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_end_a_command_in_order(unrolled, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    number = getattr(signal, name)
    done: list[str] = []

    def dispatch(arguments: list[str]) -> int:
        try:
            signal.raise_signal(number)
            done.append("went on")
        finally:
            done.append("cleaned up")
        return 0

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr("unrolled.cli.runs.run", dispatch, raising=False)
        said = unrolled("runs")
        assert (said.status, said.err, done) == (128 + number, "", ["cleaned up"])
        assert signal.getsignal(number) is before
        signal.signal(number, signal.SIG_IGN)  # as nohup does
        try:
            assert unrolled("runs").status == 0
            assert signal.getsignal(number) is signal.SIG_IGN
        finally:
            signal.signal(number, before)


def test_ctrl_c_before_the_command_is_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def stop() -> int:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(cli, "main", stop)
    try:
        assert command.run() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "stopped by Ctrl-C\n"


@pytest.mark.skipif(os.name != "posix", reason="a current folder cannot be removed")
def test_a_current_folder_that_is_gone(unrolled, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "gone").mkdir()
    monkeypatch.chdir(home / "gone")
    (home / "gone").rmdir()
    for verb in ("runs", "train", "sample"):
        said = unrolled(verb)
        assert said.status == 2
        assert said.err == "error: the current folder no longer exists; cd into another one, then try again\n"
    assert unrolled("--version").status == 0
