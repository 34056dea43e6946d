"""Two processes fight for one run, again and again: one is to be refused in one line, and nothing is to be lost.

    python benchmarks/two_resumes.py [FIGHTS]

Each fight is two `unrolled resume` of one run, started together, or a little apart; every other fight one of those who
train is killed. Every fifth is two `unrolled train` into one new folder. A fight is won if one process is refused with
status 2 and one line that names the other, the other ends as it was asked to, and then every step is in metrics.jsonl
once, the newest checkpoint verifies and the model can be read.
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
    """The steps that metrics.jsonl has losses of, in its order."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["step"] for line in lines if "split" not in line]


def fight(words: list[str], run: Path, apart: float, kill: bool) -> str:
    """What went wrong, or an empty string."""
    both = [start(*words)]
    time.sleep(apart)
    both.append(start(*words))
    while all(one.poll() is None for one in both):
        time.sleep(0.02)
    refused, other = sorted(both, key=lambda one: one.poll() is None)
    if kill and other.poll() is None:
        time.sleep(random.uniform(0, 1))
        other.send_signal(signal.SIGKILL)
    said, _ = refused.communicate()[1], other.wait()
    if refused.returncode != 2 and other.returncode == 2:  # it ended before the other had begun
        said, refused, other = other.communicate()[1], other, refused
    if refused.returncode != 2 or not re.fullmatch(LINE, said):
        return f"refused with {refused.returncode}: {said!r}"
    if other.returncode not in ((0, -9) if kill else (0,)):
        return f"the other ended with {other.returncode}: {other.communicate()[1]!r}"
    if other.returncode == 0 and steps(run) != list(range(1, len(steps(run)) + 1)):
        return "its steps are not one after the other"
    lost: list[str] = []
    if checkpoint.load_newest(run / "checkpoints", lost) is None or lost:
        return f"checkpoints are lost: {lost}"
    if other.returncode == 0:
        modelfile.load(run / "model.safetensors")
    return ""


def main(fights: int) -> None:
    random.seed(1)
    told: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("t.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 60)
        train = ["train", "lm", "--data", "t.txt", *SMALL, "--steps", "300", "--run"]
        for number in range(fights):
            if number % 5 == 4:
                run = Path(f"new-{number}")
                problem = fight([*train, str(run)], run, 0, kill=False)
            else:
                run = Path(f"run-{number // 5}")  # short enough that metrics.jsonl has every step
                if not run.exists():
                    start(*train, str(run)).wait()
                longer = str(max(steps(run)) + 300)
                apart = random.choice([0, random.uniform(0, 0.3), random.uniform(0, 1.5)])
                problem = fight(["resume", str(run), "--steps", longer], run, apart, kill=number % 2 == 1)
            told[problem or "one refused, nothing lost"] += 1
            print(f"{number + 1}: {problem or 'one refused, nothing lost'}", flush=True)
    print(json.dumps(dict(told)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
