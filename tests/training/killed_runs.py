"""Trains one small language model undisturbed and the same one with ten SIGKILLs, and prints where both lie.

    python killed_runs.py FOLDER        (test_resume.py runs this)

torch is imported once; every training is a fork of this process, which itself never computes anything. Half of the
kills come after a random time, the other half at a random one of the system calls that write to disk.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # torch's optimisers import it at their first step: seconds that every fork would take again

import unrolled.api as api
import unrolled.tasks.lm.task  # noqa: F401  as are the modules of the task
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.training.config import update
from unrolled.training.log import Silent

KILLS = 10
CALLS = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "truncate")
OPTIONS = {
    "hidden_size": 8, "num_layers": 2, "dropout": 0.3, "locked_dropout": False, "initial_state": "random",
    "bptt": 5, "batch_size": 3, "random_reset": 0.3, "weight_drop": 0.2, "eval_tokens": 200, "head": "sum",
    "optimizer": "adamw", "schedule": "plateau", "average": "ema", "steps": 150, "eval_every": 7,
    "checkpoint_seconds": 0.005, "preview_length": 8, "fractions": (0.8, 0.1, 0.1), "clip": 0.5,
}  # fmt: skip


class Pipe(Silent):
    """Says when training begins."""

    def __init__(self, handle):
        self.handle = handle

    def start(self, *_):
        os.write(self.handle, b"!")


def child(folder: Path, data: Path, handle: int, kill_at_call: int | None) -> None:
    """Train or go on in a fork; kill it at its n-th call that writes to disk."""
    torch.set_num_threads(1)
    calls = 0

    def counted(real):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == kill_at_call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    if kill_at_call is not None:
        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
    if (folder / "config.toml").exists():
        api.resume(folder, Pipe(handle))
    else:
        config = update(LanguageModelConfig(), data=str(data), **OPTIONS)
        api.start("lm", config, folder, Pipe(handle))


def fork(folder: Path, data: Path, kill_at_call: int | None = None, seconds: float | None = None) -> bool:
    """One training in a child of its own; whether it got to its end."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            child(folder, data, write, kill_at_call)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    os.read(read, 1)  # it trains, or has died
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(read)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "the training failed"
        return True
    assert os.WTERMSIG(status) == signal.SIGKILL
    return False


def main(root: Path) -> None:
    chance = random.Random(2024)
    data = root / "text.txt"
    data.write_text("".join(chance.choice("abc de\n") for _ in range(1000)))
    begin = time.perf_counter()
    assert fork(root / "whole", data)
    duration = time.perf_counter() - begin
    kills, runs = 0, [root / "run-0"]
    while kills < KILLS:
        by_call = chance.randrange(1, 120) if kills % 2 else None
        by_time = None if kills % 2 else chance.uniform(0, duration / 6)
        if fork(runs[-1], data, by_call, by_time):
            runs.append(root / f"run-{len(runs)}")  # faster than the kill: begin another one
        else:
            kills += 1
    fork(runs[-1], data)
    print(json.dumps({"kills": kills, "runs": [str(run) for run in runs], "seconds": duration}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
