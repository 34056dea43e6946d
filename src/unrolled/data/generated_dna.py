"""Generated DNA, a pure function of a seed: a genome to model, and promoters to recognize.

A promoter is that of E. coli: the boxes TTGACA and TATAAT, 15 to 19 nucleotides apart, each nucleotide of which is
drawn anew with a probability of 5 % (10 % in the genome). A gene begins with ATG, 5 to 9 nucleotides after AGGAGG. Its
codons have unequal frequencies, and the first stop codon ends it. A model of short contexts sees neither the distance
of the boxes nor the reading frame of a gene.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from .labelled import Examples
from .textfile import LiteralText

GENOME, PROMOTERS = "genome", "promoters"
CONTIGS, GENES = 120, 12
BOXES = ("TTGACA", "TATAAT")
LENGTH = 60  # of the sequences of `promoters`
STOPS = ("TAA", "TGA", "TAG")
START, BINDING = "ATG", "AGGAGG"
_WEIGHTS = {"A": 0.3, "C": 0.2, "G": 0.2, "T": 0.3}
_CODONS = [codon for letters in itertools.product("ACGT", repeat=3) if (codon := "".join(letters)) not in STOPS]
_ORDER = random.Random(61).sample(_CODONS, len(_CODONS))
_USAGE = [(rank + 1) ** -1.3 for rank in range(len(_CODONS))]


@dataclass(frozen=True)
class Genome(LiteralText):
    """The text of the corpus ``genome``: contigs, each with a newline at its end. It is generated when it is read."""

    text: str = GENOME
    seed: int = 0
    separator: ClassVar[str | None] = "\n"

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        """Yield the contigs."""
        return (f"{contig}\n" for contig in contigs(self.seed))

    def fingerprint(self) -> list[object]:
        """Return a list that changes with the text."""
        return [GENOME, self.seed, 1]


def contigs(seed: int, count: int = CONTIGS) -> Iterator[str]:
    """Yield ``count`` contigs of `GENES` genes, about 5,000 nucleotides each."""
    draw = random.Random(seed)
    for _ in range(count):
        genes = [f"{_background(draw, draw.randint(60, 200))}{_gene(draw)}" for _ in range(GENES)]
        yield "".join(genes) + _background(draw, draw.randint(60, 200))


def promoters(seed: int, count: int) -> Examples:
    """Generate ``count`` sequences of `LENGTH` nucleotides, promoters and others.

    Three in five of the others are background; the rest have both boxes too, at another distance or in reverse order.
    """
    draw = random.Random(seed)
    examples = Examples()
    for _ in range(count):
        kind = draw.choices(("promoter", "background", "distance", "order"), (5, 3, 1, 1))[0]
        boxes = [_varied(draw, box, 0.05) for box in (BOXES[::-1] if kind == "order" else BOXES)]
        spacer = draw.choice((5, 6, 7, 8, 9, 26, 27, 28, 29, 30) if kind == "distance" else (15, 16, 17, 17, 18, 19))
        core = "" if kind == "background" else f"{boxes[0]}{_background(draw, spacer)}{boxes[1]}"
        before = draw.randint(2, LENGTH - len(core) - 2)
        sequence = _background(draw, before) + core
        examples.texts.append(sequence + _background(draw, LENGTH - len(sequence)))
        examples.labels.append("promoter" if kind == "promoter" else "other")
    return examples


def _gene(draw: random.Random) -> str:
    """Return a promoter, a binding site of the ribosome and a gene, with the nucleotides between them."""
    boxes = [_varied(draw, box, 0.1) for box in BOXES]
    promoter = f"{boxes[0]}{_background(draw, draw.randint(15, 19))}{boxes[1]}"
    codons = "".join(draw.choices(_ORDER, _USAGE, k=draw.randint(40, 140)))
    site = f"{_background(draw, draw.randint(10, 30))}{BINDING}{_background(draw, draw.randint(5, 9))}"
    return f"{promoter}{site}{START}{codons}{draw.choice(STOPS)}"


def _background(draw: random.Random, length: int) -> str:
    return "".join(draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=length))


def _varied(draw: random.Random, motif: str, rate: float) -> str:
    return "".join(draw.choice("ACGT") if draw.random() < rate else letter for letter in motif)
