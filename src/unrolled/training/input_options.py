"""What the command line asks of the options of ``unrolled predict``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from ..results import Input


class InputOptions(Protocol):
    """The options of one task's ``unrolled predict``, a frozen dataclass: they say how words become inputs."""

    input_name: ClassVar[str]
    """What a word after RUN is, such as ``text`` or ``file``."""

    def inputs(self, words: Sequence[str]) -> Iterator[list[Input]]:
        """The inputs, in order, as many at once as are there (at most `results.inputs.AT_ONCE`): of the words, of the
        files that options name, or of standard input, where an input may come any time.

        Raises:
            ArgumentError: there are none.
            DataError: they cannot be read; those before are answered.
        """
