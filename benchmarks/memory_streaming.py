"""Memory footprint as a function of corpus size.    python benchmarks/memory_streaming.py

For texts of 1, 10 and 100 MB, each in its own process: encode, train a few steps, stream every window of the training
part once, and report the peak anonymous resident memory (RssAnon, which excludes the memory-mapped file).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import table


def rss_anon() -> float:
    """Return this process's anonymous resident memory, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def measure(megabytes: int) -> None:
    import torch

    from unrolled.tasks.lm.config import LanguageModelConfig
    from unrolled.tasks.lm.task import LanguageModelling
    from unrolled.training.config import update
    from unrolled.training.step import Stepper

    temporary = tempfile.TemporaryDirectory()
    folder = Path(temporary.name)
    os.environ["UNROLLED_CACHE"] = str(folder / "cache")
    line = "".join(chr(32 + (7 * i * i + 3 * i) % 90) for i in range(999)) + "\n"
    with (folder / "text.txt").open("w") as file:
        for _ in range(megabytes * 1000):
            file.write(line)
    torch.set_num_threads(1)
    task = LanguageModelling(update(LanguageModelConfig(), data=str(folder / "text.txt"), steps=100, hidden_size=64))
    begin = time.perf_counter()
    task.prepare()
    encoded = time.perf_counter() - begin
    stepper = Stepper(task, torch.device("cpu"), 100)
    for step in range(20):
        stepper.step(step)
    peak, count = rss_anon(), 0
    begin = time.perf_counter()
    for step in range(int(task.stream.windows_per_pass)):
        count += task.batch(step).inputs.numel()
        if step % 500 == 0:
            peak = max(peak, rss_anon())
    streamed = time.perf_counter() - begin
    print(max(peak, rss_anon()), megabytes / encoded, count / streamed / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    rows, first = [], 0.0
    for megabytes in (1, 10, 100):
        command = [sys.executable, __file__, "--measure", str(megabytes)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        peak, encode, stream = map(float, output.split())
        first = first or peak
        rows.append(
            [f"{megabytes} MB", f"{peak:.1f} MB", f"{peak - first:+.1f} MB", f"{encode:.0f} MB/s", f"{stream:.0f} M/s"]
        )
    table(["corpus", "RssAnon, largest", "growth", "encoding", "characters streamed"], rows)


if __name__ == "__main__":
    main()
