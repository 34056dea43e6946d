"""A short description of a model's architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_name(options: Mapping[str, Any]) -> str:
    """Return a name such as ``lstm 2×256``, ``transformer 4×128, context 256``, ``feed-forward 16→256``, ``5-gram``,
    ``cnn 3,4,5×100`` or ``bag of words``, with ``?`` for a missing option.
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
    size = f"{options.get('num_layers', '?')}×{options.get('hidden_size', '?')}"
    if options.get("kind") == "transformer":
        return f"transformer {size}, context {options.get('context', '?')}"
    return f"{options.get('cell', '?')} {size}"
