"""Run time of the unit search.    python benchmarks/unit_search.py

An untrained LSTM with two layers of 512 units reads a million characters of Shakespeare; every unit of every gate and
state is scored against every hypothesis, in one pass.
"""

from __future__ import annotations

import resource
import time

import torch

from harness import table
from unrolled.data import CharVocabulary, open_corpus
from unrolled.inspector import built_in, label, read
from unrolled.inspector.unit_search import measure
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.tasks.lm.trained import TrainedLanguageModel

CHARACTERS = 1_000_000


def main() -> None:
    text = "".join(part for part, _ in open_corpus("shakespeare").chunks())[:CHARACTERS]
    vocabulary = CharVocabulary("".join(sorted(set(text))))
    config = LanguageModelConfig(model=Recurrent(hidden_size=512, num_layers=2))
    torch.manual_seed(0)
    model = TrainedLanguageModel(new_model(len(vocabulary), config).eval(), vocabulary, config)
    reading, labels = read(model, text), label(text, built_in())
    begin, cpu = time.perf_counter(), time.process_time()
    scores = measure(reading, labels)
    spent = [f"{time.perf_counter() - begin:.1f} s", f"{time.process_time() - cpu:.1f} s"]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sizes = [f"{len(text):,}", f"{len(scores.units):,}", f"{len(labels.names)}", f"{scores.positions:,}"]
    table(
        ["characters", "units", "hypotheses", "scored at", "time", "processor", "memory"],
        [[*sizes, *spent, f"{most} MB"]],
    )


if __name__ == "__main__":
    main()
