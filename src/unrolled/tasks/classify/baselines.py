"""Baselines for text classification: chance, majority class, bag of words."""

from __future__ import annotations

import numpy as np

from ...data.labelled import Examples
from ...errors import ArgumentError
from ..common.class_measures import Measures, scores


def baselines(train: Examples, examples: Examples, classes: list[str]) -> dict[str, Measures]:
    """Fit each baseline to ``train`` and evaluate it on ``examples``.

    * random guess: every class with probability 1/C; the expected accuracy, 1/C, is reported;
    * majority class: the class frequencies in ``train``;
    * bag of words: logistic regression on tf-idf weights of word unigrams and bigrams (scikit-learn).

    Raises:
        ArgumentError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ArgumentError("baselines", "omitted without scikit-learn", True, "pip install scikit-learn") from None
    numbers = {name: number for number, name in enumerate(classes)}
    train_labels, labels = ([numbers[label] for label in part.labels] for part in (train, examples))
    true = np.array(labels)
    uniform = np.full((len(true), len(classes)), 1 / len(classes))
    frequencies = np.bincount(train_labels, minlength=len(classes)) / len(train_labels)
    bag = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+", lowercase=True)
    regression = LogisticRegression(C=10.0, max_iter=1000).fit(bag.fit_transform(train.texts), train_labels)
    predicted = np.zeros((len(true), len(classes)))
    predicted[:, regression.classes_] = regression.predict_proba(bag.transform(examples.texts))
    guess = scores(uniform, true, classes)
    return {
        "random guess": Measures(guess.loss, 1 / len(classes), float("nan"), float("nan"), guess.confusion, classes),
        "majority class": scores(np.tile(frequencies, (len(true), 1)), true, classes),
        "bag of words": scores(predicted, true, classes),
    }
