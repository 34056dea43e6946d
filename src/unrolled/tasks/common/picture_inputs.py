"""Pictures as inputs of `unrolled predict`: files, or JSON with a picture in base64."""

from __future__ import annotations

import base64
import binascii

from ...errors import DataError
from ...results import Input


def picture_input(given: Input) -> Input:
    """Return an input whose content is a picture; JSON has it as base64 in ``image``.

    Raises:
        DataError: JSON without a picture.
    """
    if not isinstance(given.content, dict):
        return given
    try:
        return Input(base64.b64decode(given.content["image"], validate=True), given.title)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise DataError(f'{given.title} must be JSON such as {{"image": "…"}} with a picture in base64') from error
