"""Inspection of a captioner: its decoder reads each line as the caption of a picture.

A line that is a caption of the run's own data is read with its picture or clip, every other line with the mean of the
training pictures, or of the frames of the training clips. Step t reads token t, as in training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ...analysis.runner import run_by
from ...analysis.tokenized import TokenSequence
from ...cells import Cell
from ...scan import scan
from ..common.token_lines import token_lines
from .caption_decoder import CaptionDecoder
from .inputs import Read, ReadClips, tensors
from .opened import network

if TYPE_CHECKING:
    from .trained import TrainedCaptioner

MOST = 2_000  # pictures that captions are looked up in, of each part


class DecoderLayers(nn.Module):
    """The recurrent layers of a captioner's decoder, the one with attention included, as an inspector needs them."""

    num_directions = 1

    def __init__(self, model: CaptionDecoder) -> None:
        super().__init__()
        above = [] if model.decoder is None else [*model.decoder.cells]
        layers: list[nn.Module] = [*([] if model.attention is None else [model.attention]), *above]
        self.layers = nn.ModuleList(nn.ModuleList([layer]) for layer in layers)  # their names count the layers
        self.attention, self.decoder = model.attention, model.decoder
        self.num_layers = len(layers)

    @property
    def cells(self) -> Iterator[Cell]:
        """The cells, layer by layer."""
        if self.attention is not None:
            yield self.attention.cell
        if self.decoder is not None:
            yield from self.decoder.cells


def reading(model: TrainedCaptioner, text: str) -> Inspection:
    """Prepare ``text`` for inspection of the decoder, line by line."""
    config, symbols = model.config, len(model.language)
    captioner = model.model
    sequences = token_lines(model.language, text)
    inputs = _inputs(model, [line.words[0] for line in sequences])
    numbers = {id(line): n for n, line in enumerate(sequences)}

    def twin() -> nn.Module:
        return network(config, symbols, inputs.shape[1:])

    def batch(lines: list[TokenSequence]) -> Tensor:
        return torch.tensor([numbers[id(line)] for line in lines])

    def call(module: Any, chosen: Tensor, lengths: Tensor) -> None:
        lines = [sequences[n] for n in chosen.tolist()]
        ids = torch.zeros(int(lengths.max()), len(lines), dtype=torch.int64, device=lengths.device)
        for lane, line in enumerate(lines):
            ids[: len(line.ids), lane] = torch.from_numpy(line.ids)
        encoded = module.encode(*(part.to(lengths.device) for part in tensors(inputs[chosen.cpu().numpy()])))
        untraced = nullcontext() if module.image is None else run_by(module.decoder, scan)
        with untraced:  # the picture is a step before the first token, and has no place in the line
            state = module.begin(encoded)
        module.decode(ids, state, encoded.memory, lengths)

    passes = Lines(sequences, call, batch)
    return Inspection(captioner, DecoderLayers, twin, symbols, passes)  # type: ignore[arg-type]


def _inputs(model: TrainedCaptioner, lines: list[str]) -> Read:
    """Return the picture or clip that each line is read with."""
    sets = model.own_sets()
    train = sets.train.pick(range(min(MOST, len(sets.train))))
    read = model.reader.read_all(train)
    found: dict[str, Any] = {}
    for part in (train, sets.valid, sets.test):
        some = part.pick(range(min(MOST, len(part))))
        own = read if part is train else model.reader.read_all(some)
        for n, caption in some.pairs():
            found.setdefault(caption.strip().lower(), own[n])
    if isinstance(read, ReadClips):
        frames = read.frames(MOST)
        mean = frames.astype(np.float32).mean(0, keepdims=True).astype(frames.dtype)
        return ReadClips([found.get(line.strip().lower(), mean) for line in lines], read.most)
    mean = read.astype(np.float32).mean(0).astype(read.dtype)
    return np.stack([found.get(line.strip().lower(), mean) for line in lines])
