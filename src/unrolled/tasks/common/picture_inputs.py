"""Pictures as inputs of `unrolled predict`: files, or JSON with a picture in base64."""

from __future__ import annotations

import base64
import binascii

from ...errors import DataError
from ...results import Input


def picture_input(given: Input, what: str = "picture") -> Input:
    """Return an input whose content is a picture, or a clip; JSON has it as base64 in ``image`` or ``clip``.

    Args:
        given: the input.
        what: ``picture`` or ``clip``.

    Raises:
        DataError: JSON without it.
    """
    if not isinstance(given.content, dict):
        return given
    key = "image" if what == "picture" else what
    try:
        return Input(base64.b64decode(given.content[key], validate=True), given.title)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise DataError(f'{given.title} must be JSON such as {{"{key}": "…"}} with a {what} in base64') from error
