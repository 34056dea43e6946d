"""The options of the task ``caption``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_rate, check_size
from ...checks import checked
from ...data.caption_files import CaptionForm
from ...data.caption_sets import ACTIONS, NAMES, CaptionSets, open_captions
from ...data.folds import check_folds
from ...decoding.search import Search
from ...errors import ArgumentError
from ...training.config import formerly, refuse_changed
from ...training.options import Training
from ...training.start_options import Start
from ..common.clip_options import FASTEST
from ..common.convolution_options import check_convolutions
from ..common.language import Tokenization
from ..common.recurrent import Recurrent

LEAST_SIZE, LARGEST = 16, 512  # pixels of a side
MAPS, CLIP_MAPS = (24, 48, 96), (8, 16, 32)
OF_FILES = ("images", "form", "inputs", "fractions", "folds", "fold")


@dataclass(frozen=True, kw_only=True)
class Captions:
    """The pictures or clips and their captions."""

    data: str = "scenes"
    """a file of captions (Karpathy, Flickr8k, Kaggle, COCO, JSON lines), or a name"""
    images: str | None = None
    """folder of the pictures or clips (default: found beside the file)"""
    form: CaptionForm = "auto"
    """form of the file: karpathy, coco, flickr, csv or jsonl (default: detect)"""
    inputs: Literal["auto", "pictures", "clips"] = "auto"
    """what the captions describe: pictures or clips; auto: by the files"""
    fractions: tuple[float, float, float] | None = None
    """fractions of training, validation and test (default: of the file, or 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation, by a hash of the name; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""

    def __post_init__(self) -> None:
        check_folds(self.folds, self.fold, None)
        parts = self.fractions
        if parts is not None and not (min(parts) >= 0 and min(parts[:2]) > 0 and abs(sum(parts) - 1) <= 1e-6):
            expected = "three numbers for training, validation and test, of sum 1, the first two above 0"
            raise ArgumentError("fractions", expected, parts)
        if self.data in NAMES:
            refuse_changed(self, OF_FILES, f"with --data {self.data}, which does not use it")

    @property
    def clips(self) -> bool:
        """Whether the captions describe clips, as far as it is known."""
        return self.data == ACTIONS or self.inputs == "clips"

    def read(self) -> CaptionSets:
        """Read the training, validation and test sets."""
        return open_captions(self.data, self.images, self.form, self.inputs, self.fractions, self.folds, self.fold or 0)


@dataclass(frozen=True, kw_only=True)
class Words(Tokenization):
    """The tokenization of the captions."""

    vocabulary: Literal["auto", "bpe", "word", "char", "byte"] = "auto"
    """word, bpe (subwords), char or byte; auto: word"""
    min_count: int = 2
    """words or characters seen less often become the unknown token"""
    lowercase: bool = True
    """convert captions to lower case"""
    max_symbols: int = 60
    """maximum tokens of a caption: longer ones are excluded"""


@dataclass(frozen=True, kw_only=True)
class PictureEncoder:
    """The network that reads a picture, or a frame of a clip."""

    encoder: str = "auto"
    """cnn (trained along), photos (EfficientNet-Lite0) or module:Class; auto: by data"""
    size: int | None = None
    """cnn: pixels of a side (default: 48 scenes, 40 actions, 96 pictures, 64 clips)"""
    maps: tuple[int, ...] | None = formerly(None, MAPS)
    """cnn: feature maps of each block (default: 24 48 96, of clips 8 16 32)"""
    depth: int = 1
    """cnn: convolutions of a block"""

    def __post_init__(self) -> None:
        check_size("depth", self.depth)
        if self.encoder not in ("auto", "cnn", "photos") and self.encoder.count(":") != 1:
            raise ArgumentError("encoder", "auto, cnn, photos or module:Class", self.encoder)
        if self.encoder not in ("auto", "cnn"):
            refuse_changed(self, ("size", "maps", "depth"), f"with --encoder {self.encoder}, which does not use it")
        if self.size is not None and not LEAST_SIZE <= self.size <= LARGEST:
            raise ArgumentError("size", f"from {LEAST_SIZE} to {LARGEST} pixels", self.size)
        maps = self.blocks
        check_convolutions(maps, self.depth)
        if self.size is not None and self.size >> len(maps) < 1:
            raise ArgumentError("maps", f"at most {self.size.bit_length() - 1} blocks for {self.size} pixels", maps)

    @property
    def blocks(self) -> tuple[int, ...]:
        """The feature maps of each block."""
        return MAPS if self.maps is None else self.maps


@dataclass(frozen=True, kw_only=True)
class ClipReading:
    """How clips are read, where the data are clips."""

    clip_encoder: Literal["recurrent", "mean"] = "recurrent"
    """clips: recurrent layers over the frames, or the frames and their mean"""
    bidirectional: bool = True
    """recurrent: in both directions"""
    differences: bool = True
    """also read the change of each frame since the one before it"""
    rate: float | None = None
    """frames per second that clips are read at (default: their own)"""
    most_frames: int = 256
    """of a clip with more frames so many are read, evenly spaced"""

    def __post_init__(self) -> None:
        check_size("most_frames", self.most_frames)
        if self.rate is not None and not 0 < self.rate <= FASTEST:
            raise ArgumentError("rate", f"frames per second, above 0 and at most {FASTEST:g}", self.rate)
        if self.clip_encoder == "mean":
            refuse_changed(self, ["bidirectional"], "with --clip-encoder mean, which does not use it")


@dataclass(frozen=True, kw_only=True)
class Describer:
    """The decoder and its attention."""

    attention: Literal["soft", "hard", "none"] = "soft"
    """soft, hard (one sampled place per word) or none (Xu et al. 2015)"""
    attention_size: int | None = None
    """hidden width of the attention (default: hidden_size)"""
    gate: bool = True
    """a gate between the attention and the decoder"""
    image: Literal["first", "every"] = "first"
    """without attention: the picture is the first input, or part of every input"""
    doubly_stochastic: float = 0.0
    """soft: weight of the penalty on places with a sum of attention other than 1"""
    entropy: float = 0.01
    """hard: weight of the entropy of the attention, as a share of the loss"""
    reward: float = 0.2
    """hard: weight of the reward (REINFORCE, Williams 1992)"""
    encoder_size: int = 256
    """width of the features of a place"""
    embedding_size: int = 128
    """width of the embeddings and of the layer before the output"""
    tied: bool = True
    """tie the output weights to the embedding"""
    label_smoothing: float = 0.0
    """label smoothing (Szegedy et al. 2016)"""

    def __post_init__(self) -> None:
        for name in ("encoder_size", "embedding_size"):
            check_size(name, getattr(self, name))
        if self.attention_size is not None:
            check_size("attention_size", self.attention_size)
        check_rate("label_smoothing", self.label_smoothing)
        for name in ("doubly_stochastic", "entropy", "reward"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(name, "a number of at least 0", getattr(self, name))
        unused = ["image"] if self.attention != "none" else ["attention_size", "gate"]
        unused += ["doubly_stochastic"] if self.attention != "soft" else []
        unused += ["entropy", "reward"] if self.attention != "hard" else []
        refuse_changed(self, unused, f"with --attention {self.attention}, which does not use it")


@checked
@dataclass(frozen=True, kw_only=True)
class Decoding(Search):
    """The options of the search for captions."""

    beam: int = 5
    """beam size: captions kept per picture; 1: greedy decoding"""
    length_penalty: float = 0.6
    """length penalty, above 0 favours longer captions (Wu et al. 2016, section 7)"""
    min_length: int = 1
    """minimum tokens of a caption"""
    max_length: int = 0
    """maximum tokens of a caption; 0: those of the longest training caption"""


@dataclass(frozen=True, kw_only=True)
class CaptionConfig:
    """Configuration of a captioner and its training."""

    data: Captions = field(default_factory=Captions)
    units: Words = field(default_factory=Words)
    pictures: PictureEncoder = field(default_factory=PictureEncoder)
    clips: ClipReading = field(default_factory=ClipReading)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="lstm", num_layers=1, dropout=0.1))
    captioner: Describer = field(default_factory=Describer)
    decoding: Decoding = field(default_factory=Decoding)
    training: Training = field(default_factory=lambda: Training(time="5m", batch_size=64, lr=2e-3))
    start: Start = field(default_factory=Start)

    def __post_init__(self) -> None:
        refuse_changed(self.model, ["dilation"], "with caption, whose decoder starts from the picture")
        self.units.check(self.vocabulary)
        if self.decoding.coverage_penalty and self.captioner.attention == "none":
            raise ArgumentError("coverage_penalty", "omitted without attention", self.decoding.coverage_penalty)

    @property
    def vocabulary(self) -> str:
        """The kind of vocabulary."""
        return "word" if self.units.vocabulary == "auto" else self.units.vocabulary

    @property
    def channels(self) -> int:
        """Numbers of a pixel."""
        return 1 if self.data.data == ACTIONS and self.encoder == "cnn" else 3

    @property
    def encoder(self) -> str:
        """The encoder."""
        if self.pictures.encoder != "auto":
            return self.pictures.encoder
        return "cnn" if self.data.data in NAMES else "photos"
