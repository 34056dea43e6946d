"""Draw the picture of docs/performance.md from its tables.    python benchmarks/performance_picture.py"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unrolled.lab.bench import Row, draw

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SHAPE = re.compile(r"\d+×\d+×\d+")
ABOUT = {"processor": "two cores of an AMD EPYC (Zen 4)", "threads": 2, "date": "2026-11-29"}


def tables(text: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yield every table with its section: (heading, header, rows)."""
    heading, lines = "", list[list[str]]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.strip("|").split("|")])
        elif lines:
            yield heading, lines[0], lines[2:]
            lines = []
        if line.startswith("## "):
            heading = line.removeprefix("## ")


def number(cell: str) -> float:
    """Return the first number of a cell such as "2.05 (1.92–2.18), 70%"."""
    return float(cell.partition(" ")[0].strip("*,"))


def row(group: str, name: str, what: str, shape: str, peer: str, ratio: float) -> Row:
    sizes = tuple(map(int, shape.split("×")))
    return Row(group, name, what, sizes, peer, 0.0, 0.0, ratio, ratio, ratio, None)


def rows_of(heading: str, header: list[str], cells: list[str]) -> Iterator[Row]:
    """Yield the measurements of one row of a table; of other tables none."""
    by = dict(zip(header, cells, strict=True))
    shapes = [name for name in header if SHAPE.fullmatch(name)]
    if heading == "Layers against torch.nn" and "what" in by:
        for shape in shapes:
            yield row("layers", by["cell"], by["what"], shape, "torch", number(by[shape]))
        if "T×B×H" in by:
            yield row("layers", by["cell"], by["what"], by["T×B×H"], "torch", number(by["ratio (95 %)"]))
    elif heading == "bfloat16" and "processor" in by:
        for shape in shapes:
            yield row("layers", f"{by['cell']} bfloat16", "training step", shape, "torch", number(by[shape]))
    elif heading == "Against onnxruntime and JAX":  # geometric means only
        for peer in ("onnxruntime", "JAX"):
            if by[peer] != "–":
                yield row("layers", by["cell"], by["what"], "50×50×128", peer, number(by[peer]))
    elif heading == "Cells without a fused vendor kernel":
        for shape in shapes:
            plain, loop = by[shape].split(", ")
            yield row("variants", by["cell"], "training step", shape, "plain", 1 / float(plain))
            yield row("variants", by["cell"], "training step", shape, "Python loop", float(loop))
    elif heading == "Generation" and "weights" in by:
        for peer, name in (("nn.LSTMCell loop", "LSTMCell loop"), ("onnxruntime loop", "onnxruntime")):
            yield row("writing", "LSTM 2×512", by["weights"], "1×1×512", name, number(by[peer]))


def main() -> None:
    rows: list[Row] = []
    for heading, header, lines in tables(PAGE.read_text(encoding="utf-8")):
        own = True  # rows after a machine's name, until the next name
        for cells in lines:
            if heading == "bfloat16" and cells[0]:
                own = not cells[0].startswith("Xeon")
            rows += rows_of(heading, header, cells) if own else []
    draw(ABOUT, rows, PAGE.parent / "pictures" / "performance.png")


if __name__ == "__main__":
    main()
