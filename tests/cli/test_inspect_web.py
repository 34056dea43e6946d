"""unrolled inspect --web: it serves this machine until it is told to end, and says what it cannot do."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest


def served(environment, *words):
    """A server in a process of its own, and the address that it printed."""
    command = [sys.executable, "-m", "unrolled", "inspect", *map(str, words), "--web", "--port=0", "--no-browser"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    about, line = process.stdout.readline(), process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    if not found:
        process.kill()
        pytest.fail(f"{about}{line}{process.communicate()[1]}")
    return process, about, found[0]


def get(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_held_out_text_until_it_is_stopped(
    trained: Path, subprocess_environment, text_file: Path, stop
) -> None:
    process, about, address = served(subprocess_environment, trained)
    try:
        told = get(f"{address}api/run")
        assert (told["name"], told["task"]) == ("tiny", "lm")
        assert told["panes"] == ["text", "type", "write", "unrolled", "training"]
        characters = told["text"]["characters"]
        held_out = text_file.read_text()[-characters:]
        assert 0 < characters < len(text_file.read_text()) / 5
        assert get(f"{address}api/text?begin=0&end={characters}")["text"] == held_out
        assert f"{characters:,} characters" in about
        assert get(f"{address}api/training")["points"][-1]["step"] == 20
        body = json.dumps({"length": 5000, "watch": {"recurrence": "layers.0.0", "gate": "h", "index": 0}}).encode()
        asked = urllib.request.Request(f"{address}api/write", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as writing:
            writing.readline()
            process.send_signal(stop)  # while it writes
            out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert (out, err) == ("", "")


def test_it_is_not_to_be_reached_from_elsewhere(trained: Path, subprocess_environment, text_file: Path) -> None:
    process, _, address = served(subprocess_environment, trained, "--data", text_file, "--limit", 3000)
    try:
        port = int(address.rstrip("/").rpartition(":")[2])
        assert get(f"{address}api/run")["text"] == {"source": str(text_file), "characters": 3000}
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
            pass
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(
                urllib.request.Request(f"{address}api/run", headers={"host": "evil.example"}), timeout=30
            )
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_what_cannot_be_done_is_one_line(unrolled, trained: Path, text_file: Path, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words, expected in (
            (["--port", port], f"--port must be a free port (address already in use), got {port}"),
            (["--port", "70000"], "--port must be from 0 to 65535"),
            (["--html", "a.html"], "--html must be omitted with --web"),
            (["--json"], "--json must be omitted with --web"),
        ):
            said = unrolled("inspect", trained, "--web", "--no-browser", *words)
            assert (said.status, said.err.count("\n"), said.out) == (2, 1, "")
            assert expected in said.err
    alone = home / "alone"
    alone.mkdir()
    (trained / "model.safetensors").rename(alone / "model.safetensors")
    text_file.rename(home / "moved.txt")
    try:
        said = unrolled("inspect", alone / "model.safetensors", "--web")
    finally:
        (home / "moved.txt").rename(text_file)
    assert said.status == 2
    assert "that the model was trained on cannot be read" in said.err
    assert "--data" in said.err


def test_nothing_of_it_is_imported_before(subprocess_environment) -> None:
    for first, names in (
        ("from unrolled.cli import main; main(['--help'])", {"torch", "fastapi", "uvicorn"}),
        ("import unrolled.cli.inspect", {"fastapi", "uvicorn"}),
    ):
        code = f"{first}; import sys; sys.exit(bool({names} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], env=subprocess_environment, capture_output=True)
        assert done.returncode == 0, done.stderr
