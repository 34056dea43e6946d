"""Small tasks in the place of coming ones: pictures that are classed, captioned, read, continued and drawn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from coming_base import AskedPictures, Coming, ComingTrained, brightness, png

from unrolled.cells import check_size
from unrolled.errors import ArgumentError, DataError
from unrolled.results import Drawing, Input, Picture, Prediction, Report, SamplePiece, Table
from unrolled.tasks.common.file_inputs import FileInputs
from unrolled.tasks.common.own_parts import OwnParts, evaluated
from unrolled.tasks.common.trained import Trained
from unrolled.tasks.common.writer import Writer
from unrolled.tasks.opening import open_model
from unrolled.training.metrics import LOSS, Metric


class Pictures(Coming):
    """the class of a picture"""

    name, Predict, unit = "pictures", AskedPictures, "pictures"


class TrainedPictures(ComingTrained):
    task, of = "pictures", Pictures

    def predictions(self, inputs, options):
        for one in itertools.chain.from_iterable(inputs):
            light = float(brightness(one, options.most_pixels).mean())
            yield Prediction(one.title, "light" if light > 0.5 else "dark", {"light": light, "dark": 1 - light})


@dataclass(frozen=True, kw_only=True)
class EvaluateCaptions(OwnParts):
    """Which pictures, and how many are shown."""

    shown: int = 2
    """captions that are shown beside what people wrote"""

    def __post_init__(self):
        check_size("shown", self.shown, least=0)


@dataclass(frozen=True, kw_only=True)
class AskedCaptions(AskedPictures):
    """The pictures, and how captions are searched for."""

    beam: int = 1
    """captions that are kept at each step"""
    language_model: str | None = None
    """a run of the task lm that has a say in the choice"""


CAPTIONS = ("the cat sat on the mat", "the dog sat by the door")


class Captions(Coming):
    """what is to be seen in a picture"""

    name, Evaluate, Predict, unit = "captions", EvaluateCaptions, AskedCaptions, "pictures"
    metrics, decides = (LOSS, Metric("words_right", "words right", ".1%", larger_is_better=True)), "words_right"


class TrainedCaptions(ComingTrained):
    task, of = "captions", Captions

    def evaluation(self, options, progress=None):
        report = evaluated(Captions, self, options)
        rows = [(f"{n}.png", CAPTIONS[n % 2], CAPTIONS[0], ("0", "3")[n % 2]) for n in range(options.shown)]
        table = Table("captions", ("picture", "caption", "people say", "words wrong"), rows, right=("words wrong",))
        return Report(report.values, (*report.parts, table))

    def predictions(self, inputs, options):
        writer = None if options.language_model is None else open_model(Path(options.language_model))
        if writer is not None and not isinstance(writer, Writer):
            raise ArgumentError("language_model", "a run of a language model", options.language_model)
        for one in itertools.chain.from_iterable(inputs):
            pixels = brightness(one, options.most_pixels)
            costs = {text: abs(n - float(pixels.mean())) for n, text in enumerate(CAPTIONS)}
            if writer is not None and options.beam > 1:
                costs = {text: nats(writer, text) for text in CAPTIONS}
            looked = Picture("looked", lambda pixels=pixels: png(pixels > pixels.mean()), "where was looked")
            yield Prediction(one.title, min(costs, key=costs.get), parts=(looked,))


@torch.no_grad()
def nats(writer, text):
    """−log p(text) after its first symbol."""
    ids = torch.from_numpy(writer.vocabulary.encode(text).astype(np.int64))[:, None]
    log_p = writer.model(ids, None)[0].log_softmax(-1)
    return -float(log_p[:-1].gather(2, ids[1:, :, None]).sum())


class Handwriting(Coming):
    """the text of a line of handwriting: CTC over the columns of its picture"""

    name, Predict, unit = "handwriting", AskedPictures, "lines"


class TrainedHandwriting(ComingTrained):
    task, of = "handwriting", Handwriting

    def predictions(self, inputs, options):
        for one in itertools.chain.from_iterable(inputs):
            columns = brightness(one, options.most_pixels).mean(0)  # (W,)
            yield Prediction(one.title, collapsed("l" if dark else "" for dark in columns < 0.5))

    def streaming(self, lanes=1):
        raise self.unable("answer step by step: it reads a line in both directions")

    def modules(self):
        return super().modules()._replace(step=None, states=())


def collapsed(symbols):
    """CTC: what is left without repetitions, then without blanks."""
    return "".join(symbol for symbol, _ in itertools.groupby(symbols))


@dataclass(frozen=True, kw_only=True)
class SamplePixels:
    """What to draw."""

    samples: int = 1
    """pictures"""
    side: int = 4
    """pixels of a side"""

    def __post_init__(self):
        check_size("samples", self.samples)
        check_size("side", self.side)


@dataclass(frozen=True, kw_only=True)
class AskedPixels(AskedPictures):
    """The pictures, and what of them is missing."""

    mask: str | None = None
    """a picture of the same size that is dark where pixels are missing"""


class Pixels(Coming):
    """pictures, drawn pixel by pixel, or completed"""

    name, Predict, Sample, unit = "pixels", AskedPixels, SamplePixels, "pictures"
    metrics, decides = (LOSS, Metric("bits_per_pixel", "bits per pixel")), "bits_per_pixel"
    use: ClassVar = {"let it draw": "sample", "let it complete": "predict", "evaluate it": "evaluate"}


class TrainedPixels(ComingTrained):
    task, of = "pixels", Pixels

    def samples(self, options):
        for n in range(options.samples):
            yield SamplePiece(n, Picture("drawn", lambda n=n: png(np.full((options.side, options.side), n / 255))))

    def predictions(self, inputs, options):
        mask = None if options.mask is None else brightness(Input(Path(options.mask)), options.most_pixels)
        for one in itertools.chain.from_iterable(inputs):
            pixels = brightness(one, options.most_pixels)
            missing = np.zeros_like(pixels) > 0 if mask is None else mask < 0.5
            if missing.shape != pixels.shape:
                raise DataError(f"{one.title} and the mask {options.mask} differ in size; give one of the same size")
            whole = np.where(missing, 1.0, pixels)
            yield Prediction(one.title, parts=(Picture("completed", lambda whole=whole: png(whole), "completed"),))


@dataclass(frozen=True, kw_only=True)
class AskedStrokes(FileInputs):
    """The drawings, as JSON: {"points": [[x, y], …]}."""

    endings: ClassVar[tuple[str, ...]] = (".json",)


@dataclass(frozen=True, kw_only=True)
class SampleStrokes:
    """What to draw."""

    samples: int = 1
    """drawings"""
    text: str = ""
    """what the handwriting says"""


class Strokes(Coming):
    """handwriting and sketches, stroke by stroke"""

    name, Evaluate, Predict, Sample, unit = "strokes", None, AskedStrokes, SampleStrokes, "drawings"
    use: ClassVar = {"let it draw": "sample", "let it go on with a drawing": "predict"}


class TrainedStrokes(ComingTrained):
    task, of = "strokes", Strokes
    evaluation = Trained.evaluation

    def samples(self, options):
        for n in range(options.samples):
            if options.text:
                yield SamplePiece(n, options.text, given=True)
            yield SamplePiece(n, Drawing("strokes", svg([(0, n), (9, 9)]), "handwriting"))

    def predictions(self, inputs, options):
        for one in itertools.chain.from_iterable(inputs):
            try:
                points = [(float(x), float(y)) for x, y in one.json()["points"]]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{one.title} has no list of points, each [x, y]; correct it") from error
            on = Drawing("continued", svg([*points, (0, 0)]), "goes on")
            yield Prediction(one.title, f"a line of {len(points)} points", parts=(on,))


def svg(points):
    """A line as an SVG file."""
    joined = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<svg xmlns="http://www.w3.org/2000/svg"><polyline points="{joined}"/></svg>'


for trained in (TrainedPictures, TrainedCaptions, TrainedHandwriting, TrainedPixels, TrainedStrokes):
    trained.of.Opened = trained
