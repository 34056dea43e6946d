"""Untrained classifiers of a small file of reviews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from unrolled.data.generated_reviews import reviews
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.tasks.classify.task import Classification
from unrolled.tasks.classify.trained import TrainedClassifier
from unrolled.training.config import update


def write_reviews(path: Path, count: int = 60) -> Path:
    """A file of texts and labels."""
    made = reviews(3, count)
    rows = ({"text": text, "label": label} for text, label in zip(made.texts, made.labels, strict=True))
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def classifier(data: Path, seed: int = 0, **options: Any) -> TrainedClassifier:
    """A model with larger weights than it would begin with, so that its answers differ."""
    small = {"hidden_size": 5, "embedding_size": 4, "num_layers": 2, "dropout": 0.0}
    config = update(ClassifyConfig(), data=str(data), **small | options)
    task = Classification(config)
    task.prepare()
    torch.manual_seed(seed)
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return TrainedClassifier(model, task.reader, task.classes, config, task.fingerprint())
