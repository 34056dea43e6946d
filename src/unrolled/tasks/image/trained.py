"""A trained image classifier: predict classes, explain predictions, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from PIL import Image

from ...checks import UNCHECKED, checked_methods
from ...data.labelled_pictures import Pictures
from ...data.pictures import Pixels, fitted, from_array, open_picture
from ...errors import RunError
from ...results import Input, Picture, Prediction, Progress, Report, silent
from ...training import modelfile
from ...training.modelfile import ModelFile
from ..common.class_measures import Matrix, scores, true_classes
from ..common.classes import class_row, stored_classes
from ..common.guessed_columns import with_guessed_columns
from ..common.own_data import TrainedOnSets
from ..common.prediction import Part
from ..common.trained import Modules, Streaming
from .evaluation import Evaluate, evaluation
from .explanation import drawing, maps
from .inspection import Inspect, inspection
from .model import ImageClassifier
from .prediction import Predict, predictions

# N pictures, h × w pixels, C channels, K classes

AT_ONCE = 64  # pictures classified together


@checked_methods
class TrainedImages(TrainedOnSets[Pictures]):
    """A trained image classifier, as returned by `unrolled.load` for a run of the task ``image``.

        handle = unrolled.load("runs/image-generated-1")
        handle.predict(["photo.jpg"])[0].answer

    Args:
        model: ``pixels (B, h, w, C) → logits (B, K)``.
        classes: the names of the K classes.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "image"
    noun: ClassVar[str] = "pictures"
    model: ImageClassifier

    def __init__(self, model: ImageClassifier, classes: list[str], config: Any, fingerprint: str | None = None) -> None:
        super().__init__(model, config, fingerprint)
        self.classes = classes

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedImages:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file does not list the classes, or the weights do not fit.
        """
        classes = stored_classes(file)
        if config.data.size is None or config.data.channels is None:
            raise RunError("the model file does not give the size of its pictures; restore it or train anew")
        with torch.device("meta"):
            modelfile.check_fit(
                ImageClassifier(config.data.channels, len(classes), config.model), file.tensors, "the model file"
            )
        model = ImageClassifier(config.data.channels, len(classes), config.model)
        modelfile.restore(model, file.tensors, "the model file")
        config = with_guessed_columns(config, file, ("path_column", "label_column"))
        return cls(model, classes, config, file.assets.get("data"))

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        side = f"{self.config.data.size} × {self.config.data.size} pixels"
        colours = "grey" if self.config.data.channels == 1 else "RGB"
        return [
            *super().about(),
            ("pictures", f"{side}, {colours}"),
            class_row(self.classes),
        ]

    def predict(self, pictures: Annotated[Sequence[Any], UNCHECKED], *, explain: bool = False) -> list[Prediction]:
        """Predict the class of each picture, with probabilities.

        Args:
            pictures: files (paths), bytes of files, Pillow's images, or arrays ``(h, w)`` or ``(h, w, C)`` of integers
                in 0..255 or floats in 0..1.
            explain: add a drawing of the places that the answer depends on, see `unrolled.tasks.image.explanation`.

        Raises:
            DataError: a picture cannot be read.
        """
        named = [(str(p) if isinstance(p, str | Path) else f"picture {n}", p) for n, p in enumerate(pictures, 1)]
        return list(self.classified([(name, self.read(given, name)) for name, given in named], explain=explain))

    def read(self, picture: Annotated[Any, UNCHECKED], name: str = "") -> Pixels:
        """Return the pixels ``(h, w, C)`` of a picture as the model reads them; see `predict`.

        Raises:
            DataError: the picture cannot be read.
        """
        data = self.config.data
        size = (data.size, data.size)
        if isinstance(picture, str):
            picture = Path(picture).expanduser()
        if isinstance(picture, Path | bytes | Input):
            opened = open_picture(picture, name, least=size)
        elif isinstance(picture, Image.Image):
            opened = from_array(np.asarray(picture.convert("RGB")), name)
        else:
            opened = from_array(picture, name)
        return fitted(opened, size, data.channels, fit=data.fit)

    def classified(self, pictures: Sequence[tuple[str, Pixels]], *, explain: bool = False) -> Iterator[Prediction]:
        """Yield the prediction for each of these named pictures, read by `read`."""
        if not pictures:
            return
        probabilities = self.probabilities(np.stack([pixels for _, pixels in pictures]))
        for (name, pixels), row in zip(pictures, probabilities, strict=True):
            best, other = np.argsort(-row, stable=True)[:2].tolist()
            parts = (self._explained(name, pixels, best, other, float(row[best])),) if explain else ()
            yield Prediction(name, self.classes[best], dict(zip(self.classes, row.tolist(), strict=True)), parts=parts)

    def _explained(self, name: str, pixels: Pixels, best: int, other: int, share: float) -> Picture:
        names = self.classes[best], self.classes[other]

        def draw() -> bytes:
            occluded, gradient = maps(self, pixels, best, other)
            title = f"{names[0]} {share:.0%}"
            return drawing(pixels, title, names, [("occlusion", occluded), ("gradient x input", gradient)])

        return Picture("explained", draw, f"{Path(name).name}: {names[0]} against {names[1]}")

    @torch.no_grad()
    def probabilities(self, pixels: Pixels, progress: Callable[[int], None] | None = None) -> Matrix:
        """Return probabilities ``(N, K)`` of pictures ``(N, h, w, C)``; ``progress`` is called with the number of
        pictures classified so far."""
        found = np.zeros((len(pixels), len(self.classes)))
        for begin in range(0, len(pixels), AT_ONCE):
            batch = torch.from_numpy(np.ascontiguousarray(pixels[begin : begin + AT_ONCE]))
            logits = self.model(batch.to(self.device))
            found[begin : begin + AT_ONCE] = logits.double().softmax(1).cpu().numpy()
            if progress is not None:
                progress(min(len(pixels), begin + AT_ONCE))
        return found

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Return `Measures` on the pictures that `find` returns, the pictures and notes.

        Raises:
            DataError: there are no pictures, or a label is not one of the classes of the model.
            RunError: the run's own pictures cannot be read, or have changed.
        """
        pictures, notes = self.find(data, split)
        true = true_classes(pictures.labels, pictures.names, self.classes)
        measures = scores(self.probabilities(pictures.pixels), true, self.classes)
        return {"measures": measures, "examples": pictures, "notes": notes}

    def read_other(self, data: str) -> tuple[Pictures, list[str]]:
        """See `TrainedOnSets.read_other`."""
        found: tuple[Pictures, list[str]] = self.config.data.read_test(data)
        return found

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def inspection(self, options: Inspect, words: Sequence[str], progress: Progress = silent) -> Report:
        """See `Trained.inspection`."""
        return inspection(self, options, words, progress)

    def streaming(self, lanes: int = 1) -> Streaming:
        """See `Trained.streaming`.

        Raises:
            RunError: always.
        """
        raise self.unable("answer step by step: it reads whole pictures")

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the size of the pictures and the classes."""
        data = self.config.data
        around = {"size": data.size, "channels": data.channels, "fit": data.fit, "classes": self.classes}
        return Modules(self.model, None, (), (("pixels",), ("logits",)), around)
