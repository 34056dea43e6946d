"""A short description of a model's architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_name(options: Mapping[str, Any]) -> str:
    """Return ``lstm 2×256``, ``feed-forward 16→256``, ``cnn 3,4,5×100``, ``5-gram`` or ``bag of words``.

    A missing option is ``?``.
    """
    match options.get("kind", "recurrent"):
        case "bag":
            return "bag of words"
        case "cnn":
            widths = options.get("filters")
            joined = ",".join(map(str, widths)) if isinstance(widths, list | tuple) else "?"
            return f"cnn {joined}×{options.get('maps', '?')}"
        case "ngram":
            return f"{options.get('order', '?')}-gram"
        case "feedforward":
            return f"feed-forward {options.get('context', '?')}→{options.get('hidden_size', '?')}"
    return f"{options.get('cell', '?')} {options.get('num_layers', '?')}×{options.get('hidden_size', '?')}"
