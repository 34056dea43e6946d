"""Generated DNA has what its description says."""

import re
from collections import Counter

from unrolled.data import open_corpus
from unrolled.data.generated_dna import GENES, STOPS, contigs, promoters


def test_genes_begin_after_the_binding_site_and_end_with_a_stop_codon():
    [contig] = contigs(0, 1)
    assert set(contig) == set("ACGT")
    starts = [found.end() for found in re.finditer("AGGAGG.{5,9}?ATG", contig)]
    codons = [[contig[at : at + 3] for at in range(start, len(contig) - 2, 3)] for start in starts]
    lengths = [next((n for n, codon in enumerate(gene) if codon in STOPS), -1) for gene in codons]
    assert sum(40 <= length <= 140 for length in lengths) >= GENES - 1
    assert list(contigs(0, 1)) == [contig] != list(contigs(1, 1))


def test_the_corpus_has_a_document_per_contig():
    chunks = list(open_corpus("genome").chunks())
    text = "".join(chunk.text for chunk in chunks)
    assert sum(len(chunk.starts) for chunk in chunks) == text.count("\n") == 120
    assert 600_000 < len(text) < 900_000


def test_promoters_have_their_boxes_at_a_distance():
    examples = promoters(0, 600)
    assert {len(text) for text in examples.texts} == {60}
    counts = Counter(examples.labels)
    assert abs(counts["promoter"] - 300) < 40
    both = re.compile("TTGACA.{15,19}TATAAT")
    found = Counter(label for text, label in zip(examples.texts, examples.labels, strict=True) if both.search(text))
    assert found["promoter"] > 100 > 5 > found["other"]
