"""The reader and the network of a configuration, for pictures or clips."""

from __future__ import annotations

from collections.abc import Sequence

from .caption_decoder import CaptionDecoder
from .clip_model import ClipCaptioner
from .clips import ClipReader
from .config import CaptionConfig
from .model import Captioner
from .pictures import PictureReader


def reader(config: CaptionConfig) -> PictureReader | ClipReader:
    """Return the reader of pictures or clips."""
    pictures = PictureReader(config.encoder, config.pictures)
    return ClipReader(pictures, config.clips, config.channels) if config.data.clips else pictures


def network(config: CaptionConfig, symbols: int, shape: Sequence[int]) -> CaptionDecoder:
    """Return a new network for ``symbols`` tokens.

    Args:
        config: the configuration.
        symbols: V, vocabulary size.
        shape: h, w and C of a picture or frame as it is read.

    Raises:
        ArgumentError: sizes do not match.
    """
    h, w, channels = shape
    own = config.pictures if config.encoder == "cnn" else None
    if config.data.clips:
        return ClipCaptioner(symbols, (h, w, channels), config.model, config.captioner, own, config.clips)
    return Captioner(symbols, (h, w, channels), config.model, config.captioner, own)
