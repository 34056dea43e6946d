"""Prepare a trained model of any task and a text for inspection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analysis.inspection import Inspection, check_recurrent
from ..checks import checked
from ..errors import RunError
from ..tasks.common.inspectable import Readable


@checked
def read(model: Any, text: str, starts: Sequence[int] = (0,)) -> Inspection:
    """Return an `Inspection`: a trained model of any task with the text that it reads.

    Args:
        model: the result of `unrolled.load`.
        text: at least one character.
        starts: the positions where documents begin, ascending; a language model resets its state there.

    Raises:
        RunError: the model has no recurrent layers, or does not read text.
        DataError: the text has characters that the model cannot encode.
    """
    check_recurrent(getattr(model, "model", model))
    if not isinstance(model, Readable):
        raise RunError(
            f"a {type(model).__name__} does not read text, so its units cannot be inspected on one; give the run of a "
            "model that reads text"
        )
    return model.reading(text, starts)
