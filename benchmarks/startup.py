"""Startup time of the command line.    python benchmarks/startup.py"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from harness import table


def seconds(arguments: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "unrolled", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    rows = []
    for arguments in (["--help"], ["--version"], ["train", "lm", "--help"]):
        times = [seconds(arguments) for _ in range(10)]
        rows.append([f"unrolled {' '.join(arguments)}", f"{statistics.median(times):.2f} s", f"{max(times):.2f} s"])
    table(["command", "median of 10", "slowest"], rows)


if __name__ == "__main__":
    main()
