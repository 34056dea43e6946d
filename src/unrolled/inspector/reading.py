"""How a model goes through a text, whatever its task: the trained model says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analysis.inspection import Inspection, check_recurrent
from ..checks import checked
from ..errors import RunError
from ..tasks.common.inspectable import Readable


@checked
def read(model: Any, text: str, starts: Sequence[int] = (0,)) -> Inspection:
    """What a trained model of any task makes of a text.

    Args:
        model: what `unrolled.load` gives.
        text: at least one character.
        starts: where documents begin, ascending; a language model's state is fresh there.

    Raises:
        RunError: the model has no recurrent layers, or reads no text.
        DataError: the text has characters that it cannot read.
    """
    check_recurrent(getattr(model, "model", model))
    if not isinstance(model, Readable):
        raise RunError(
            f"a {type(model).__name__} reads no text, so there is none to look at its units over; give the run of a "
            "model that reads text"
        )
    return model.reading(text, starts)
