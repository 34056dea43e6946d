"""Speech recognition: a recording in, its words out, without the time at which each of them begins.

    unrolled train speech                                     strings of synthesised digits
    unrolled train speech --data recordings                   x.wav and x.txt, LibriSpeech, tables, archives
    unrolled predict runs/speech-recordings-1 new.wav
    arecord -f S16_LE -r 16000 | unrolled predict RUN - --input-rate 16000      trained with --streaming

    40 log-mel energies every 10 ms → normalised → stacked by 2 → recurrent layers → logits (K, B, C)
    loss = −log P(text | logits), summed over all alignments of its characters with the inputs (layers/ctc.py)

Recordings are read in both directions, streams in one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...cells import cell_class
from ...data.generated_speech import example_wav
from ...data.log_mel import STEP
from ...data.utterance_changes import changed_sounds
from ...data.utterance_sets import NAMES
from ...data.utterances import UtteranceSets
from ...training.input_options import InputOptions
from ..common.sets_task import Description
from ..common.starting import NETWORK
from ..common.unaligned.examples import Counts
from ..common.unaligned.model import CTCNetwork
from ..common.unaligned.task import UnalignedTask
from ..common.unaligned.trained import TrainedReader
from . import description
from .config import SpeechConfig
from .evaluation import Evaluate
from .model import SpeechReader
from .prediction import Predict
from .trained import TrainedSpeech

MEASURED = 500  # utterances from which the mean of each band is measured


class SpeechRecognition(UnalignedTask):
    """The task ``speech``; see the module."""

    name: ClassVar[str] = "speech"
    Config: ClassVar[type] = SpeechConfig
    unit: ClassVar[str] = "recordings"
    noun: ClassVar[str] = "recordings"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    keeps: ClassVar[tuple[str, ...]] = (*NETWORK, "stacked", "streaming", "sample_rate", "normal_form", "case")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    more_frames: ClassVar[str] = "give frames a smaller --stacked"
    trained: ClassVar[type[TrainedReader[Any]]] = TrainedSpeech
    config: SpeechConfig
    sets: UtteranceSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "test": ()}

    def read(self) -> UtteranceSets:
        cell_class(self.config.model.cell)
        sets = self.config.data.read(self.progress)
        data = replace(self.config.data, sample_rate=sets.train.rate)
        self.config = replace(self.config, data=data)
        return sets

    def about(self) -> list[str]:
        lengths, rate = self.sets.train.lengths * STEP, self.sets.train.rate
        return [
            f"recordings of {lengths.min():.2f} to {lengths.max():.2f} s at {rate:,} Hz, "
            f"{lengths.sum() / 60:,.1f} minutes; an input for each {1000 * STEP * self.config.sound.stacked:g} ms"
        ]

    def build_model(self) -> nn.Module:
        model = super().build_model()
        assert isinstance(model, CTCNetwork)
        assert isinstance(model.encoder, SpeechReader)
        train = self.sets.train
        chosen = np.unique(np.linspace(0, len(train) - 1, MEASURED).astype(int)).tolist()
        model.encoder.features.measure(torch.from_numpy(np.concatenate([train[number] for number in chosen])))
        return model

    def changed(self, arrays: list[npt.NDArray[Any]], least: Counts, step: int) -> list[npt.NDArray[Any]]:
        frames = least * self.config.sound.stacked
        return list(changed_sounds(arrays, self.config.augmentation, frames, self.config.training.seed, step))

    def example_file(self) -> tuple[str, bytes] | None:
        return "example.wav", example_wav()
