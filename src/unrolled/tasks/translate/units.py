"""The tokenization of the source and the target language."""

from __future__ import annotations

from dataclasses import dataclass

from ..common.language import Tokenization


@dataclass(frozen=True, kw_only=True)
class Units(Tokenization):
    """The tokenization of the sentences."""

    shared: bool = False
    """share one vocabulary between both languages"""
    reverse_source: bool = False
    """reverse the source (Sutskever et al. 2014)"""
