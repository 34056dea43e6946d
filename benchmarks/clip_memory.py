"""Memory while clips are decoded: 1,000 clips of 100 frames, 160 × 120 pixels, and then read in pieces of 100 frames.

    python benchmarks/clip_memory.py
    python benchmarks/clip_memory.py --clips 1 --frames 50000        # a single long film

The clips are made first, with FFmpeg's MPEG-4 encoder, in a temporary folder. The figure is the resident memory beyond
that of the process before, when all modules are loaded: the largest value seen while decoding, and while reading.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from harness import table
from unrolled.data.clip_store import ClipForm, ClipStore

HEIGHT, WIDTH, RATE = 120, 160, 25
PIECE = 100  # frames that are read together
DISTINCT = 20  # clips that are encoded; the others are copies


def make(path: Path, frames: int, seed: int) -> None:
    """Write a video of a moving pattern."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(ground, 2 * number, 1), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak:
    """The largest growth of the resident memory since it was made."""

    def __init__(self) -> None:
        self.before, self.most = resident(), 0

    def look(self, _: int = 0) -> None:
        """Look at the memory now."""
        self.most = max(self.most, resident() - self.before)

    @contextlib.contextmanager
    def progress(self, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Look at it whenever progress is reported."""
        yield self.look


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=100, help="of a clip")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(64, 64), help="height and width that clips are decoded to"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["UNROLLED_CACHE"] = str(folder / "cache")
        paths = [folder / f"{number}.mp4" for number in range(options.clips)]
        for number, path in enumerate(paths):
            if number < DISTINCT:
                make(path, options.frames, number)
            else:
                shutil.copyfile(paths[number % DISTINCT], path)
        make(folder / "first.mp4", 10, 0)
        ClipStore([folder / "first.mp4"], ClipForm((8, 8)))
        size, decoding, start = (options.size[0], options.size[1]), Peak(), time.perf_counter()
        store = ClipStore(paths, ClipForm(size, Fraction(RATE)), progress=decoding.progress)
        seconds, reading, total = time.perf_counter() - start, Peak(), 0
        for number in range(len(store)):
            for begin in range(0, int(store.lengths[number]), PIECE):
                piece = store[number][begin : begin + PIECE]
                total += int(piece.sum(dtype=np.int64))
                reading.look()
        frames = int(store.lengths.sum())
    rows = [
        ["decoding", f"{decoding.most / 1e6:.1f}", f"{frames / seconds:,.0f}"],
        ["reading", f"{reading.most / 1e6:.1f}", ""],
    ]
    print(f"{options.clips:,} clips of {options.frames:,} frames, {WIDTH} × {HEIGHT} → {size[1]} × {size[0]} pixels")
    table(["", "growth of resident memory, MB", "frames per second"], rows)


if __name__ == "__main__":
    main()
