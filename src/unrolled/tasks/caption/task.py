"""Captions: a picture in, a sentence out (one-to-many).

    unrolled train caption                                          drawn scenes → "a red circle left of a blue square"
    unrolled train caption --data flickr8k/captions.txt
    unrolled predict runs/caption-captions-1 photo.jpg --explain --html attention.html

The loss is in losses.py. In training the previous token is the true one (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.batches import Batches, pad
from ...data.caption_sets import NAMES, CaptionSets
from ...data.counter import uniform
from ...data.generated_scenes import SIDE as SCENE
from ...errors import DataError
from ...results import Comparison, Part, Picture, Progress, Text, silent
from ...training.config import update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.excerpts import excerpts
from ..common.language import END, Language, shifted
from ..common.sets_task import Description, SetsTask
from . import description, starting
from .config import CaptionConfig
from .evaluation import Evaluate, compare
from .losses import caption_loss
from .model import Captioner
from .pictures import Array, PictureReader
from .predictions import Predict
from .scores import METRICS
from .trained import TrainedCaptioner

_PLACES, _MEANS = 0x1A75, 0x1A76  # random streams: the places of hard attention, the captions without them
SCORED = 200  # validation pictures described at every evaluation
PREVIEWED = 3
PHOTO = 96  # pixels of a side, unless given
SAMPLED = 0.5  # final share of captions with sampled places
BEGINS, FULL = 0.3, 0.6  # fractions of training at which that share begins to rise from 0, and has its final value
TOGETHER = 2  # captions of a picture in the same batch: the picture is encoded once for them


Group = tuple[int, list[npt.NDArray[np.int64]]]  # the index of a picture, and tokens of some of its captions


class Batch(NamedTuple):
    """A padded batch of captions and their pictures."""

    pictures: Tensor  # (B, h, w, ·)
    rows: Tensor  # (N,), the picture of each caption
    target: Tensor  # (T, N), including the end token
    lengths: Tensor  # (N,), including the end token
    draws: Tensor  # (T, N), for hard attention; else (0, 0)


class Captioning(SetsTask):
    """The task ``caption``; see the module."""

    name: ClassVar[str] = "caption"
    Config: ClassVar[type] = CaptionConfig
    unit: ClassVar[str] = "captions"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    given: ClassVar[tuple[str, ...]] = ("data",)
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    metrics = METRICS
    decides = "cider"
    config: CaptionConfig
    sets: CaptionSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "images": ()}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return description.write_captions(name, value, folder)

    def prepare(self) -> list[str]:
        config = self.config = update(self.config, encoder=self.config.encoder)
        cell_class(config.model.cell)
        self.sets = config.data.read()
        train = self.sets.train
        self.pairs = train.pairs()
        texts = [caption for _, caption in self.pairs]
        if len(texts) > 1 and len({" ".join(text.lower().split()) for text in texts}) == 1:
            message = f"the caption is the same in all {len(texts):,} cases: nothing can be learned from it"
            raise DataError(f"{message}; check the file and its column of captions")
        self.language = Language.build(texts, config.vocabulary, config.units, "caption")
        started: list[str] = []
        if self.source is not None:
            self.language, started = starting.language(self.source, self.language, config)
        longest = config.units.max_symbols
        encoded = [(n, self.language.encode(text)) for n, text in self.pairs]
        kept = [(n, np.append(ids, END)) for n, ids in encoded if len(ids) <= longest]
        if not kept:
            raise DataError(f"every caption is longer than {longest} tokens; increase --max-symbols")
        self.groups = _groups(kept)
        self.longest = max(len(ids) for _, ids in kept) - 1
        training, lengths = config.training, [max(map(len, targets)) for _, targets in self.groups]
        size = round(integer(training.batch_size) * len(self.groups) / len(kept))
        self.batches = Batches(lengths, max(1, size), training.seed)
        if config.encoder == "cnn" and config.pictures.size is None:
            self.config = config = update(config, size=SCENE if config.data.data in NAMES else PHOTO)
        self.reader = PictureReader(config.encoder, config.pictures)
        self.arrays = {"train": self.reader.read_all(train, self.progress)}
        side, kind = self.reader.side, {"cnn": "a network trained along", "photos": "EfficientNet-Lite0"}
        notes = [
            *self.sets.how,
            *excerpts(text for _, text in self.pairs),
            *self.sets.notes,
            *started,
            f"pictures of {side} × {side} pixels, read by {kind.get(config.encoder, config.encoder)}",
            f"{len(self.language):,} tokens ({self.language.vocabulary.kind})",
        ]
        if len(kept) < len(encoded):
            notes.append(
                f"{len(encoded) - len(kept):,} captions of more than {longest} tokens are excluded (--max-symbols)"
            )
        return [*notes, *description.leaked_pictures(self.sets)]

    def array(self, split: str) -> Array:
        """Return what the captioner reads of the pictures of a part."""
        if split not in self.arrays:
            self.arrays[split] = self.reader.read_all(self.sets.parts()[split], self.progress)
        return self.arrays[split]

    def build_model(self) -> nn.Module:
        config, train = self.config, self.arrays["train"]
        own = config.pictures if config.encoder == "cnn" else None
        model = Captioner(len(self.language), train.shape[1:], config.model, config.captioner, own)
        model.normalise_by(train)
        return model

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        super().kept(source, options)
        return starting.kept(options)

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.language)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        groups = [self.groups[n] for n in self.batches[step].tolist()]
        target, lengths = pad([ids for _, targets in groups for ids in targets])
        pictures, rows = np.unique([n for n, targets in groups for _ in targets], return_inverse=True)
        draws = torch.zeros(0, 0)
        if self.config.captioner.attention == "hard":
            seed = self.config.training.seed
            drawn = uniform(seed, _PLACES, step, np.arange(target.numel())).reshape(target.shape)
            done = step / max(1, self.config.training.steps or 1)
            share = 1 - SAMPLED * min(1.0, max(0.0, (done - BEGINS) / (FULL - BEGINS)))
            mean = uniform(seed, _MEANS, step, np.arange(target.size(1))) < share  # they read the mean of all places
            draws = torch.from_numpy(np.where(mean, 1.0, drawn)).float()
        arrays = torch.from_numpy(np.ascontiguousarray(self.arrays["train"][pictures]))
        return Batch(arrays, torch.from_numpy(rows), target, lengths, draws)

    def units(self, batch: Batch) -> float:
        return float(len(batch.rows))

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, Captioner)
        pictures, rows, target, lengths, draws = (part.to(self.config.training.device) for part in batch)
        drawn = draws if draws.numel() else None
        outputs, weights = model(pictures, rows, shifted(target), lengths, drawn)
        return caption_loss(model, outputs, weights, target, lengths, drawn), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        captioned = self.sets.parts()[split]
        if not len(captioned):
            return {}
        handle, arrays = self._handle(model), self.array(split)
        loss = handle.loss(captioned, arrays)
        scored = range(min(SCORED, len(captioned)) if split == "valid" else len(captioned))
        beam: dict[str, Any] = {"beam": 1} if split == "valid" else {}
        return {**loss, **handle.measures(captioned.pick(scored), arrays[: len(scored)], **beam).summary()}

    def preview(self, model: nn.Module) -> Sequence[Part]:
        handle, valid = self._handle(model), self.sets.valid
        shown = valid.pick(range(min(SCORED, len(valid))))
        captions = [best for best, *_ in handle.described(self.array("valid")[: len(shown)], beam=1)]
        lines = []
        for caption, name, references in list(zip(captions, shown.names, shown.captions, strict=True))[: 2 * PREVIEWED]:
            mark = "✓" if caption.text in references else f"({references[0]})"
            lines.append(f"{name}  →  {caption.text} {mark}")
        if len(shown) > 1 and len({caption.text for caption in captions}) == 1:
            remedy = "train longer, or check that pictures and captions belong together"
            lines.insert(0, f"the captions of all {len(shown)} validation pictures are the same: {remedy}")
        parts: list[Part] = [Text("\n".join(lines))]
        for n, caption in enumerate(captions[:PREVIEWED]):
            parts.append(Picture(f"attention-{n + 1}", partial(handle.drawn, shown.pictures[n], caption)))
        return parts

    def _handle(self, model: nn.Module) -> TrainedCaptioner:
        assert isinstance(model, Captioner)
        return TrainedCaptioner(model, self.language, self.config, self.longest)

    def example(self) -> str:
        pictures = (self.sets.valid if len(self.sets.valid) else self.sets.train).pictures
        return "" if isinstance(pictures, np.ndarray) else str(pictures[0])

    def test_cost(self) -> float:
        return len(self.sets.test) / min(SCORED, len(self.sets.valid))

    def assets(self) -> dict[str, Any]:
        return {
            "language": self.language.to_json(),
            "shape": list(self.arrays["train"].shape[1:]),
            "longest": self.longest,
            "data": self.fingerprint(),
        }

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        return compare(models, options, progress)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedCaptioner:
        return TrainedCaptioner.from_file(file, config)


def _groups(encoded: Sequence[tuple[int, npt.NDArray[np.int64]]]) -> list[Group]:
    """Return the captions of each picture in groups of at most `TOGETHER`."""
    groups: list[Group] = []
    for n, ids in encoded:
        if groups and groups[-1][0] == n and len(groups[-1][1]) < TOGETHER:
            groups[-1][1].append(ids)
        else:
            groups.append((n, [ids]))
    return groups
