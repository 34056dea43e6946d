"""Metrics of a text classifier on labelled texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...data.labelled import Examples
from ..common import class_measures
from ..common.class_measures import Measures, scores

if TYPE_CHECKING:
    from .trained import TrainedClassifier


def measure(
    classifier: TrainedClassifier, examples: Examples, progress: Callable[[int], None] | None = None
) -> Measures:
    """Evaluate a classifier; ``progress`` is called with the number of texts classified so far.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    true = true_classes(classifier, examples)
    return scores(classifier.probabilities(examples.texts, progress), true, classifier.classes)


def true_classes(classifier: TrainedClassifier, examples: Examples) -> npt.NDArray[np.int64]:
    """Return the number of each text's true class ``(N,)``.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    return class_measures.true_classes(examples.labels, examples.texts, classifier.classes)
