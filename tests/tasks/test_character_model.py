"""A trained language model of characters in CTC beam search: its scores are those of the model."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import unrolled
from unrolled.data.characters import CharVocabulary
from unrolled.data.words import WordVocabulary
from unrolled.decoding import CTCDecoder, CTCSearch
from unrolled.errors import ArgumentError
from unrolled.kernels import extension
from unrolled.tasks.common.character_model import LanguageModelReader
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.model import new_model
from unrolled.training.config import update

TEXT = "text:" + "the cat sat on the mat\n" * 60


def recurrent(_: Path) -> Any:
    """A language model of an untrained network."""
    vocabulary = CharVocabulary(TEXT)
    model = new_model(len(vocabulary), update(LanguageModelConfig(), hidden_size=8))
    return SimpleNamespace(model=model, vocabulary=vocabulary, opening=lambda: "\n")


def ngram(run: Path) -> Any:
    return unrolled.train("lm", data=TEXT, run=run, kind="ngram", order=3)


@pytest.mark.parametrize("make", [recurrent, ngram])
@pytest.mark.skipif(extension.missing is not None, reason=extension.missing or "")
def test_texts_are_scored_as_the_model_scores_them(make: Callable[[Path], Any], tmp_path: Path) -> None:
    reader = LanguageModelReader(make(tmp_path / "lm"))
    symbols = ["", *sorted(set("cathe"))]
    search = CTCSearch(beam=20, n_best=5, lm_weight=0.5, length_bonus=1.0)
    logits = torch.randn(5, 1, len(symbols), generator=torch.Generator().manual_seed(0))
    for found in CTCDecoder(symbols, search=search, lm=reader).decode(logits)[0]:
        log_probs, state = reader.start()
        score = found.log_probability
        for c in found.text:
            score += 0.5 * float(log_probs[0, reader.alphabet.index(c)]) + 1.0
            log_probs, state = reader.step(torch.tensor([reader.alphabet.index(c)]), state)
        assert found.score == pytest.approx(score, abs=1e-4)
    with pytest.raises(ArgumentError, match=r"it lacks 1 of them, e\.g\. 'Q'"):
        CTCDecoder([*symbols, "Q"], lm=reader)


def test_words_are_no_characters() -> None:
    model = SimpleNamespace(vocabulary=WordVocabulary(["the", "cat"]), opening=lambda: "the")
    with pytest.raises(ArgumentError, match=r"lm must be a language model of characters, got 'one of word tokens'"):
        LanguageModelReader(model)  # type: ignore[arg-type]
