"""What a classifier has to beat: chance, the commonest class, and counting words."""

from __future__ import annotations

import numpy as np

from ...data.labelled import Examples
from ...errors import ArgumentError
from .measures import Measures, scores


def baselines(train: Examples, examples: Examples, classes: list[str]) -> dict[str, Measures]:
    """Each baseline, learned from ``train``, on ``examples``.

    * guess: every class with probability 1/C; its accuracy is 1/C whatever is answered, and so is given as that;
    * majority class: the shares of the classes in ``train``;
    * bag of words: logistic regression on tf-idf weights of words and pairs of words (scikit-learn).

    Raises:
        ArgumentError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ArgumentError("baselines", "left out without scikit-learn", True, "pip install scikit-learn") from None
    numbers = {name: number for number, name in enumerate(classes)}
    known, true = ([numbers[label] for label in part.labels] for part in (train, examples))
    right = np.array(true)
    even = np.full((len(right), len(classes)), 1 / len(classes))
    shares = np.bincount(known, minlength=len(classes)) / len(known)
    bag = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+", lowercase=True)
    regression = LogisticRegression(C=10.0, max_iter=1000).fit(bag.fit_transform(train.texts), known)
    counted = np.zeros((len(right), len(classes)))
    counted[:, regression.classes_] = regression.predict_proba(bag.transform(examples.texts))
    guess = scores(even, right, classes)
    return {
        "random guess": Measures(guess.loss, 1 / len(classes), float("nan"), float("nan"), guess.confusion, classes),
        "majority class": scores(np.tile(shares, (len(right), 1)), right, classes),
        "bag of words": scores(counted, right, classes),
    }
