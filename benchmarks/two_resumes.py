"""Stress test of run locking: two processes start on the same run, repeatedly.

    python benchmarks/two_resumes.py [TRIALS]

Each trial starts two `unrolled resume` of the same run, together or slightly apart; in every other trial the training
process is killed. Every fifth trial starts two `unrolled train` into the same new folder. A trial passes if one process
exits with status 2 and one line that names the other, the other one ends as expected, every step is in metrics.jsonl
once, the newest checkpoint is valid, and the model can be loaded.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from unrolled.training import checkpoint, modelfile

SMALL = "--hidden-size 8 --num-layers 1 --batch-size 2 --bptt 8 --eval-every 50".split()
LINE = r"error: \S+ (is being trained by process \d+ on \S+, begun \d+ seconds? ago|holds a run already); .*\n"


def start(*words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "unrolled", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def steps(run: Path) -> list[int]:
    """Return the steps with a training loss in metrics.jsonl, in order."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["step"] for line in lines if "split" not in line]


def trial(words: list[str], run: Path, delay: float, kill: bool) -> str:
    """Start the command twice; return what went wrong, or an empty string."""
    processes = [start(*words)]
    time.sleep(delay)
    processes.append(start(*words))
    while all(process.poll() is None for process in processes):
        time.sleep(0.02)
    rejected, other = sorted(processes, key=lambda process: process.poll() is None)
    if kill and other.poll() is None:
        time.sleep(random.uniform(0, 1))
        other.send_signal(signal.SIGKILL)
    message, _ = rejected.communicate()[1], other.wait()
    if rejected.returncode != 2 and other.returncode == 2:  # it ended before the other had started
        message, rejected, other = other.communicate()[1], other, rejected
    if rejected.returncode != 2 or not re.fullmatch(LINE, message):
        return f"rejected with status {rejected.returncode}: {message!r}"
    if other.returncode not in ((0, -9) if kill else (0,)):
        return f"the other ended with status {other.returncode}: {other.communicate()[1]!r}"
    if other.returncode == 0 and steps(run) != list(range(1, len(steps(run)) + 1)):
        return "its steps are not consecutive"
    lost: list[str] = []
    if checkpoint.load_newest(run / "checkpoints", lost) is None or lost:
        return f"checkpoints are lost: {lost}"
    if other.returncode == 0:
        modelfile.load(run / "model.safetensors")
    return ""


def main(trials: int) -> None:
    random.seed(1)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("t.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 60)
        train = ["train", "lm", "--data", "t.txt", *SMALL, "--steps", "300", "--run"]
        for number in range(trials):
            if number % 5 == 4:
                run = Path(f"new-{number}")
                problem = trial([*train, str(run)], run, 0, kill=False)
            else:
                run = Path(f"run-{number // 5}")  # short enough for metrics.jsonl to have every step
                if not run.exists():
                    start(*train, str(run)).wait()
                longer = str(max(steps(run)) + 300)
                delay = random.choice([0, random.uniform(0, 0.3), random.uniform(0, 1.5)])
                problem = trial(["resume", str(run), "--steps", longer], run, delay, kill=number % 2 == 1)
            outcomes[problem or "passed"] += 1
            print(f"{number + 1}: {problem or 'passed'}", flush=True)
    print(json.dumps(dict(outcomes)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
