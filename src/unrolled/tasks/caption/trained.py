"""A trained captioner: describe pictures, evaluate, show the attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

import numpy as np
import torch
import torch.nn.functional as F

from ... import results
from ...analysis.inspection import Inspection
from ...checks import UNCHECKED, Size, checked_methods
from ...data.batches import in_order, pad
from ...data.caption_sets import read_test
from ...data.captioned import Captioned
from ...decoding.best import best_sequences
from ...decoding.search import Hypothesis
from ...errors import RunError
from ...layers.decoder import inside
from ...results import Input, Picture, Prediction, Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.language import BEGIN, END, Language, shifted
from ..common.own_data import TrainedOnSets
from ..common.prediction import Part
from ..common.recurrent import restored
from ..common.trained import Modules
from .captions import Caption
from .drawing import drawing, opened
from .evaluation import Evaluate, Measures, evaluation, measured
from .exported import modules
from .inspection import reading
from .model import Captioner
from .pictures import Array, PictureReader
from .predictions import Predict, predictions

BATCH = 64  # pictures
ROWS = 512  # captions per batch, which bounds the memory footprint
MOST_PLACES, MOST_CHANNELS, MOST_TOKENS = 1 << 18, 1 << 16, 10_000  # limits of a model file


@checked_methods
class TrainedCaptioner(TrainedOnSets[Captioned]):
    """A trained captioner, as returned by `unrolled.load` for a run of the task ``caption``.

        handle = unrolled.load("runs/caption-captions-1")
        handle.caption(["photo.jpg"], beam=5)[0][0].text

    Args:
        model: the network.
        language: the tokenizer of the captions.
        config: the configuration it was trained with.
        longest: tokens of the longest training caption.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "caption"
    loss_unit: ClassVar[str] = "nats"
    noun: ClassVar[str] = "pictures"
    model: Captioner

    def __init__(
        self, model: Captioner, language: Language, config: Any, longest: int, fingerprint: str | None = None
    ) -> None:
        super().__init__(model, config, fingerprint)
        self.language, self.longest = language, longest
        self.reader = PictureReader(config.encoder, config.pictures)

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedCaptioner:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file lacks what the model needs, or the weights do not fit.
        """
        language = Language.from_json(file.assets.get("language"))
        shape, longest = file.assets.get("shape"), file.assets.get("longest")
        shape = shape if isinstance(shape, list) and all(type(n) is int and n > 0 for n in shape) else []
        if len(shape) != 3 or shape[0] * shape[1] > MOST_PLACES or shape[2] > MOST_CHANNELS:
            raise RunError("the model file does not give the size of its pictures; restore it or train anew")
        if type(longest) is not int or not 0 < longest <= MOST_TOKENS:
            raise RunError("the model file does not give the length of its captions; restore it or train anew")
        own = config.pictures if config.encoder == "cnn" else None

        def build() -> Captioner:
            return Captioner(len(language), (shape[0], shape[1], shape[2]), config.model, config.captioner, own)

        return cls(restored(file, config.model, build), language, config, longest, file.assets.get("data"))

    def caption(
        self,
        pictures: Annotated[Sequence[Any], UNCHECKED],
        *,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> list[list[Caption]]:
        """Return the ``n_best`` captions of each picture, best first.

        Args:
            pictures: files (paths), bytes of files, Pillow's images, or arrays ``(h, w)`` or ``(h, w, 3)`` of integers
                in 0..255 or floats in 0..1.
            progress: called with the number of pictures described so far.
            options: options of `Decoding` by name that differ from those of the run (`Search.changed`).

        Raises:
            ArgumentError: an option is invalid.
            DataError: a picture cannot be read.
        """
        self.config.decoding.changed(**options)
        if not len(pictures):
            return []
        pixels = [self.reader.read(opened_path(picture), f"picture {n}") for n, picture in enumerate(pictures, 1)]
        return self.described(self.reader.encode(np.stack(pixels)), progress, **options)

    def predict(self, pictures: Annotated[Sequence[Any], UNCHECKED], *, explain: bool = False) -> list[Prediction]:
        """Return the best caption of each picture; with ``explain`` also a drawing of the attention of each word."""
        found = []
        for n, (picture, (best, *_)) in enumerate(zip(pictures, self.caption(pictures), strict=True), 1):
            name = str(picture) if isinstance(picture, str | Path) else f"picture {n}"
            parts = (self.explained(opened_path(picture), name, best),) if explain else ()
            found.append(Prediction(name, best.text, parts=parts))
        return found

    def explained(self, picture: Annotated[Any, UNCHECKED], name: str, caption: Caption) -> Picture:
        """Return the picture once per word, with the attention."""
        return Picture("attention", lambda: self.drawn(picture, caption), f"{Path(name).name}: {caption.text}")

    def drawn(self, picture: Annotated[Any, UNCHECKED], caption: Caption) -> bytes:
        """Return the PNG file of `explained`."""
        return drawing(opened(picture), caption.tokens, caption.weights)

    @torch.no_grad()
    def described(
        self, arrays: Annotated[Array, UNCHECKED], progress: Callable[[int], None] | None = None, **options: Any
    ) -> list[list[Caption]]:
        """Return captions of pictures as `PictureReader.encode` returns them; see `caption`."""
        decoding = self.config.decoding.changed(**options)
        found: list[list[Caption]] = []
        size = max(1, min(BATCH, ROWS // decoding.beam))
        unknown = [] if self.language.unknown is None else [self.language.unknown]
        for begin in range(0, len(arrays), size):
            pictures = torch.from_numpy(np.array(arrays[begin : begin + size])).to(self.device)
            encoded = self.model.encode(pictures)
            limits = torch.full((len(pictures),), decoding.max_length or max(self.longest, decoding.min_length))
            places = torch.full((len(pictures),), len(self.model.place))
            hypotheses = best_sequences(
                self.model.step(encoded.memory), self.model.begin(encoded), len(pictures), decoding,
                begin=BEGIN, end=END, never=unknown, max_lengths=limits, source_lengths=places,
            )  # fmt: skip
            found += [[self._decoded(hypothesis) for hypothesis in some] for some in hypotheses]
            if progress is not None:
                progress(len(found))
        return found

    def _decoded(self, hypothesis: Hypothesis) -> Caption:
        weights = hypothesis.weights
        if weights is not None:
            weights = weights[: len(hypothesis.ids)].reshape(-1, *self.model.grid_size).cpu()
        return Caption(
            self.language.decode(hypothesis.ids),
            hypothesis.score,
            hypothesis.log_probability,
            self.language.pieces(hypothesis.ids),
            None if weights is None else weights.numpy(),
        )

    @torch.no_grad()
    def loss(self, captioned: Captioned, arrays: Annotated[Array, UNCHECKED]) -> dict[str, float]:
        """Return the loss (nats per token) and the perplexity of all captions, with teacher forcing."""
        total, count, longest = 0.0, 0, self.config.units.max_symbols
        encoded = [(n, np.append(self.language.encode(text)[:longest], END)) for n, text in captioned.pairs()]
        for batch in in_order([len(ids) for _, ids in encoded], BATCH):
            some = [encoded[n] for n in batch.tolist()]
            target, lengths = (tensor.to(self.device) for tensor in pad([ids for _, ids in some]))
            pictures, rows = np.unique([n for n, _ in some], return_inverse=True)
            given = torch.from_numpy(np.array(arrays[pictures])).to(self.device)
            outputs, _ = self.model(given, torch.from_numpy(rows).to(self.device), shifted(target), lengths)
            mask = inside(len(target), lengths)
            total += float(F.cross_entropy(self.model.logits(outputs[mask]).float(), target[mask], reduction="sum"))
            count += int(mask.sum())
        return {"loss": total / count, "perplexity": float(np.exp(min(total / count, 700)))}

    def measures(
        self,
        captioned: Captioned,
        arrays: Annotated[Array, UNCHECKED],
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Measures:
        """Return the captions of pictures and their scores; ``options`` as in `caption`."""
        return measured([best for best, *_ in self.described(arrays, progress, **options)], captioned)

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Return `Measures` on the pictures that `find` returns, the pictures and notes.

        Raises:
            DataError: there are no pictures.
            RunError: the run's own data cannot be read, or have changed.
        """
        captioned, notes = self.find(data, split)
        measures = self.measures(captioned, self.reader.read_all(captioned))
        return {"measures": measures, "examples": captioned, "notes": notes}

    def read_other(self, data: str, images: str | None = None) -> tuple[Captioned, list[str]]:
        """See `TrainedOnSets.read_other`; ``images`` is the folder of the pictures (default: found beside the file)."""
        return read_test(data, images, self.config.data.form if images is None else "auto")

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | results.Part]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> NoReturn:
        """Raise `RunError`: a captioner needs a whole picture; see `Trained.streaming`."""
        raise self.unable("answer step by step: it needs the whole picture")

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        return modules(self)

    def own_lines(self) -> list[str]:
        """Return the captions of the test part of the run's own data.

        Raises:
            DataError: there are none.
            RunError: the run's own data cannot be read, or has changed.
        """
        return [caption for _, caption in self.find(None, "test")[0].pairs()]

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Prepare captions, one per line, for inspection of the decoder; ``starts`` is ignored.

        Raises:
            DataError: the text is blank.
        """
        return reading(self, text)


def opened_path(picture: Any) -> Any:
    """Return a path for text that names a file; other pictures unchanged."""
    return Path(picture).expanduser() if isinstance(picture, str) else picture
