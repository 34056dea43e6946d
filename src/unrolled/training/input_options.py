"""The interface of the options of ``unrolled predict``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from ..results import Input


class InputOptions(Protocol):
    """Options of ``unrolled predict`` for one task, a frozen dataclass: how command-line arguments become inputs."""

    input_name: ClassVar[str]
    """The name of an argument after RUN, such as ``text`` or ``file``."""

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """Yield the inputs in order, in chunks of those available (at most `results.inputs.AT_ONCE`).

        Inputs come from the arguments ``words``, from files named by options, or from standard input.

        Raises:
            ArgumentError: there are no inputs.
            DataError: an input cannot be read; inputs before it have been yielded.
        """
