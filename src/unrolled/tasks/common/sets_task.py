"""The base of tasks whose data are training, validation and test sets, such as labelled texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol

from ...data.named_data import NamedData
from ...data.sets import Sets
from ...results import Report
from ...training.task import Task


class Description(Protocol):
    """What a task says about its data: its module ``description.py``."""

    def named(self) -> list[NamedData]:
        """See `Task.named`."""

    def likely(self, path: Path, /) -> bool:
        """See `Task.likely`."""

    def describe(self, data: Any, /) -> Report:
        """See `Task.describe`; ``data`` is the group of options ``data``."""

    def suspicious(self, sets: Any, /) -> list[str]:
        """Return notes on likely mistakes in the `Sets`, such as equal examples with several labels."""


class SetsTask(Task):
    """A task on three sets of examples, which `prepare` reads into ``sets``; its model is a `TrainedOnSets`."""

    description: ClassVar[Description]
    sets: Sets[Any]

    @classmethod
    def named(cls) -> list[NamedData]:
        return cls.description.named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        return cls.description.likely(path)

    def describe(self) -> Report:
        return self.description.describe(self.config.data)

    def check(self) -> list[str]:
        return [*self.prepare(), *self.description.suspicious(self.sets)]

    def test_cost(self) -> float:
        return len(self.sets.test) / (len(self.sets.valid) or len(self.sets.train))

    def fingerprint(self) -> str:
        return self.sets.digest()
