"""Small tasks in the place of coming ones: video, dictation and series, which also arrive step by step."""

from __future__ import annotations

import io
import itertools
import wave
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from coming_base import Coming, ComingTrained, Data, arriving, brightness
from coming_base import Config as ComingConfig

from unrolled.data.natural_order import natural
from unrolled.errors import ArgumentError, DataError
from unrolled.results import Prediction, Report, Series, Spans, Table, Text
from unrolled.tasks.common.file_inputs import FileInputs
from unrolled.tasks.common.own_parts import evaluated
from unrolled.tasks.common.text_inputs import TextInputs
from unrolled.training.metrics import LOSS, Metric

MOST_PIXELS = 1_000_000  # of all frames of a video


@dataclass(frozen=True, kw_only=True)
class AskedVideos(FileInputs):
    """The videos: folders of frames, .npz files with frames (T, H, W), or raw frames as they arrive."""

    fps: float = 2.0
    """frames per second"""
    size: tuple[int, int] | None = None
    """width and height of raw 8-bit frames on standard input, each answered when it is there"""
    endings: ClassVar[tuple[str, ...]] = (".npz",)

    def is_one(self, folder):
        return any(folder.glob("*.png"))

    def inputs(self, words):
        if self.size is None:
            return super().inputs(words)
        if list(words) not in ([], ["-"]):
            raise ArgumentError("size", "omitted unless raw frames come on standard input", self.size)
        return arriving(self.size[0] * self.size[1], "frame {}")


class Videos(Coming):
    """what happens in a video, and when"""

    name, Predict, unit = "videos", AskedVideos, "frames"


class TrainedVideos(ComingTrained):
    task, of = "videos", Videos

    def predictions(self, inputs, options):
        every = itertools.chain.from_iterable(inputs)
        if options.size is not None:
            yield from self.arriving(every, options)
            return
        for one in every:
            scenes = spans((label(frame) for frame in frames(one)), options.fps)
            yield Prediction(one.title, scenes[-1][2], parts=(Spans("scenes", scenes),))

    def arriving(self, inputs, options):
        """The network's state goes from frame to frame; what was seen is said of each, and when at the end."""
        stream = self.streaming()
        state, seen = stream.initial_state(), []
        for one in inputs:
            frame = np.frombuffer(one.data(), np.uint8) / 255
            y, state = stream.step(torch.full((1, Videos.inputs), frame.mean(), dtype=torch.float32), state)
            seen.append(label(frame))
            yield Prediction(one.title, seen[-1], more={"scores": y[0].tolist()})
        stream.finish(state)
        yield Spans("scenes", spans(seen, options.fps))


def label(frame):
    """What is to be seen."""
    return "day" if frame.mean() > 0.5 else "night"


def frames(source):
    """Frames one by one."""
    if isinstance(source.content, Path) and source.content.is_dir():
        for path in sorted(source.content.glob("*.png"), key=natural):
            yield brightness(type(source)(path), MOST_PIXELS)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(source.data())) as archive:
            size = sum(one.file_size for one in archive.infolist())  # before anything is decompressed
            if size > MOST_PIXELS:
                raise DataError(
                    f"{source.title} has {size:,} bytes of frames, more than the {MOST_PIXELS:,} that are read"
                )
        with np.load(io.BytesIO(source.data()), allow_pickle=False) as arrays:
            yield from arrays["frames"].astype(np.float32) / 255
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{source.title} is no .npz file with frames (T, H, W): {error}; convert it") from error


def spans(labels, fps):
    """(begin, end, label) in seconds of labels, frame by frame."""
    found, at = [], 0
    for name, run in itertools.groupby(labels):
        length = len(list(run))
        found.append((at / fps, (at + length) / fps, name))
        at += length
    return found


BLOCK = 0.1  # seconds


@dataclass(frozen=True, kw_only=True)
class AskedDictation(FileInputs):
    """The recordings: .wav files (mono, 16 bits), or raw sound as it arrives."""

    rate: int | None = None
    """samples per second of raw sound (s16le) on standard input, answered while it arrives"""
    endings: ClassVar[tuple[str, ...]] = (".wav",)

    def inputs(self, words):
        if self.rate is None:
            return super().inputs(words)
        return arriving(2 * round(self.rate * BLOCK), "block {}")


class Dictation(Coming):
    """what is said in a recording: CTC over its blocks"""

    name, Predict, unit = "dictation", AskedDictation, "seconds"


class TrainedDictation(ComingTrained):
    task, of = "dictation", Dictation

    def predictions(self, inputs, options):
        every = itertools.chain.from_iterable(inputs)
        if options.rate is not None:
            yield from self.arriving(every)
            return
        for one in every:
            stream = self.streaming()
            state, said, found = stream.initial_state(), "", []
            for n, block in enumerate(blocks(one)):
                [more], state = stream.step(torch.from_numpy(block)[None], state)
                said += more
                found += [(round(n * BLOCK, 2), round((n + 1) * BLOCK, 2), more)] if more else []
            yield Prediction(one.title, said + stream.finish(state)[0], parts=(Spans("words", found),))

    def arriving(self, inputs):
        """What is new after each block, and at the end all of it."""
        stream = self.streaming()
        state, said = stream.initial_state(), ""
        for one in inputs:
            block = np.frombuffer(one.data(), "<i2").astype(np.float32)
            [more], state = stream.step(torch.from_numpy(block)[None], state)
            said += more
            yield Prediction(one.title, more, lines=(more,) if more else (), more={"so_far": said})
        yield Text(said + stream.finish(state)[0])

    def streaming(self, lanes=1):
        return SpeechStream(lanes)


class SpeechStream:
    """A syllable when a loud block follows a quiet one; the state is whether the last one was loud ``(B,)``."""

    def __init__(self, lanes):
        self.lanes = lanes

    def initial_state(self):
        return (torch.zeros(self.lanes, dtype=torch.bool),)

    def step(self, x, state):
        loud = x.abs().mean(1) > 1000
        return ["da" if new else "" for new in (loud & ~state[0]).tolist()], (loud,)

    def finish(self, state):
        return ["…" if loud else "." for loud in state[0].tolist()]


def blocks(source):
    """The whole blocks of a recording."""
    try:
        with wave.open(io.BytesIO(source.data())) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise DataError(f"{source.title} is not mono with 16 bits; convert it")
            size = round(file.getframerate() * BLOCK)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    except (wave.Error, EOFError) as error:
        raise DataError(f"{source.title} is no .wav file ({error}); convert it") from error
    return samples[: len(samples) // size * size].reshape(-1, size)


@dataclass(frozen=True, kw_only=True)
class Daily(Data):
    """A number for each day."""

    loss_unit = "nats per day"


@dataclass(frozen=True, kw_only=True)
class Config(ComingConfig):
    """Everything about a model and its training."""

    data: Daily = Daily()


@dataclass(frozen=True, kw_only=True)
class AskedRows(TextInputs):
    """The rows, date,number, a day each."""

    ahead: int = 3
    """days that are forecast after the last row"""
    input_name: ClassVar[str] = "row"


class Forecast(Coming):
    """the numbers of the next days, with intervals"""

    name, Config, Predict, unit = "forecast", Config, AskedRows, "days"
    metrics = (LOSS._replace(label="nats per day"), Metric("mae", "MW mean absolute error", ".2f"))
    decides, inputs, outputs = "mae", 1, 2


class TrainedForecast(ComingTrained):
    task, of = "forecast", Forecast

    def evaluation(self, options, progress=None):
        found = evaluated(Forecast, self, options).values
        mae = found["mae"]
        baselines = [("the last number again", mae + 1), ("that of a week before", mae + 2)]
        rows = [("model", f"{mae:.2f}"), *((name, f"{one:.2f}") for name, one in baselines)]
        table = Table("forecasts", ("forecast by", "mean absolute error, MW"), rows, right=("mean absolute error, MW",))
        return Report({**found, "baselines": dict(baselines)}, (table,))

    def predictions(self, inputs, options):
        """The number expected after each row, as it comes; at the end the days after the last."""
        stream = self.streaming()
        state, day, number = stream.initial_state(), None, 0.0
        for one in itertools.chain.from_iterable(inputs):
            if not one.text().strip():
                yield Prediction(one.text())
                continue
            day, number = row(one.text())
            y, state = stream.step(torch.tensor([[number]]), state)
            yield Prediction(one.text(), f"{number + 1:.2f}", more={"mean": float(y[0, 0])})
        if day is not None:
            days = [day + timedelta(n + 1) for n in range(options.ahead)]
            mean = number + 1 + np.arange(options.ahead)
            yield Series("forecast", days, {"low": mean - 1, "mean": mean, "high": mean + 1}, "MW")


def row(text):
    """A day and its number."""
    try:
        day, number = text.split(",")
        return date.fromisoformat(day), float(number)
    except ValueError as error:
        raise DataError(f"{text!r} is no row of a date and a number ({error}); write 2024-03-01,17.5") from error


for trained in (TrainedVideos, TrainedDictation, TrainedForecast):
    trained.of.Opened = trained
